// The pieces of a Unigram vocabulary while it is learned: expectation, maximisation, pruning.
// Kudo 2018, "Subword Regularization", section 3.2, as sentencepiece and Hugging Face do it.
//
// Sums over words are integers (2⁻²⁰ of an occurrence), so that they do not depend on the order in which threads add.
#pragma once

#include <string_view>
#include <vector>

#include "base/threads.h"
#include "tokenize/trainers/piece_lattice.h"
#include "tokenize/trainers/vocab_trainer.h"

namespace orrery {

struct ScoredPiece {
  std::string_view text;   // a part of one of the words
  double score = 0;        // log probability
  uint32_t characters = 0;
};

class UnigramPieces {
 public:
  UnigramPieces(std::vector<ScoredPiece> pieces, const WordList& words, ThreadPool& pool);

  const std::vector<ScoredPiece>& all() const { return pieces_; }
  double lowest() const { return lowest_; }

  // One round of EM: scores become the logarithms of the expected shares, with the digamma function as a sparse prior;
  // pieces expected less than half a time go.
  void improve();
  // Keeps `size` pieces: those whose loss would make the corpus least likely stay.
  void prune(size_t size);

 private:
  struct Scratch;
  struct Use;
  std::vector<Scratch> scratch() const;
  void expect(const PieceLattice::Edges& edges, int64_t count, Scratch& scratch, std::vector<int64_t>& expected) const;
  void keep(const std::vector<bool>& kept);   // the others go
  void find_lowest();

  std::vector<ScoredPiece> pieces_;
  const WordList& words_;
  ThreadPool& pool_;
  PieceLattice lattice_;
  double lowest_ = 0;
};

}  // namespace orrery
