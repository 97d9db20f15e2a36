// A tokenizer.json as text.
#pragma once

#include <string>

#include "base/json.h"

namespace orrery {

// What Tokenizer::to_json() says, so that reading it gives the same: scores too, to the bit, by this reader and by the reference's.
std::string tokenizer_json_text(Json json);

// A decimal number that score_of (tokenize/long_lists.h) reads as `score`, the usual spelling where that does. One double in six hundred is
// read from no text at all: its usual spelling then, read as its neighbour.
std::string score_text(double score);

}  // namespace orrery
