// The characters that learning begins with, and words as rows of them. Shared by the algorithms that merge pairs.
#pragma once

#include "tokenize/trainers/pair_merges.h"
#include "tokenize/trainers/vocab_trainer.h"

namespace orrery {

// The characters of the words by code point; with a limit, only the most frequent (of equals, the lower code points).
// Those of options.initial_alphabet come before all others.
std::vector<char32_t> alphabet_of(const VocabOptions& options, const WordList& words);

// Special tokens, alphabet, words as symbols with prefix and suffix, merges: all of byte-pair learning over characters.
PairMerges learn_pairs(const VocabOptions& options, const WordList& words, const TrainingProgress& progress);

Json vocab_of(const std::vector<std::string>& tokens);   // {token: id, …}
Json bpe_model(const VocabOptions& options, const PairMerges& learned);

}  // namespace orrery
