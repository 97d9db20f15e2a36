// The plain tokenizers that a course begins with, as ordinary Tokenizers.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "tokenize/tokenizer.h"

namespace orrery {

// bytes        256 tokens, the id is the byte: no text is unknown, and texts are long
// characters   a token for each character of the texts, in the order of first use, after <unk>
// whitespace   a token for each word between white space, likewise: decoding joins them with single spaces
inline constexpr std::string_view kPlainTokenizers[] = {"bytes", "characters", "whitespace"};

Tokenizer plain_tokenizer(std::string_view name, std::span<const std::string> texts = {});   // throws Error for another name

}  // namespace orrery
