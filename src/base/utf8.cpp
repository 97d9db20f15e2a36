#include "base/utf8.h"

#include <array>
#include <cstring>

#include "base/processor.h"

namespace orrery {

namespace {

// The well-formed sequences are those of table 3-7 of the Unicode Standard: only the second byte's range depends on the first.
CodePoint decode_strictly(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const unsigned first = byte(at);
  uint32_t size = 0;
  if (first >= 0xC2 && first <= 0xDF) size = 2;
  if (first >= 0xE0 && first <= 0xEF) size = 3;
  if (first >= 0xF0 && first <= 0xF4) size = 4;
  if (size == 0) return {kReplacement, 1, false};

  unsigned low = 0x80, high = 0xBF;
  if (first == 0xE0) low = 0xA0;
  if (first == 0xED) high = 0x9F;
  if (first == 0xF0) low = 0x90;
  if (first == 0xF4) high = 0x8F;

  char32_t value = first & (0x7Fu >> size);
  for (uint32_t i = 1; i < size; i++) {
    const unsigned next = byte(at + i);
    if (next < low || next > high) return {kReplacement, i, false};
    value = value << 6 | (next & 0x3F);
    low = 0x80, high = 0xBF;
  }
  return {value, size, true};
}

}  // namespace

// Two and three bytes by what they say, as nearly all texts have them; the rest, and what is wrong, step by step.
CodePoint decode_utf8_long(std::string_view text, size_t at) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data()) + at;
  const size_t left = text.size() - at;
  const auto goes_on = [&](size_t i) { return (bytes[i] & 0xC0) == 0x80; };
  if (bytes[0] >= 0xE0 && bytes[0] < 0xF0 && left >= 3 && goes_on(1) && goes_on(2)) {
    const CodePoint c = decode_valid_utf8(text, at);
    if (c.value >= 0x800 && c.value - 0xD800 >= 0x800) return c;
  }
  if (bytes[0] >= 0xC2 && bytes[0] < 0xE0 && left >= 2 && goes_on(1)) return decode_valid_utf8(text, at);
  return decode_strictly(text, at);
}

void append_utf8(std::string& text, char32_t c) {
  std::array<char, 4> bytes;
  size_t size = 0;
  const auto put = [&](char32_t byte) { bytes[size++] = static_cast<char>(byte); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6), put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12), put(0x80 | (c >> 6 & 0x3F)), put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18), put(0x80 | (c >> 12 & 0x3F)), put(0x80 | (c >> 6 & 0x3F)), put(0x80 | (c & 0x3F));
  }
  text.append(bytes.data(), size);
}

std::string to_utf8(char32_t c) {
  std::string text;
  append_utf8(text, c);
  return text;
}

bool is_ascii(std::string_view text) {
  size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    uint64_t word;
    std::memcpy(&word, text.data() + at, 8);
    if (word & 0x8080808080808080u) return false;
  }
  for (; at < text.size(); at++)
    if (static_cast<unsigned char>(text[at]) >= 0x80) return false;
  return true;
}

#define DECLARE(set) \
  namespace cpu::set { \
  bool is_valid_utf8(std::string_view text); \
  }
ORRERY_EACH_SET(DECLARE)
#undef DECLARE

bool is_valid_utf8(std::string_view text) {
  static bool (*const chosen)(std::string_view) = [] {
    bool (*best)(std::string_view) = nullptr;
#define TAKE(set) \
  if (may_use(InstructionSet::set)) best = cpu::set::is_valid_utf8;
    ORRERY_EACH_SET(TAKE)
#undef TAKE
    return best;
  }();
  return chosen(text);
}

size_t count_code_points(std::string_view text) {
  size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return count;
}

RepairedText repair_utf8(std::string_view bytes) {
  RepairedText out;
  out.text.reserve(bytes.size());
  for (size_t at = 0; at < bytes.size();) {
    const CodePoint c = decode_utf8(bytes, at);
    if (c.valid) {
      out.text.append(bytes, at, c.size);
    } else {
      out.text += kReplacementText;
      out.invalid_parts++;
    }
    at += c.size;
  }
  return out;
}

}  // namespace orrery
