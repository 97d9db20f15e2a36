// Where a word may be cut between two characters past ASCII so that its parts have the tokens of the whole: where no token has both
// characters, or the ends of them that it covers, side by side.
//
// Of the character before a cut the last two bytes count, of the one after it the first two; a token that has but one of them stands for
// all. A bit for each such four bytes, of which the high two bits are left out: a cut may be refused for another's sake, never allowed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tokenize/zero_array.h"

namespace orrery {

class CharCuts {
 public:
  void add(std::string_view token);   // its bytes

  // Whether a word may be cut before byte `at`; no, where it ends within two bytes of there. Any bytes: of what is no UTF-8 as well.
  bool allows(std::string_view word, size_t at) const {
    if (at < 2 || at + 1 >= word.size()) return false;
    const auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<unsigned char>(word[i])); };
    if (!between_characters(byte(at - 1), byte(at))) return false;
    return (refused_[row(byte(at), byte(at + 1)) + (byte(at - 2) & 63)] >> (byte(at - 1) & 63) & 1) == 0;
  }

  // The first cut after `begin`, or the end of the word.
  size_t next(std::string_view word, size_t begin) const {
    for (size_t at = begin;;) {
      const auto first = static_cast<unsigned char>(word[at]);
      at += first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
      if (at >= word.size()) return word.size();
      if (allows(word, at)) return at;
    }
  }

 private:
  static bool between_characters(size_t last, size_t first) { return (last & 0xC0) == 0x80 && first >= 0xC0; }
  static size_t row(size_t first, size_t second) { return ((first & 63) << 6 | (second & 63)) << 6; }   // of 64 numbers, one for each byte but one before

  ZeroArray<uint64_t> refused_{size_t(1) << 18};   // two MiB, mostly never touched
};

}  // namespace orrery
