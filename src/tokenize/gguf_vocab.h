// The vocabulary of a GGUF file, from the file's metadata.
//   https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, tokenizer.ggml.*
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "tokenize/tokenizer_file.h"

namespace orrery {

// The first name of the way to cut texts by these expressions, one after the other; empty where there is none.
std::string gguf_cut_named(std::span<const std::string> expressions);
// The one of byte-level BPE that says none.
std::string gguf_byte_level_expression();

// tokenizer.ggml.model: "llama" (sentencepiece's BPE), "t5" (its Unigram), "gpt2" (byte-level BPE, whose way to cut texts is
// tokenizer.ggml.pre), "bert" (WordPiece). Another kind, or a way to cut that is not known, is refused.
Result<TokenizerFile> describe_gguf_vocab(const Json& metadata, std::string_view where);

}  // namespace orrery
