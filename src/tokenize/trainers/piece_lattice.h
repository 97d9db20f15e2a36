// All ways to cut the words of a corpus into pieces, found once and kept while pieces go.
//
// A word's lattice is a row of edges, each a piece with its length in characters, sorted by where they begin: five bytes an
// edge, read from front to back, where a trie would be searched anew in every round. Where no piece covers a single
// character there is an edge of kUnknown, so that each word can be cut. A piece's own lattice is a part of that of any word
// which holds it.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/threads.h"
#include "tokenize/trainers/vocab_trainer.h"

namespace orrery {

class PieceLattice {
 public:
  static constexpr uint32_t kUnknown = UINT32_MAX;
  static constexpr int64_t kLongest = 127;   // characters of a piece

  // Edges in a row: edge i is pieces[i], over length(i) characters; after one that is_last, edges begin a character later.
  struct Edges {
    const uint32_t* pieces;
    const uint8_t* lengths;
    uint32_t count;        // of a word: edges, and characters
    uint32_t characters;

    uint32_t length(size_t edge) const { return lengths[edge] & kLength; }
    bool is_last(size_t edge) const { return (lengths[edge] & kLast) != 0; }
  };

  // Pieces have their index as number, and at most kLongest characters.
  PieceLattice(const std::vector<std::string_view>& pieces, const WordList& words, ThreadPool& pool);

  // Words come in parts, for threads: f(word's index, edges, place of the first edge).
  size_t parts() const { return parts_.size(); }
  template <class F>
  void each_word(size_t part, F f) const {
    const Part& p = parts_[part];
    for (size_t i = 0; i + 1 < p.begins.size(); i++)
      f(p.first + i, Edges{p.pieces.data() + p.begins[i], p.lengths.data() + p.begins[i], p.begins[i + 1] - p.begins[i], p.characters[i]},
        uint64_t(part) << 32 | p.begins[i]);
  }
  // The edges from a place on, to the end of its part.
  Edges from(uint64_t place) const {
    const Part& p = parts_[place >> 32];
    const auto at = static_cast<uint32_t>(place);
    return {p.pieces.data() + at, p.lengths.data() + at, static_cast<uint32_t>(p.pieces.size()) - at, 0};
  }

  // Gives pieces new numbers; kUnknown is one that goes.
  void renumber(const std::vector<uint32_t>& numbers, ThreadPool& pool);

 private:
  static constexpr uint8_t kLength = 0x7F, kLast = 0x80;
  struct Part {
    size_t first = 0;   // word
    std::vector<uint32_t> pieces;
    std::vector<uint8_t> lengths;
    std::vector<uint32_t> begins, characters;   // of the words; `begins` has the end too
  };
  std::vector<Part> parts_;
};

}  // namespace orrery
