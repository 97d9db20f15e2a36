#include "base/utf8.h"

#include <array>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

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

#if defined(__SSE2__)
namespace {

// 64 bytes at a time, as masks of a bit each: bytes that go on must stand where the first bytes before them ask for some, and
// nowhere else.
struct Utf8Masks {
  __m128i bytes[4];

  template <class F>
  uint64_t where(F f) const {
    uint64_t mask = 0;
    for (int i = 0; i < 4; ++i) mask |= static_cast<uint64_t>(static_cast<uint32_t>(_mm_movemask_epi8(f(bytes[i])))) << (16 * i);
    return mask;
  }
  template <class F>
  bool any(F f) const {
    return _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(f(bytes[0]), f(bytes[1])), _mm_or_si128(f(bytes[2]), f(bytes[3])))) != 0;
  }
  static __m128i all(int byte) { return _mm_set1_epi8(static_cast<char>(byte)); }
  static __m128i is(__m128i b, int byte) { return _mm_cmpeq_epi8(b, all(byte)); }
  static __m128i is_at_least(__m128i b, int byte) { return _mm_cmpeq_epi8(_mm_max_epu8(b, all(byte)), b); }
  uint64_t at_least(int byte) const {
    return where([&](__m128i b) { return is_at_least(b, byte); });
  }
  uint64_t equal(int byte) const {
    return where([&](__m128i b) { return is(b, byte); });
  }
};

}  // namespace

bool is_valid_utf8(std::string_view text) {
  constexpr size_t kAhead = 1024;   // bytes asked for early: this is often the first look at a text, and memory is what it waits for
  uint64_t two = 0, three = 0, four = 0, e0 = 0, ed = 0, f0 = 0, f4 = 0;   // of the 64 before
  char padded[64];
  for (size_t at = 0; at < text.size(); at += 64) {
    const char* from = text.data() + at;
    if (text.size() - at < 64) {
      std::memset(padded, 0, sizeof padded);
      std::memcpy(padded, from, text.size() - at);
      from = padded;
    }
    __builtin_prefetch(from + kAhead);
    Utf8Masks m;
    for (int i = 0; i < 4; ++i) m.bytes[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from) + i);
    uint64_t asked = two >> 63 | three >> 62 | four >> 61;
    if (!m.any([](__m128i b) { return b; })) {
      if (asked != 0) return false;
      two = three = four = e0 = ed = f0 = f4 = 0;
      continue;
    }
    const uint64_t was_e0 = e0 >> 63, was_ed = ed >> 63, was_f0 = f0 >> 63, was_f4 = f4 >> 63;
    const uint64_t high = m.where([](__m128i b) { return b; });
    const uint64_t goes_on = m.where([](__m128i b) { return _mm_cmplt_epi8(b, Utf8Masks::all(0xC0)); });   // signed: 0x80 is the least
    two = high & ~goes_on;
    three = two & m.where([](__m128i b) { return _mm_cmpgt_epi8(b, Utf8Masks::all(0xDF)); });
    four = e0 = ed = f0 = f4 = 0;
    // First bytes that are wrong, of four bytes, or after which but a part of the bytes that go on may stand.
    if ((was_e0 | was_ed | was_f0 | was_f4) != 0 || m.any([](__m128i b) {
          const __m128i c = Utf8Masks::is(_mm_and_si128(b, Utf8Masks::all(0xFE)), 0xC0), e = _mm_or_si128(Utf8Masks::is(b, 0xE0), Utf8Masks::is(b, 0xED));
          return _mm_or_si128(_mm_or_si128(c, e), Utf8Masks::is_at_least(b, 0xF0));
        })) {
      uint64_t wrong = two & ~m.at_least(0xC2);
      four = m.at_least(0xF0);
      e0 = m.equal(0xE0), ed = m.equal(0xED);
      if (four != 0) f0 = m.equal(0xF0), f4 = m.equal(0xF4), wrong |= m.at_least(0xF5);
      const uint64_t after_e0 = e0 << 1 | was_e0, after_ed = ed << 1 | was_ed, after_f0 = f0 << 1 | was_f0, after_f4 = f4 << 1 | was_f4;
      if ((after_e0 | after_ed) != 0) {
        const uint64_t upper = m.at_least(0xA0);
        wrong |= (after_e0 & ~upper) | (after_ed & upper);
      }
      if ((after_f0 | after_f4) != 0) {
        const uint64_t upper = m.at_least(0x90);
        wrong |= (after_f0 & ~upper) | (after_f4 & upper);
      }
      if (wrong != 0) return false;
    }
    asked |= two << 1 | three << 2 | four << 3;
    if (asked != goes_on) return false;
  }
  return (two >> 63 | three >> 62 | four >> 61) == 0;
}
#else
bool is_valid_utf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    if (at + 8 <= text.size() && is_ascii(text.substr(at, 8))) {
      at += 8;
      continue;
    }
    const CodePoint c = decode_utf8(text, at);
    if (!c.valid) return false;
    at += c.size;
  }
  return true;
}
#endif

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
