// How often each different word of a corpus occurs, in 64 bits, within a limit of memory.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace orrery {

class WordCounts {
 public:
  // Where the words would take more than `bytes`, the rarest are forgotten: those seen once, then twice, and so on
  // (Manku and Motwani 2002, "lossy counting": a word that is frequent in the end is never lost for good).
  explicit WordCounts(int64_t bytes = INT64_MAX) : limit_(bytes) {}

  void add(std::string_view word, int64_t count = 1);

  size_t size() const { return counts_.size(); }
  int64_t forgotten_below() const { return floor_; }   // words seen as often as this or less may be missing; 0: none is
  // Sorted by the bytes of the words: the same for any order of the texts. Views into this.
  std::vector<std::pair<std::string_view, int64_t>> sorted() const;

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const;
  };
  static int64_t cost(std::string_view word);
  void forget();

  std::unordered_map<std::string, int64_t, Hash, std::equal_to<>> counts_;
  int64_t limit_, used_ = 0, floor_ = 0;
};

}  // namespace orrery
