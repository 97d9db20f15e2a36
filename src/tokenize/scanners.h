// Hand-written scanners for the regular expressions of well-known tokenizers: they cut a text exactly where the
// expression, matched again and again from the left, would. One pass, no engine, no look-ahead beyond one run.
#pragma once

#include <string_view>

#include "base/unicode.h"
#include "base/utf8.h"

namespace orrery {

inline constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

namespace scan {

// The three kinds of character that GPT-2's expression tells apart; 0 is the rest: punctuation, symbols, marks.
inline uint32_t kind(char32_t c) { return unicode_classes(c) & (kWhitespace | kLetter | kNumber); }

// The end of the run of characters of one kind that begins at `at`.
inline size_t run_of(std::string_view text, size_t at, uint32_t wanted) {
  while (at < text.size()) {
    const CodePoint c = decode_utf8(text, at);
    if (kind(c.value) != wanted) break;
    at += c.size;
  }
  return at;
}

// The length of 's 't 'm 'd 're 've 'll at `at`, or 0.
inline size_t contraction(std::string_view text, size_t at) {
  const char first = at + 1 < text.size() ? text[at + 1] : '\0';
  const char second = at + 2 < text.size() ? text[at + 2] : '\0';
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
  if ((first == 'r' && second == 'e') || (first == 'v' && second == 'e') || (first == 'l' && second == 'l')) return 3;
  return 0;
}

}  // namespace scan

// emit(begin, end) for each match of kGpt2Pattern. The matches cover the text.
template <class Emit>
void scan_gpt2(std::string_view text, Emit emit) {
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    if (text[at] == '\'') end += scan::contraction(text, at);
    if (end == at) {
      const size_t first = at + (text[at] == ' ' && at + 1 < text.size());   // a word takes one space before it
      const uint32_t kind = scan::kind(decode_utf8(text, first).value);
      if (kind != kWhitespace) {
        end = scan::run_of(text, first, kind);
      } else {
        end = scan::run_of(text, at, kWhitespace);
        // \s+(?!\S): a run before a word gives up its last space, unless it has no other.
        const size_t last = previous_utf8(text, end);
        if (end < text.size() && last > at) end = last;
      }
    }
    emit(at, end);
    at = end;
  }
}

}  // namespace orrery
