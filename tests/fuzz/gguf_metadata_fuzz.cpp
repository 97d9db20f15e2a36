// The metadata of a GGUF file, and the tokenizer in it, which must encode and decode what it loads from.
#include <cstddef>
#include <cstdint>
#include <span>

#include "checkpoint/gguf_metadata.h"
#include "tokenize/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto metadata = orrery::read_gguf_metadata(std::as_bytes(std::span(data, size)), "fuzz.gguf");
  if (!metadata) return 0;
  const auto tokenizer = orrery::Tokenizer::from_gguf(*metadata, "fuzz.gguf");
  if (!tokenizer) return 0;
  try {
    const auto ids = tokenizer->encode_ids("Hello <s> w\xC3\xB6rld 123 [CLS]\n");
    tokenizer->decode(ids, true);
  } catch (const orrery::Error&) {   // an unknown token that the vocabulary lacks
  }
  return 0;
}
