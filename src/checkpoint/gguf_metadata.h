// What a GGUF file says of itself: the keys and values before its tensors.
//   https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3, little-endian
//
//   const Json metadata = read_gguf_metadata(file.bytes(), "model.gguf").value();
//   metadata["general.architecture"], metadata["tokenizer.ggml.tokens"], …
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "base/error.h"
#include "base/json.h"
#include "checkpoint/gguf_cursor.h"

namespace orrery {

// Every length is checked against the bytes that are there. Strings are as the file has them, perhaps not UTF-8.
Result<Json> read_gguf_metadata(std::span<const std::byte> bytes, std::string_view where);

// From the first byte to the first tensor's description. Throws Error.
struct GgufPrefix {
  Json metadata;
  uint64_t tensors = 0;   // as the file says: not yet checked against its bytes
};
GgufPrefix read_gguf_prefix(GgufCursor& cursor);

}  // namespace orrery
