// How often each different word of a corpus occurs, in 64 bits, within a limit of memory.
//
// Open hash tables, one for each sixteenth of the words: threads that add what they counted apart never meet. A word of up
// to 15 bytes lies in its entry, a longer one in the table's text, so that no word is an allocation.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/threads.h"
#include "tokenize/word_key.h"

namespace orrery {

class WordCounts {
 public:
  // Where the words would take more than `bytes`, the rarest are forgotten: those seen once, then twice, and so on
  // (Manku and Motwani 2002, "lossy counting": a word that is frequent in the end is never lost for good).
  explicit WordCounts(int64_t bytes = INT64_MAX) : limit_(bytes) {}

  void add(std::string_view word, int64_t count = 1);
  // What was counted apart, one after the other: the same for any number of threads.
  void add(std::span<const WordCounts> parts, ThreadPool& pool);

  int64_t limit() const { return limit_; }
  size_t size() const;
  int64_t forgotten_below() const { return floor_; }   // words seen as often as this or less may be missing; 0: none is
  int64_t times_forgotten() const { return forgotten_; }   // words, each as often as it was forgotten
  // Sorted by the bytes of the words: the same for any order of the texts. Views into this.
  std::vector<std::pair<std::string_view, int64_t>> sorted() const;

 private:
  struct Entry {
    WordKey key{};   // of a longer word: its hash, and kLong with its place in the text
    int64_t count = 0;   // 0: the entry is free
  };
  class Table {
   public:
    bool add(std::string_view word, const WordKey& key, uint64_t hash, int64_t count);   // whether it is new
    void add(const Table& other);
    int64_t forget(int64_t floor);   // words that occur no more often; how many
    int64_t bytes() const;
    size_t size() const { return used_; }
    std::string_view word(const Entry& entry) const;
    const std::vector<Entry>& entries() const { return entries_; }

   private:
    void grow();
    std::vector<Entry> entries_;   // 2^bits_
    std::string text_;             // of longer words: four bytes of size, then the word
    size_t used_ = 0;
    int bits_ = 0;
  };
  static constexpr size_t kTables = 16;

  void forget_beyond();

  std::array<Table, kTables> tables_;
  int64_t limit_, floor_ = 0, forgotten_ = 0;
};

}  // namespace orrery
