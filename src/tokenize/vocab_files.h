// Vocabulary files without a tokenizer.json: what is a part of them alone, and what the class that a config names makes of them.
#pragma once

#include <filesystem>

#include "tokenize/tokenizer_file.h"

namespace orrery {

inline constexpr const char* kWanted = "a tokenizer is the folder of a model, or a file: tokenizer.json, vocab.txt, a .model or .tiktoken";

// Of vocab.txt: BERT and its kin. `file` has the vocabulary and the config already. Throws Error.
void describe_bert(const std::filesystem::path& path, TokenizerFile& file);
// Of vocab.json and merges.txt: GPT-2, RoBERTa, Qwen2 and their kin; all read bytes.
void describe_byte_level(const std::filesystem::path& path, TokenizerFile& file);

}  // namespace orrery
