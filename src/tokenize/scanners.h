// Hand-written scanners for the regular expressions of well-known tokenizers: they cut a text exactly where the
// expression, matched again and again from the left, would. One pass, no engine, no look-ahead beyond one run.
#pragma once

#include <string>
#include <string_view>

#include "base/unicode.h"
#include "base/utf8.h"

namespace orrery {

inline constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// Llama 3's expression and, with one digit at a time, Qwen 2's.
inline constexpr std::string_view kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
inline constexpr std::string_view kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

// cl100k's, as tiktoken has it and as Oniguruma reads it: the same words, but white space at the end of a text is one of them.
inline constexpr std::string_view kCl100kPattern =
    R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s)";
inline constexpr std::string_view kCl100kOniguruma =
    R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|(?>\p{N}{1,3})| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++\z|\s*[\r\n]|\s+(?!\S)|\s)";

// o200k's: words end where a capital follows a small letter, marks are of words, contractions belong to the word before them.
inline constexpr std::string_view kO200kPattern =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

// CLIP's: white space is of no match.
inline constexpr std::string_view kClipPattern =
    R"(<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)";

namespace scan {

// The three kinds of character that GPT-2's expression tells apart; 0 is the rest: punctuation, symbols, marks.
inline uint32_t kind(char32_t c) { return unicode_classes(c) & (kWhitespace | kLetter | kNumber); }

// The end of the run of characters of one kind that begins at `at`.
inline size_t run_of(std::string_view text, size_t at, uint32_t wanted) {
  while (at < text.size()) {
    const CodePoint c = decode_valid_utf8(text, at);
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

// The same without regard to case, where U+017F (long s) is an s.
inline size_t contraction_any_case(std::string_view text, size_t at) {
  const auto lower = [&](size_t i) -> char { return i < text.size() ? static_cast<char>(text[i] | 0x20) : '\0'; };   // of what is no letter: no letter
  const char first = lower(at + 1), second = lower(at + 2);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
  if ((first == 'r' && second == 'e') || (first == 'v' && second == 'e') || (first == 'l' && second == 'l')) return 3;
  return text.substr(at + 1).starts_with("\xC5\xBF") ? 3 : 0;
}

inline bool is_newline(char c) { return c == '\n' || c == '\r'; }

// The end of the white space that begins at `at`, by \s+(?!\S)|\s+ : a run before a word gives up its last character,
// unless it has no other.
inline size_t space_end(std::string_view text, size_t at) {
  const size_t end = run_of(text, at, kWhitespace);
  const size_t last = previous_utf8(text, end);
  return end < text.size() && last > at ? last : end;
}

}  // namespace scan

namespace scan {

// The end of the match of kGpt2Pattern that begins at `at`.
inline size_t gpt2_end(std::string_view text, size_t at) {
  if (text[at] == '\'')
    if (const size_t size = contraction(text, at)) return at + size;
  const size_t first = at + (text[at] == ' ' && at + 1 < text.size());   // a word takes one space before it
  const uint32_t kind = scan::kind(decode_utf8(text, first).value);
  return kind != kWhitespace ? run_of(text, first, kind) : space_end(text, at);
}

}  // namespace scan

namespace scan {

// The end of the match of kClipPattern that begins at `at`, or `at` where none does.
inline size_t clip_end(std::string_view text, size_t at) {
  for (const std::string_view marker : {"<|startoftext|>", "<|endoftext|>"})
    if (text.substr(at).starts_with(marker)) return at + marker.size();
  if (text[at] == '\'')
    if (const size_t size = contraction(text, at)) return at + size;
  const CodePoint c = decode_valid_utf8(text, at);
  const uint32_t first = kind(c.value);
  if (first == kWhitespace) return at;
  return first == kNumber ? at + c.size : run_of(text, at, first);
}

}  // namespace scan

// emit(begin, end) for each match of kGpt2Pattern. The matches cover the text.
template <class Emit>
void scan_gpt2(std::string_view text, Emit emit) {
  for (size_t at = 0; at < text.size();) {
    const size_t end = scan::gpt2_end(text, at);
    emit(at, end);
    at = end;
  }
}

namespace scan {

// The end of the match of kLlama3Pattern, with up to `most_digits` in a number, that begins at `at`; of kCl100kPattern with `whole_tail`.
inline size_t llama3_end(std::string_view text, size_t at, int most_digits, bool whole_tail = false) {
  if (text[at] == '\'')
    if (const size_t size = contraction_any_case(text, at)) return at + size;
  const CodePoint c = decode_utf8(text, at);
  const uint32_t first = kind(c.value);
  const size_t next = at + c.size;
  if (first == kLetter) return run_of(text, at, kLetter);
  if (first == kNumber) {
    size_t end = next;
    for (int digits = 1; digits < most_digits && end < text.size(); digits++) {
      const CodePoint digit = decode_utf8(text, end);
      if (kind(digit.value) != kNumber) break;
      end += digit.size;
    }
    return end;
  }
  const uint32_t second = next < text.size() ? kind(decode_utf8(text, next).value) : kWhitespace;
  if (second == kLetter && !is_newline(text[at])) return run_of(text, next, kLetter);
  if (first == 0 || (text[at] == ' ' && second == 0)) {
    size_t end = run_of(text, first == 0 ? at : next, 0);
    while (end < text.size() && is_newline(text[end])) end++;
    return end;
  }
  // \s*[\r\n]+ : up to the last newline of the white space, if it has one.
  size_t end = run_of(text, at, kWhitespace);
  if (whole_tail && end == text.size()) return end;
  while (end > at && !is_newline(text[end - 1])) end = previous_utf8(text, end);
  return end > at ? end : space_end(text, at);
}

}  // namespace scan

namespace scan {

// What o200k's expression tells apart of letters and marks: capitals (1), small letters (2), what may be either (3); 0 is the rest.
inline uint32_t letter_case(char32_t c) {
  const uint32_t classes = unicode_classes(c);
  if (classes & (kUpper | kTitle)) return 1;
  if (classes & kLower) return 2;
  return classes & (kLetter | kMark) ? 3 : 0;
}

// The end of the letters that match from `begin` on: capitals, then small letters. Without small ones after them the capitals go as far as
// the last that may be small, or they are all. `begin` itself where there are none.
inline size_t letters_end(std::string_view text, size_t begin, bool& all_capitals) {
  size_t at = begin, after_either = begin;
  all_capitals = false;
  while (at < text.size()) {
    const CodePoint c = decode_valid_utf8(text, at);
    const uint32_t now = letter_case(c.value);
    if (now == 0) break;
    if (now == 2) {
      do at += decode_valid_utf8(text, at).size;
      while (at < text.size() && (letter_case(decode_valid_utf8(text, at).value) & 2) != 0);
      return at;
    }
    at += c.size;
    if (now == 3) after_either = at;
  }
  all_capitals = after_either == begin && at > begin;
  return all_capitals ? at : after_either;
}

// The end of the match of kO200kPattern that begins at `at`.
inline size_t o200k_end(std::string_view text, size_t at) {
  const CodePoint c = decode_valid_utf8(text, at);
  const uint32_t first = kind(c.value);
  const size_t next = at + c.size;
  bool all_capitals = false;
  const auto with_contraction = [&](size_t end) { return end < text.size() && text[end] == '\'' ? end + contraction_any_case(text, end) : end; };
  if (first == kLetter) return with_contraction(letters_end(text, at, all_capitals));
  if (first == kNumber) return llama3_end(text, at, 3);
  if (!is_newline(text[at])) {   // it may stand before letters
    const size_t end = letters_end(text, next, all_capitals);
    const bool is_mark = first == 0 && letter_case(c.value) == 3;   // a small letter itself, where only capitals follow
    if (is_mark) return with_contraction(end > next && !all_capitals ? end : next);
    if (end > next) return with_contraction(end);
  }
  if (first == 0 || (text[at] == ' ' && next < text.size() && kind(decode_valid_utf8(text, next).value) == 0)) {
    size_t end = run_of(text, first == 0 ? at : next, 0);
    while (end < text.size() && (is_newline(text[end]) || text[end] == '/')) end++;
    return end;
  }
  return llama3_end(text, at, 3);
}

}  // namespace scan

// emit(begin, end) for each match of kClipPattern.
template <class Emit>
void scan_clip(std::string_view text, Emit emit) {
  for (size_t at = 0; at < text.size();) {
    const size_t end = scan::clip_end(text, at);
    if (end > at) emit(at, end);
    at = end > at ? end : at + decode_valid_utf8(text, at).size;
  }
}

// emit(begin, end) for each match. The matches cover the text.
template <class Emit>
void scan_llama3(std::string_view text, int most_digits, Emit emit, bool whole_tail = false) {
  for (size_t at = 0; at < text.size();) {
    const size_t end = scan::llama3_end(text, at, most_digits, whole_tail);
    emit(at, end);
    at = end;
  }
}

}  // namespace orrery
