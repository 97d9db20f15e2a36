// A tokenizer written in another of the formats that tokenizers are kept in, with the same ids or not at all.
//
//   std::vector<std::string> lost = convert_tokenizer(tokenizer, "tiktoken", "folder");
//
// What was written is read again and told as a tokenizer.json, as every format is; where that says other than the tokenizer
// itself in anything that ids or decoded texts depend on, the conversion is refused with the first such place. A sentencepiece
// model has rules that no tokenizer.json has: there both read a few thousand texts made of the vocabulary's own pieces, and one
// with other ids refuses the conversion.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "tokenize/tokenizer.h"

namespace orrery {

// "tokenizer.json", "vocab.json" (with merges.txt), "vocab.txt", "tiktoken", "tokenizer.model".
std::vector<std::string_view> tokenizer_formats();

struct ConvertedTokenizer {
  std::vector<std::string> files;   // names in the folder
  std::vector<std::string> lost;    // what the format cannot say, and what to do about it; never ids of the text itself
};

// Writes `folder`, whole or not at all, in place of an older one. Errors: unsupported, with the reason; io.
Result<ConvertedTokenizer> convert_tokenizer(const Tokenizer& tokenizer, std::string_view format, const std::filesystem::path& folder);

}  // namespace orrery
