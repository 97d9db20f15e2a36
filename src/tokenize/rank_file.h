// Rank files of tiktoken: a line "bytes-in-base64 rank" for each token. The ids are the ranks, and neighbours join as
// long as what they make together has a rank, the lowest first. Neither the expression that cuts a text into words nor the
// special tokens stand in the file: they are known by its name, or given.
//
//   TokenizerFile file;
//   describe_ranks(text, {.pattern = R"(\p{L}+|\s+)", .special = {{"<|end|>", 100257}}}, file);
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tokenize/tokenizer_file.h"

namespace orrery {

bool is_rank_file(std::string_view text);   // its first line is one

// What is known of the rank file of this name, without its folder ("cl100k_base.tiktoken").
std::optional<RankOptions> known_ranks(std::string_view name);

// As a byte-level BPE with the same ids for every text. The merge of a token is the last step of the library's own way to
// it: whatever stands between the edges of that token in a text took the same steps before. Throws Error.
void describe_ranks(std::string_view text, const RankOptions& options, TokenizerFile& file);

// An expression of that library (fancy-regex) as Oniguruma reads it: $ and ^ are the text's ends, {1,3}+ gives nothing back.
std::string oniguruma_expression(std::string_view expression);

// Whether every character of every text is in a match, as far as it can be seen from the expression: it is a known one, or ends in any
// white space and has letters, numbers and all that is neither.
bool matches_everything(std::string_view expression);

// {"<|end|>": 100257, …}, or a list whose ids follow the largest rank. Throws Error (bad_usage).
std::vector<std::pair<std::string, int32_t>> special_tokens_of(const Json& json);

}  // namespace orrery
