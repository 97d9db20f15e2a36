// A tokenizer.json, then a zero byte, then a text: whatever loads must encode the text, decode the ids and stream them
// without a crash, and its own tokenizer.json must load to the same ids.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/utf8.h"
#include "check.h"
#include "tokenize/tokenizer.h"

namespace {

void use(const orrery::Tokenizer& tokenizer, std::string_view text) {
  const orrery::Encoding e = tokenizer.encode(text, {.pair = text});
  FUZZ_CHECK(tokenizer.encode_ids(text, {.pair = text}) == e.ids);
  const auto saved = orrery::Tokenizer::from_json(tokenizer.to_json());
  FUZZ_CHECK(saved.ok() && saved->encode_ids(text, {.pair = text}) == e.ids);
  tokenizer.decode(e.ids, true);
  orrery::DecodeStream stream(tokenizer);
  for (const int32_t id : e.ids) FUZZ_CHECK(orrery::is_valid_utf8(stream.push(id)));
  stream.finish();
  for (const int32_t id : e.ids) tokenizer.token_bytes(id);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t zero = input.find('\0');
  const std::string_view text = zero == std::string_view::npos ? std::string_view() : input.substr(zero + 1, 4096);
  const auto tokenizer = orrery::Tokenizer::parse(input.substr(0, zero));
  if (!tokenizer) return 0;
  try {
    use(*tokenizer, text);
  } catch (const orrery::Error&) {   // an unknown token that the vocabulary lacks, or a text that grows without end
  }
  return 0;
}
