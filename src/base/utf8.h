// UTF-8: one code point at a time, strictly (no surrogates, no overlong forms, nothing past U+10FFFF).
//
//   for (size_t at = 0; at < text.size();) {
//     const CodePoint c = decode_utf8(text, at);
//     at += c.size;
//   }
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace orrery {

inline constexpr char32_t kReplacement = 0xFFFD;
inline constexpr std::string_view kReplacementText = "\xEF\xBF\xBD";

struct CodePoint {
  char32_t value = 0;
  uint32_t size = 0;   // bytes taken, at least 1
  bool valid = true;   // otherwise value is U+FFFD and size that of the maximal invalid part
};

CodePoint decode_utf8_long(std::string_view text, size_t at);   // of a byte >= 0x80

// The code point that begins at byte `at`, which must be less than text.size().
inline CodePoint decode_utf8(std::string_view text, size_t at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  if (byte < 0x80) return {byte, 1, true};
  return decode_utf8_long(text, at);
}

// The same of valid UTF-8: nothing is checked.
inline CodePoint decode_valid_utf8(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(text[at + i])); };
  const char32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  if (first < 0xE0) return {(first & 0x1F) << 6 | (byte(1) & 0x3F), 2};
  if (first < 0xF0) return {(first & 0xF) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3};
  return {(first & 7) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F), 4};
}

// The start of the code point that ends before byte `at` > 0, in valid UTF-8.
inline size_t previous_utf8(std::string_view text, size_t at) {
  do --at;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
  return at;
}

void append_utf8(std::string& text, char32_t c);
std::string to_utf8(char32_t c);

bool is_ascii(std::string_view text);
bool is_valid_utf8(std::string_view text);
size_t count_code_points(std::string_view text);   // of valid UTF-8

// The text with U+FFFD for each maximal invalid part, and how many there were (0: `text` is unchanged).
struct RepairedText {
  std::string text;
  size_t invalid_parts = 0;
};
RepairedText repair_utf8(std::string_view bytes);

}  // namespace orrery
