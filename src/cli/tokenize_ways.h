// `orrery tokenize MODEL.model TEXT --nbest N` and `--samples N`: the other ways in which a sentencepiece model can cut a text.
#pragma once

#include "cli/context.h"
#include "tokenize/tokenizer.h"

namespace orrery::cli {

struct WaysOptions {
  int64_t nbest = 0, samples = 0, nbest_size = -1;
  double alpha = 0.1;
  static constexpr auto about =
      describe("ways", "", option(&WaysOptions::nbest, "nbest", "Show the best N ways to cut a text, with their scores (Unigram).", in_range(0, 512)),
               option(&WaysOptions::samples, "samples", "Show N ways drawn by chance: subword regularization (Unigram) or BPE-dropout.", in_range(0, 100000)),
               option(&WaysOptions::alpha, "alpha", "How even the chances are, from 0 (all ways alike) on; of BPE, how often a merge is left out.", in_range(0.0, 1000.0)),
               option(&WaysOptions::nbest_size, "nbest_size", "Draw among the best so many ways; -1: among all.", in_range(-1, 512)));
};

// A row for each way: ids and tokens, and its score where they are the best ones. Throws Error where the model has no such ways.
void tokenize_ways(Context& context, const Tokenizer& tokenizer, const std::string& text, const WaysOptions& options);

}  // namespace orrery::cli
