// What tokenizer_config.json and special_tokens_map.json change of a tokenizer, as transformers' from_pretrained does.
#pragma once

#include "tokenize/tokenizer_file.h"

namespace orrery {

// Tokens the config names that are not there yet are added; some classes change steps. add_bos_token and add_eos_token count
// for sentencepiece models alone: a tokenizer.json has its own post-processor. Throws Error.
void apply_config(TokenizerFile& file);

// The tokenizer_class without "Fast" at its end; empty where there is none.
std::string class_of(const Json& config);

}  // namespace orrery
