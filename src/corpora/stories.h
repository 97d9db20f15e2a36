// Short English stories from a grammar: someone wishes for something, something stands in the way, a first try fails, a
// helper has an idea, and the wish comes true. The grammar (lexicon.h) writes the stories, checks them, and knows the
// probability of each, so that a language model trained on them can be measured against the truth:
//   entropy = mean of -log P over stories, in nats; per token, divided by the mean number of tokens.
#pragma once

#include <cstdint>
#include <string_view>

#include "corpora/corpus.h"
#include "corpora/grammar.h"

namespace orrery {

const Grammar& story_grammar();

// The story of a seed and an index, with log P(text) and what its registers hold.
Grammar::Sample generate_story(uint64_t seed, uint64_t index);

// Is `text` a correct story (without a separator after it), and if not, why not? Any bytes are welcome.
Verdict check_story(std::string_view text);

// Mean of -log P over `count` stories: the grammar's entropy in nats per story, estimated.
double story_entropy(uint64_t seed, uint64_t count);

}  // namespace orrery
