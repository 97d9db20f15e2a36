// Do a tokenizer and a model belong together?
#pragma once

#include <cstdint>
#include <string>

#include "tokenize/tokenizer.h"

namespace orrery {

// Throws Error where the tokenizer has ids that a model of this vocab_size has no embedding for; a larger embedding is fine.
// Tokens that only tokenizer_config.json adds do not count: a model may lack their rows. where: the model.
void check_vocabulary(const Tokenizer& tokenizer, int64_t vocab_size, const std::string& where);

}  // namespace orrery
