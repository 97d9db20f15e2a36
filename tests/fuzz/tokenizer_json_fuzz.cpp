// A tokenizer.json, then a zero byte, then a text: whatever loads must encode the text, decode the ids and stream them
// without a crash, and its own tokenizer.json must load to the same ids.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tokenize/tokenizer.h"
#include "use_tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t zero = input.find('\0');
  const std::string_view text = zero == std::string_view::npos ? std::string_view() : input.substr(zero + 1, 4096);
  const auto tokenizer = orrery::Tokenizer::parse(input.substr(0, zero));
  if (!tokenizer) return 0;
  try {
    use_tokenizer(*tokenizer, text);
  } catch (const orrery::Error&) {   // an unknown token that the vocabulary lacks, or a text that grows without end
  }
  return 0;
}
