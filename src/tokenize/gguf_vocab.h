// The vocabulary of a GGUF file, from the file's metadata.
//   https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, tokenizer.ggml.*
#pragma once

#include <string_view>

#include "tokenize/tokenizer_file.h"

namespace orrery {

// tokenizer.ggml.model: "llama" (sentencepiece's BPE), "t5" (its Unigram), "gpt2" (byte-level BPE, whose way to cut texts is
// tokenizer.ggml.pre), "bert" (WordPiece). Another kind, or a way to cut that is not known, is refused.
Result<TokenizerFile> describe_gguf_vocab(const Json& metadata, std::string_view where);

}  // namespace orrery
