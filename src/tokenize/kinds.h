// The kinds of the characters of up to 56 bytes of text, as masks: bit i is of byte i, and all bytes of a character have its kind.
//
// cpu/kinds_ahead.h tells them.
#pragma once

#include <array>
#include <cstdint>

namespace orrery {

struct Kinds {
  static constexpr unsigned kMost = 56;   // bytes told at once

  uint64_t letter = 0, number = 0, space = 0, other = 0;   // space is all white space; other the rest: punctuation, symbols, marks
  uint64_t newline = 0, blank = 0, quote = 0;              // \n and \r; ' '; the apostrophe
  uint64_t inner = 0;                                      // bytes that go on with a character
  unsigned size = 0;                                       // bytes told; bits after them are zero
};

// And what o200k's expression tells apart of letters and others, in two bits: capital 1, small letter 2, mark 3, slash 1.
struct CasedKinds : Kinds {
  uint64_t low = 0, high = 0;

  uint64_t capital() const { return low & ~high & letter; }
  uint64_t small() const { return high & ~low; }
  uint64_t mark() const { return low & high; }
  uint64_t slash() const { return low & ~high & other; }
};

// Letter, number, white space or none of these, of the characters below U+10000: two bits each.
class KindTable {
 public:
  static const KindTable& shared();
  struct Sixty4 {
    uint64_t low = 0, high = 0;   // letter 1, number 2, white space 3
  };
  const Sixty4& of(uint32_t c) const { return sets_[c >> 6]; }

 private:
  KindTable();
  std::array<Sixty4, 1024> sets_;
};

// Capital, small letter, mark, or none of these, in the same way.
class CaseTable {
 public:
  static const CaseTable& shared();
  const KindTable::Sixty4& of(uint32_t c) const { return sets_[c >> 6]; }   // capital 1, small 2, mark 3
  static uint32_t of_any(uint32_t c);

 private:
  CaseTable();
  std::array<KindTable::Sixty4, 1024> sets_;
};

}  // namespace orrery
