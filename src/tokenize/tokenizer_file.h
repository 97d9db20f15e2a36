// The files that describe a tokenizer, read into one form: what a tokenizer.json says.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/error.h"
#include "base/json.h"
#include "tokenize/model.h"
#include "tokenize/tokenizer.h"

namespace orrery {

struct TokenizerFile {
  Json json = Json::object();    // normalizer, pre_tokenizer, post_processor, decoder, added_tokens, …; no model
  ModelConfig model;
  Json config = Json::object();  // tokenizer_config.json, with what special_tokens_map.json adds
  std::vector<std::string> config_tokens;  // added tokens that the config alone names
  bool add_bos = false, add_eos = false;   // around a text, where there is no post-processor
  std::string where;             // for errors
};

// Reads the text of a tokenizer.json in one pass: a vocabulary of any size never becomes JSON values.
Result<TokenizerFile> parse_tokenizer_json(std::string_view text, std::string_view where);
// The same from values; `config` is that of a tokenizer_config.json.
Result<TokenizerFile> split_tokenizer_json(const Json& json, const Json& config);

// All files of the tokenizer that a path describes: those of a folder, none where it has no tokenizer; of a file, itself (merges.txt and
// vocab.json go together). With the chat template, which stands beside them.
std::vector<std::filesystem::path> tokenizer_files(const std::filesystem::path& path);

// See Tokenizer::load.
Result<TokenizerFile> read_tokenizer_files(const std::filesystem::path& path, const std::optional<RankOptions>& ranks);

}  // namespace orrery
