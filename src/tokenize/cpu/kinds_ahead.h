// The kinds of the characters of a text (kinds.h). ASCII is told apart a register at a time (as in Langdale and Lemire 2019, "Parsing
// Gigabytes of JSON"), and so are the letters of East Asia; other longer characters from a table of two bits each, those of 64 that follow
// one another in Unicode at once.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

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

// The kinds of a text's characters, told 64 bytes at a time and ahead of who asks: what is asked for next hangs on what the bytes before
// it said, and telling them need not wait for that. Told: Kinds, or CasedKinds.
template <class Told>
class KindsAhead {
 public:
  explicit KindsAhead(std::string_view text) : text_(text) {}

  // From byte `at` on, where a character begins: whole characters, up to Kinds::kMost bytes. Not before `at` of the last call. `most`: so many
  // words are wanted, of which 64 bytes have about eight.
  [[gnu::always_inline]] Told at(size_t at, size_t most) {
    const size_t left = text_.size() - at;
    if (at + kSeen > end_ && end_ < text_.size()) {
      if (at >= end_ && left < kSeen) return rest(at);
      fill(at, most);
    }
    const size_t place = at - base_;
    Told k;
    k.inner = bits_from(&Masks::inner, place);
    // The last first byte of those seen is where the next characters begin.
    const auto whole = static_cast<unsigned>(63 - std::countl_zero(~k.inner & ((uint64_t(1) << kSeen) - 1)));
    k.size = left < whole ? static_cast<unsigned>(left) : whole;
    const uint64_t told = (uint64_t(1) << k.size) - 1;
    k.inner &= told;
    k.letter = bits_from(&Masks::letter, place) & told;
    k.number = bits_from(&Masks::number, place) & told;
    k.space = bits_from(&Masks::space, place) & told;
    k.newline = bits_from(&Masks::newline, place) & told;
    k.blank = bits_from(&Masks::blank, place) & told;
    k.quote = bits_from(&Masks::quote, place) & told;
    if constexpr (kCased) {
      k.low = bits_from(&Masks::low, place) & told;
      k.high = bits_from(&Masks::high, place) & told;
    }
    k.other = told & ~(k.letter | k.number | k.space);
    return k;
  }

 private:
  static constexpr bool kCased = std::is_same_v<Told, CasedKinds>;
  static constexpr size_t kBlocks = 8, kSeen = Kinds::kMost + 1;   // eight bytes from any byte on have so many bits from any bit of it on
  // One bit a byte from `base_` on; as many more as may be read.
  struct Masks {
    using Bits = std::array<uint64_t, kBlocks + 1>;
    Bits letter, number, space, newline, blank, quote, inner;
    Bits low, high;   // of CasedKinds

    void set(size_t block, const Told& k) {
      letter[block] = k.letter, number[block] = k.number, space[block] = k.space, newline[block] = k.newline;
      blank[block] = k.blank, quote[block] = k.quote, inner[block] = k.inner;
      if constexpr (kCased) low[block] = k.low, high[block] = k.high;
    }
    void move(size_t from, size_t to) {
      for (const auto bits : {&Masks::letter, &Masks::number, &Masks::space, &Masks::newline, &Masks::blank, &Masks::quote, &Masks::inner}) (this->*bits)[to] = (this->*bits)[from];
      if constexpr (kCased)
        for (const auto bits : {&Masks::low, &Masks::high}) (this->*bits)[to] = (this->*bits)[from];
    }
  };
  // The bits that a table has of each character, at its first byte, then at all its bytes; those of one that goes on in the next 64.
  struct Pair {
    uint64_t low = 0, high = 0;
    // Of those that begin at `firsts`, whose code points differ in the last six bits alone, and whose last bytes are `size` bytes later.
    void add(const char* bytes, int size, const KindTable::Sixty4& set, uint64_t firsts) {
      low |= in_set_of_64(bytes + size, firsts, set.low);
      high |= in_set_of_64(bytes + size, firsts, set.high);
    }
    void add(uint64_t is_low, uint64_t is_high, unsigned i) { low |= is_low << i, high |= is_high << i; }
    void spread(uint64_t inner, Pair& carry) {
      for (int n = 0; n < 3; ++n) low |= (low << 1 | carry.low) & inner, high |= (high << 1 | carry.high) & inner;
      carry = {low >> 63, high >> 63};
    }
  };

  uint64_t bits_from(typename Masks::Bits Masks::* bits, size_t place) const {
    uint64_t word;
    std::memcpy(&word, reinterpret_cast<const char*>((masks_.*bits).data()) + place / 8, sizeof word);
    return word >> (place & 7);
  }

  void fill(size_t at, size_t most) {
    size_t block = 0;
    if (at < end_) {   // then it is in the last of them
      masks_.move((end_ - base_) / 64 - 1, 0);
      base_ = end_ - 64;
      block = 1;
    } else {
      base_ = end_ = at;
      carry_ = case_carry_ = {};
    }
    for (const size_t blocks = std::min(most / 8 + 2, kBlocks); block < blocks && end_ < text_.size(); ++block, end_ += 64) masks_.set(block, next_64());
    masks_.set(block, {});
  }

  // Of a short text, or what is left of one: at once.
  Told rest(size_t at) {
    end_ = at;
    carry_ = case_carry_ = {};
    Told k = next_64();
    k.size = static_cast<unsigned>(text_.size() - at);
    k.other = ((uint64_t(1) << k.size) - 1) & ~(k.letter | k.number | k.space);
    return k;
  }

  // Of the 64 bytes at `end_`, or as many as there are.
  [[gnu::always_inline]] Told next_64() {
    const BytesFrom<66> bytes(text_, end_);   // as many as east_asian reads
    Told k;
    each_of_64(bytes, [&](Bytes b, int i) {
      const Lanes blank = b == ' ';
      k.letter |= bits(within(b | 0x20, 'a', 26)) << i;
      k.number |= bits(within(b, '0', 10)) << i;
      k.space |= bits(within(b, '\t', 5) | blank) << i;
      k.newline |= bits((b == '\n') | (b == '\r')) << i;
      k.blank |= bits(blank) << i;
      k.quote |= bits(b == '\'') << i;
      if constexpr (kCased) k.low |= bits(within(b, 'A', 26) | (b == '/')) << i;
    });
    if constexpr (kCased) k.high = k.letter & ~k.low;
    if (const Longer found = longer(bytes); found.high != 0) add_longer(k, bytes, found);
    else carry_ = case_carry_ = {};
    return k;
  }

  void add_longer(Told& k, const char* bytes, Longer longer) {
    k.inner = longer.inner;
    Pair kinds, cases;
    uint64_t told = 0;
    if ((k.inner & k.inner << 1) != 0) {
      const EastAsian found = east_asian(bytes);
      kinds.low = found.letters;   // none is a capital, a small letter, a mark
      told = found.letters | found.others;
    }
    for (uint64_t firsts = longer.high & ~longer.inner & ~told; firsts != 0;) {
      const auto i = static_cast<unsigned>(std::countr_zero(firsts));
      const auto first = static_cast<unsigned char>(bytes[i]), second = static_cast<unsigned char>(bytes[i + 1]);
      if (first >= 0xF0) {
        const char32_t c = decode_valid_utf8({bytes + i, 4}, 0).value;
        const uint32_t kind = unicode_classes(c);
        kinds.add((kind & (kLetter | kWhitespace)) != 0, (kind & (kNumber | kWhitespace)) != 0, i);
        if constexpr (kCased) cases.add(CaseTable::of_any(c) & 1, CaseTable::of_any(c) >> 1, i);
        firsts &= firsts - 1;
        continue;
      }
      uint64_t alike = firsts & bits_of_64(bytes, [&](Bytes b) { return b == first; });   // but for the last six bits
      if (first >= 0xE0) alike &= bits_of_64(bytes + 1, [&](Bytes b) { return b == second; });
      const uint32_t c = first < 0xE0 ? uint32_t(first & 0x1F) << 6 : uint32_t(first & 0xF) << 12 | uint32_t(second & 0x3F) << 6;
      const int size = first < 0xE0 ? 1 : 2;
      kinds.add(bytes, size, table_.of(c), alike);
      if constexpr (kCased) cases.add(bytes, size, case_table_->of(c), alike);
      firsts &= ~alike;
    }
    kinds.spread(k.inner, carry_);
    k.letter |= kinds.low & ~kinds.high;
    k.number |= kinds.high & ~kinds.low;
    k.space |= kinds.low & kinds.high;
    if constexpr (kCased) {
      cases.spread(k.inner, case_carry_);
      k.low |= cases.low;
      k.high |= cases.high;
    }
  }

  std::string_view text_;
  const KindTable& table_ = KindTable::shared();
  const CaseTable* case_table_ = kCased ? &CaseTable::shared() : nullptr;
  size_t base_ = 0, end_ = 0;   // the bytes told
  Pair carry_, case_carry_;
  Masks masks_;
};

}  // namespace orrery::cpu::ORRERY_ISA
