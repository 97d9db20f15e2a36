// How often an encoder-decoder looks at the word that it renders, where that word is known.
//
//   orrery corpus translation --seed 3 --count 200       records with the alignment of each target word
//
// For every token of a target: the source token where the decoder's cross pattern (the mean over its heads) is largest
// before the token is written, against the known one. The pattern is that of the last layer, or of a tap by name.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "models/model.h"

namespace orrery {

struct AlignedPair {
  std::vector<int32_t> source, target;    // ids, without start and end
  std::vector<int32_t> alignment;         // for each of target its word's place in source
};

struct AlignmentScore {
  int64_t cells = 0, right = 0, pairs = 0;
  double share() const { return cells ? double(right) / double(cells) : 0; }
};

struct AlignmentOptions {
  std::string tap = {};          // empty: the last cross pattern
  int64_t max_rows = 512;
  std::function<void(int64_t pairs)> done = {};
};

// Throws Error for a model without a cross pattern, and for pairs that it cannot read.
AlignmentScore score_alignment(Model& model, ThreadPool& pool, const std::vector<AlignedPair>& pairs, const AlignmentOptions& options = {});

// Records {"input": [ids], "target": [ids], "alignment": [places]}, a line each.
Result<std::vector<AlignedPair>> read_aligned_pairs(const std::string& text, const std::string& where);

}  // namespace orrery
