// A sentencepiece model told as a tokenizer.json, for programs that read nothing else: normaliser, ▁ for spaces, merges from scores.
#pragma once

#include "base/json.h"
#include "tokenize/tokenizer.h"

namespace orrery {

// Throws Error (unsupported) where no tokenizer.json can say what the model does.
Json sentencepiece_as_json(const Tokenizer& tokenizer);

// Both read some thousand texts made of the model's own pieces, white space and characters it may not have. Throws Error (unsupported)
// with the first text whose ids, or whose decoded text, differ.
void expect_same_ids(const Tokenizer& model, const Tokenizer& json);

}  // namespace orrery
