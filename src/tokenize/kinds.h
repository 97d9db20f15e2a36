// The kinds of the characters of up to 64 bytes of text, as masks: bit i is of byte i, and all bytes of a character have its kind.
//
// ASCII is told apart 16 bytes at a time (as in Langdale and Lemire 2019, "Parsing Gigabytes of JSON"), longer characters one by
// one from a table of two bits each.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/unicode.h"
#include "base/utf8.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace orrery {

struct Kinds {
  uint64_t letter = 0, number = 0, space = 0, other = 0;   // space is all white space; other the rest: punctuation, symbols, marks
  uint64_t newline = 0, blank = 0, quote = 0;              // \n and \r; ' '; the apostrophe
  uint64_t inner = 0;                                      // bytes that go on with a character
  unsigned size = 0;                                       // bytes told; bits after them are zero
};

// Letter, number, white space or none of these, of the characters below U+10000: two bits each.
class KindTable {
 public:
  static const KindTable& shared() {
    static const KindTable made;
    return made;
  }
  struct Sixty4 {
    uint64_t low = 0, high = 0;   // letter 1, number 2, white space 3
  };
  const Sixty4& of(uint32_t c) const { return sets_[c >> 6]; }

 private:
  KindTable() {
    for (uint32_t c = 0; c < 0x10000; ++c) {
      const uint32_t kind = unicode_classes(c);
      const uint64_t bit = uint64_t(1) << (c & 63);
      if (kind & (kLetter | kWhitespace)) sets_[c >> 6].low |= bit;
      if (kind & (kNumber | kWhitespace)) sets_[c >> 6].high |= bit;
    }
  }
  std::array<Sixty4, 1024> sets_;
};

// Capital, small letter, mark, or none of these, in the same way.
class CaseTable {
 public:
  static const CaseTable& shared() {
    static const CaseTable made;
    return made;
  }
  const KindTable::Sixty4& of(uint32_t c) const { return sets_[c >> 6]; }   // capital 1, small 2, mark 3
  static uint32_t of_any(uint32_t c) {
    const uint32_t classes = unicode_classes(c);
    return classes & (kUpper | kTitle) ? 1 : classes & kLower ? 2 : classes & kMark ? 3 : 0;
  }

 private:
  CaseTable() {
    for (uint32_t c = 0; c < 0x10000; ++c) {
      sets_[c >> 6].low |= uint64_t(of_any(c) & 1) << (c & 63);
      sets_[c >> 6].high |= uint64_t(of_any(c) >> 1) << (c & 63);
    }
  }
  std::array<KindTable::Sixty4, 1024> sets_;
};

namespace kinds {

struct Raw {   // 64 bytes, those of longer characters not told yet
  uint64_t letter = 0, number = 0, space = 0, newline = 0, blank = 0, quote = 0;
};
struct Longer {   // bytes of longer characters, and those that do not begin one
  uint64_t high = 0, inner = 0;
};

#if defined(__SSE2__)
inline uint64_t mask_of(__m128i bytes) { return static_cast<uint64_t>(static_cast<uint32_t>(_mm_movemask_epi8(bytes))); }

// 0xFF where from <= byte < from + count.
inline __m128i in_range(__m128i bytes, char from, int count) {
  const __m128i moved = _mm_sub_epi8(bytes, _mm_set1_epi8(static_cast<char>(from + 128)));   // signed: from is at -128
  return _mm_cmplt_epi8(moved, _mm_set1_epi8(static_cast<char>(count - 128)));
}

inline Raw raw(const char* at) {
  Raw k;
  for (int i = 0; i < 4; ++i) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at) + i);
    const __m128i blank = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(' '));
    const int shift = 16 * i;
    k.letter |= mask_of(in_range(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), 'a', 26)) << shift;
    k.number |= mask_of(in_range(bytes, '0', 10)) << shift;
    k.space |= mask_of(_mm_or_si128(in_range(bytes, '\t', 5), blank)) << shift;
    k.newline |= mask_of(_mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\r')))) << shift;
    k.blank |= mask_of(blank) << shift;
    k.quote |= mask_of(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\''))) << shift;
  }
  return k;
}
inline uint64_t capitals(const char* at) {
  uint64_t mask = 0;
  for (int i = 0; i < 4; ++i) mask |= mask_of(in_range(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at) + i), 'A', 26)) << (16 * i);
  return mask;
}
inline uint64_t slashes(const char* at) {
  uint64_t mask = 0;
  for (int i = 0; i < 4; ++i) mask |= mask_of(_mm_cmpeq_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at) + i), _mm_set1_epi8('/'))) << (16 * i);
  return mask;
}
inline Longer longer(const char* at) {
  const auto* from = reinterpret_cast<const __m128i*>(at);
  const auto load = [&](int i) { return _mm_loadu_si128(from + i); };
  Longer k;
  if (_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(load(0), load(1)), _mm_or_si128(load(2), load(3)))) == 0) return k;
  for (int i = 0; i < 4; ++i) {
    k.high |= mask_of(load(i)) << (16 * i);
    k.inner |= mask_of(_mm_cmplt_epi8(load(i), _mm_set1_epi8(-64))) << (16 * i);
  }
  return k;
}

// The first bytes of Han characters, Hangul syllables and nearly all kana: letters that are told without a table. All of
// 66 bytes are read.
inline uint64_t east_asian_letters(const char* at) {
  const auto all = [](int byte) { return _mm_set1_epi8(static_cast<char>(byte)); };
  const auto is = [&](__m128i bytes, int byte) { return _mm_cmpeq_epi8(bytes, all(byte)); };
  const auto below = [&](__m128i bytes, int byte) { return _mm_cmplt_epi8(bytes, all(byte)); };   // of two bytes beyond ASCII
  const auto above = [&](__m128i bytes, int byte) { return _mm_cmpgt_epi8(bytes, all(byte)); };
  uint64_t mask = 0;
  for (int i = 0; i < 4; ++i) {
    const auto load = [&](int n) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + 16 * i + n)); };
    const __m128i first = load(0), second = load(1);
    // U+4E00 ... U+9FFF and U+AC00 ... U+D77F
    const __m128i outside = _mm_or_si128(_mm_or_si128(_mm_and_si128(is(first, 0xE4), below(second, 0xB8)), _mm_and_si128(is(first, 0xEA), below(second, 0xB0))),
                                         _mm_and_si128(is(first, 0xED), above(second, 0x9D)));
    __m128i letters = _mm_andnot_si128(outside, in_range(first, '\xE4', 10));
    const __m128i kana = is(first, 0xE3);
    if (_mm_movemask_epi8(kana) != 0) {   // U+3041 ... U+3096, U+30A1 ... U+30FF but U+30FB
      const __m128i third = load(2);
      const __m128i within = _mm_or_si128(_mm_or_si128(_mm_and_si128(is(second, 0x81), above(third, 0x80)), _mm_andnot_si128(is(third, 0xBB), is(second, 0x83))),
                                          _mm_and_si128(is(second, 0x82), _mm_or_si128(below(third, 0x97), above(third, 0xA0))));
      letters = _mm_or_si128(letters, _mm_and_si128(kana, within));
    }
    mask |= mask_of(letters) << (16 * i);
  }
  return mask;
}
#else
inline uint64_t east_asian_letters(const char*) { return 0; }
inline Raw raw(const char* at) {
  Raw k;
  for (int i = 0; i < 64; ++i) {
    const auto byte = static_cast<unsigned char>(at[i]);
    const uint64_t bit = uint64_t(1) << i;
    if (byte < 0x80 && is(byte, kLetter)) k.letter |= bit;
    if (byte >= '0' && byte <= '9') k.number |= bit;
    if (byte < 0x80 && is(byte, kWhitespace)) k.space |= bit;
    if (byte == '\n' || byte == '\r') k.newline |= bit;
    if (byte == ' ') k.blank |= bit;
    if (byte == '\'') k.quote |= bit;
  }
  return k;
}
inline uint64_t capitals(const char* at) {
  uint64_t mask = 0;
  for (int i = 0; i < 64; ++i) mask |= uint64_t(at[i] >= 'A' && at[i] <= 'Z') << i;
  return mask;
}
inline uint64_t slashes(const char* at) {
  uint64_t mask = 0;
  for (int i = 0; i < 64; ++i) mask |= uint64_t(at[i] == '/') << i;
  return mask;
}
inline Longer longer(const char* at) {
  Longer k;
  for (int i = 0; i < 64; ++i) {
    const auto byte = static_cast<unsigned char>(at[i]);
    if (byte >= 0x80) k.high |= uint64_t(1) << i;
    if (byte >= 0x80 && byte < 0xC0) k.inner |= uint64_t(1) << i;
  }
  return k;
}
#endif

}  // namespace kinds

// The kinds of the longer characters of `bytes`, whose place is told by `longer`. The first that is not whole ends what is told.
inline void add_longer(Kinds& k, const char* bytes, size_t readable, kinds::Longer longer, const KindTable& table) {
  k.inner = longer.inner;
  uint64_t low = 0, high = 0;   // of the table, at the first byte of each character
  constexpr uint64_t kWhole = ~uint64_t(0) >> 2;   // first bytes of characters that end in the 64
  if (readable >= 66 && (k.inner & k.inner << 1) != 0) low = kinds::east_asian_letters(bytes) & kWhole;
  for (uint64_t firsts = longer.high & ~longer.inner & ~low; firsts != 0; firsts &= firsts - 1) {
    const auto i = static_cast<unsigned>(std::countr_zero(firsts));
    const auto byte = [&](size_t n) { return static_cast<uint32_t>(static_cast<unsigned char>(bytes[i + n])); };
    const uint32_t first = byte(0), size = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (i + size > k.size) {
      k.size = i;
      break;
    }
    if (size < 4) {
      const uint32_t c = size == 2 ? (first & 0x1F) << 6 | (byte(1) & 0x3F) : (first & 0xF) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
      const KindTable::Sixty4& set = table.of(c);
      low |= (set.low >> (c & 63) & 1) << i;
      high |= (set.high >> (c & 63) & 1) << i;
      continue;
    }
    const uint32_t kind = unicode_classes(decode_valid_utf8({bytes + i, 4}, 0).value);
    if (kind & (kLetter | kWhitespace)) low |= uint64_t(1) << i;
    if (kind & (kNumber | kWhitespace)) high |= uint64_t(1) << i;
  }
  for (int n = 0; n < 3; ++n) low |= (low << 1) & k.inner, high |= (high << 1) & k.inner;
  k.letter |= low & ~high;
  k.number |= high & ~low;
  k.space |= low & high;
}

// Of the text from byte `at` on, where a character begins; up to 64 bytes, whole characters.
[[gnu::always_inline]] inline Kinds kinds_at(std::string_view text, size_t at, const KindTable& table) {
  const size_t left = text.size() - at;
  char padded[64];
  const char* bytes = text.data() + at;
  Kinds k;
  k.size = 64;
  if (left < 64) {
    std::memset(padded, 0, sizeof padded);
    std::memcpy(padded, bytes, left);
    bytes = padded;
    k.size = static_cast<unsigned>(left);
  }
  const kinds::Raw raw = kinds::raw(bytes);
  k.letter = raw.letter, k.number = raw.number, k.space = raw.space;
  k.newline = raw.newline, k.blank = raw.blank, k.quote = raw.quote;
  if (const kinds::Longer longer = kinds::longer(bytes); longer.high != 0) add_longer(k, bytes, left, longer, table);
  const uint64_t told = k.size < 64 ? (uint64_t(1) << k.size) - 1 : ~uint64_t(0);
  k.letter &= told, k.number &= told, k.space &= told;
  k.other = told & ~(k.letter | k.number | k.space);
  return k;
}

// Of the letters that `k` tells, in the same bytes; and the marks, which are among the others.
struct Cases {
  uint64_t capital = 0, small = 0, mark = 0;
  uint64_t slash = 0;
};

inline Cases cases_at(std::string_view text, size_t at, const Kinds& k, const CaseTable& table) {
  char padded[64];
  const char* bytes = text.data() + at;
  if (text.size() - at < 64) {
    std::memset(padded, 0, sizeof padded);
    std::memcpy(padded, bytes, text.size() - at);
    bytes = padded;
  }
  const uint64_t told = k.size < 64 ? (uint64_t(1) << k.size) - 1 : ~uint64_t(0);
  const uint64_t high = kinds::longer(bytes).high & told;
  Cases cases;
  cases.slash = kinds::slashes(bytes) & told;
  uint64_t low = 0, top = 0;
  for (uint64_t firsts = high & ~k.inner & (k.letter | k.other); firsts != 0; firsts &= firsts - 1) {
    const auto i = static_cast<unsigned>(std::countr_zero(firsts));
    const char32_t c = decode_valid_utf8({bytes + i, 64 - i}, 0).value;
    uint64_t now_low, now_top;
    if (c < 0x10000) {
      const KindTable::Sixty4& set = table.of(c);
      now_low = set.low >> (c & 63) & 1, now_top = set.high >> (c & 63) & 1;
    } else {
      now_low = CaseTable::of_any(c) & 1, now_top = CaseTable::of_any(c) >> 1;
    }
    low |= now_low << i, top |= now_top << i;
  }
  for (int n = 0; n < 3; ++n) low |= (low << 1) & k.inner, top |= (top << 1) & k.inner;
  const uint64_t capital = kinds::capitals(bytes) & told;
  cases.capital = capital | (low & ~top);
  cases.small = (k.letter & ~high & ~capital) | (top & ~low);
  cases.mark = low & top;
  return cases;
}

}  // namespace orrery
