// The characters that learning begins with, and words as rows of them. Shared by the algorithms that merge pairs.
#pragma once

#include <array>
#include <functional>

#include "tokenize/trainers/pair_merges.h"
#include "tokenize/trainers/vocab_trainer.h"

namespace orrery {

// The characters of the words by code point; with a limit, only the most frequent (of equals, the lower code points).
// Those of options.initial_alphabet come before all others.
std::vector<char32_t> alphabet_of(const VocabOptions& options, const WordList& words);

// Special tokens, alphabet, words as symbols with prefix and suffix, merges: all of byte-pair learning over characters.
PairMerges learn_pairs(const VocabOptions& options, const WordList& words, const TrainingProgress& progress);

// What the algorithms over bytes have in common of TrainerKind::settle.
void settle_bytes(VocabOptions& options);

// The ids of all bytes, each for its character of GPT-2's alphabet, given in the order of those characters by `token`.
std::array<int32_t, 256> byte_tokens(const std::function<int32_t(const std::string&)>& token);

Json vocab_of(const std::vector<std::string>& tokens);   // {token: id, …}
Json bpe_model(const VocabOptions& options, const std::vector<std::string>& tokens, const std::vector<std::pair<std::string, std::string>>& merges);
inline Json bpe_model(const VocabOptions& options, const PairMerges& learned) { return bpe_model(options, learned.tokens(), learned.merges()); }

}  // namespace orrery
