// The kinds of the characters of 64 bytes (kinds.h). ASCII is told apart a register at a time (as in Langdale and Lemire 2019, "Parsing
// Gigabytes of JSON"), and so are the letters of East Asia; other longer characters one by one from a table of two bits each.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/cpu/bytes.h"
#include "base/unicode.h"
#include "base/utf8.h"
#include "tokenize/kinds.h"

namespace orrery::cpu::ORRERY_ISA {

// Bytes of longer characters, and those of them that do not begin one.
struct Longer {
  uint64_t high = 0, inner = 0;
};
inline Longer longer(const char* bytes) {
  Longer k;
  k.high = bits_of_64(bytes, [](Bytes b) { return beyond_ascii(b); });
  if (k.high != 0) k.inner = bits_of_64(bytes, [](Bytes b) { return b < 0xC0; });
  return k;
}

// The first bytes of characters that are told without a table: of letters, Han, Hangul syllables and nearly all kana; and of what is
// none, the commas, stops and brackets beside them. All of 66 bytes are read.
struct EastAsian {
  uint64_t letters = 0, others = 0;
};
inline EastAsian east_asian(const char* text) {
  EastAsian found;
  each_of_64(text, [&](Bytes first, int at) {
    const Bytes second = Bytes::load(text + at + 1), third = Bytes::load(text + at + 2);
    // U+4E00 ... U+9FFF and U+AC00 ... U+D77F
    const Lanes outside = ((first == 0xE4) & (second < 0xB8)) | ((first == 0xEA) & (second < 0xB0)) | ((first == 0xED) & (second > 0x9D));
    // U+3041 ... U+3096, U+30A1 ... U+30FF but U+30FB
    const Lanes at_e3 = first == 0xE3, e3_83 = at_e3 & (second == 0x83), dot = third == 0xBB;
    const Lanes kana = (at_e3 & (((second == 0x81) & (third > 0x80)) | ((second == 0x82) & ((third < 0x97) | (third > 0xA0))))) | without(e3_83, dot);
    found.letters |= bits(without(within(first, 0xE4, 10), outside) | kana) << at;
    // U+30FB, U+3001 ... U+3003, U+3008 ... U+3011, U+FF01 ... U+FF0F
    const Lanes stops = (at_e3 & (second == 0x80) & (within(third, 0x81, 3) | within(third, 0x88, 10))) | ((first == 0xEF) & (second == 0xBC) & within(third, 0x81, 15));
    found.others |= bits((e3_83 & dot) | stops) << at;
  });
  return found;
}

// The kinds of the longer characters of `bytes`, whose place is told by `longer`. The first that is not whole ends what is told.
inline void add_longer(Kinds& k, const char* bytes, size_t readable, Longer longer, const KindTable& table) {
  k.inner = longer.inner;
  uint64_t low = 0, high = 0;   // of the table, at the first byte of each character
  constexpr uint64_t kWhole = ~uint64_t(0) >> 2;   // first bytes of characters that end in the 64
  uint64_t told = 0;
  if (readable >= 66 && (k.inner & k.inner << 1) != 0) {
    const EastAsian found = east_asian(bytes);
    low = found.letters & kWhole;
    told = low | (found.others & kWhole);
  }
  for (uint64_t firsts = longer.high & ~longer.inner & ~told; firsts != 0; firsts &= firsts - 1) {
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
  each_of_64(bytes, [&](Bytes b, int i) {
    const Lanes blank = b == ' ';
    k.letter |= bits(within(b | 0x20, 'a', 26)) << i;
    k.number |= bits(within(b, '0', 10)) << i;
    k.space |= bits(within(b, '\t', 5) | blank) << i;
    k.newline |= bits((b == '\n') | (b == '\r')) << i;
    k.blank |= bits(blank) << i;
    k.quote |= bits(b == '\'') << i;
  });
  if (const Longer found = longer(bytes); found.high != 0) add_longer(k, bytes, left, found, table);
  const uint64_t told = k.size < 64 ? (uint64_t(1) << k.size) - 1 : ~uint64_t(0);
  k.letter &= told, k.number &= told, k.space &= told;
  k.other = told & ~(k.letter | k.number | k.space);
  return k;
}

inline Cases cases_at(std::string_view text, size_t at, const Kinds& k, const CaseTable& table) {
  char padded[64];
  const char* bytes = text.data() + at;
  if (text.size() - at < 64) {
    std::memset(padded, 0, sizeof padded);
    std::memcpy(padded, bytes, text.size() - at);
    bytes = padded;
  }
  const uint64_t told = k.size < 64 ? (uint64_t(1) << k.size) - 1 : ~uint64_t(0);
  const uint64_t high = longer(bytes).high & told;
  Cases cases;
  cases.slash = bits_of_64(bytes, [](Bytes b) { return b == '/'; }) & told;
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
  const uint64_t capital = bits_of_64(bytes, [](Bytes b) { return within(b, 'A', 26); }) & told;
  cases.capital = capital | (low & ~top);
  cases.small = (k.letter & ~high & ~capital) | (top & ~low);
  cases.mark = low & top;
  return cases;
}

}  // namespace orrery::cpu::ORRERY_ISA
