#include "tokenize/word_scan.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "tokenize/kinds.h"
#include "tokenize/scanners.h"

namespace orrery {

namespace {

// The bytes from `at` on; what lies past the text is of no kind.
Kinds kinds_of(std::string_view text, size_t at) {
  const size_t left = text.size() - at;
  if (left >= 64) return kinds_of_64(text.data() + at);
  char padded[64] = {};
  std::memcpy(padded, text.data() + at, left);
  Kinds k = kinds_of_64(padded);
  k.other &= (uint64_t(1) << left) - 1;
  return k;
}

// One after the last bit of the run that begins at bit `at` < 64.
unsigned run_end(uint64_t mask, unsigned at) { return at + static_cast<unsigned>(std::countr_one(mask >> at)); }
bool has(uint64_t mask, unsigned at) { return at < 64 && (mask >> at & 1) != 0; }

// A text with the kinds of the 64 bytes from `base` on.
struct Window {
  std::string_view text;
  size_t base;
  Kinds kinds;

  // Whether all that a decision at bit `at` looks at, up to that bit, is in the window and ASCII or the text's end.
  bool settled(unsigned at) const { return at < 64 && !has(kinds.high, at); }

  // The end, in the text, of a run of one kind that begins at bit `at` and has that kind's mask.
  size_t end_of_run(uint64_t mask, unsigned at, uint32_t kind) const {
    const unsigned end = run_end(mask, at);
    return settled(end) ? base + end : scan::run_of(text, std::min(base + end, text.size()), kind);
  }
};

// The end of the match of kGpt2Pattern that begins at bit `at`.
size_t gpt2_end(const Window& w, unsigned at) {
  const Kinds& k = w.kinds;
  const size_t begin = w.base + at;
  if (w.text[begin] == '\'')
    if (const size_t size = scan::contraction(w.text, begin)) return begin + size;
  const unsigned first = at + (w.text[begin] == ' ' && begin + 1 < w.text.size());
  if (has(k.letter, first)) return w.end_of_run(k.letter, first, kLetter);
  if (has(k.other, first)) return w.end_of_run(k.other, first, 0);
  if (has(k.digit, first)) return w.end_of_run(k.digit, first, kNumber);
  if (has(k.space, first)) {
    const unsigned end = run_end(k.space, at);
    if (!w.settled(end)) return scan::space_end(w.text, begin);
    return w.base + end - (w.base + end < w.text.size() && end - at > 1);
  }
  const uint32_t kind = scan::kind(decode_valid_utf8(w.text, w.base + first).value);
  return kind != kWhitespace ? scan::run_of(w.text, w.base + first, kind) : scan::space_end(w.text, begin);
}

// The same of kLlama3Pattern and its kin.
size_t llama3_end(const Window& w, unsigned at, int most_digits) {
  const Kinds& k = w.kinds;
  const size_t begin = w.base + at;
  if (has(k.letter, at)) return w.end_of_run(k.letter, at, kLetter);
  if (w.text[begin] == '\'') return scan::llama3_end(w.text, begin, most_digits);
  if (has(k.high, at)) {
    const bool letter = scan::kind(decode_valid_utf8(w.text, begin).value) == kLetter;
    return letter ? scan::run_of(w.text, begin, kLetter) : scan::llama3_end(w.text, begin, most_digits);
  }
  if (has(k.digit, at)) {
    const unsigned end = run_end(k.digit, at), most = at + static_cast<unsigned>(most_digits);
    if (end >= most) return w.base + most;
    if (w.settled(end)) return w.base + end;
  } else if (!has(k.newline, at) && has(k.letter, at + 1)) {
    return w.end_of_run(k.letter, at + 1, kLetter);
  } else if (has(k.high, at + 1) && !has(k.newline, at) && scan::kind(decode_valid_utf8(w.text, begin + 1).value) == kLetter) {
    return scan::run_of(w.text, begin + 1, kLetter);
  } else if (const unsigned first = at + (w.text[begin] == ' '); has(k.other, first) && w.settled(at + 1)) {
    const unsigned end = run_end(k.other, first), lines = end < 64 ? run_end(k.newline, end) : 64;
    if (w.settled(end) && lines < 64) return w.base + lines;
  } else if (has(k.space, at)) {
    const unsigned end = run_end(k.space, at);
    if (w.settled(end)) {
      const uint64_t lines = k.newline & (end < 64 ? (uint64_t(1) << end) - 1 : ~uint64_t(0)) & ~((uint64_t(1) << at) - 1);
      if (lines != 0) return w.base + 64 - static_cast<size_t>(std::countl_zero(lines));
      return w.base + end - (w.base + end < w.text.size() && end - at > 1);
    }
  }
  return scan::llama3_end(w.text, begin, most_digits);
}

template <class End>
size_t words(std::string_view text, size_t at, uint32_t* ends, size_t most, End end_of) {
  size_t count = 0;
  while (at < text.size() && count < most) {
    const Window window{text, at, kinds_of(text, at)};
    do {
      at = end_of(window, static_cast<unsigned>(at - window.base));
      ends[count++] = static_cast<uint32_t>(at);
    } while (at - window.base < 64 && at < text.size() && count < most);
  }
  return count;
}

// Cuts before a byte that `is_space` and follows one that is not, nor a ▁, which may stand for one.
template <class IsSpace>
size_t cut_before(std::string_view text, size_t at, uint32_t* ends, size_t most, IsSpace is_space) {
  size_t count = 0;
  while (at < text.size() && count < most) {
    do {
      while (at < text.size() && is_space(text[at])) ++at;
      while (at < text.size() && !is_space(text[at])) ++at;
    } while (at < text.size() && text.substr(0, at).ends_with("\xE2\x96\x81"));
    ends[count++] = static_cast<uint32_t>(at);
  }
  return count;
}

}  // namespace

size_t words_at_spaces(std::string_view text, size_t at, uint32_t* ends, size_t most) {
  return cut_before(text, at, ends, most, [](char c) { return c == ' '; });
}
size_t words_at_white_space(std::string_view text, size_t at, uint32_t* ends, size_t most) {
  return cut_before(text, at, ends, most, [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; });
}

size_t words_gpt2(std::string_view text, size_t at, uint32_t* ends, size_t most) {
  return words(text, at, ends, most, gpt2_end);
}
size_t words_llama3(std::string_view text, size_t at, uint32_t* ends, size_t most) {
  return words(text, at, ends, most, [](const Window& w, unsigned bit) { return llama3_end(w, bit, 3); });
}
size_t words_qwen2(std::string_view text, size_t at, uint32_t* ends, size_t most) {
  return words(text, at, ends, most, [](const Window& w, unsigned bit) { return llama3_end(w, bit, 1); });
}

}  // namespace orrery
