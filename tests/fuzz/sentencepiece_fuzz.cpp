// The size of a .model file in two bytes, the file, then a text: whatever loads must encode the text to pieces that lie in it
// in order, decode them, and explain them.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "check.h"
#include "tokenize/sentencepiece.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  const size_t file_size = size_t(data[0]) | size_t(data[1]) << 8;
  const std::string_view file = input.substr(0, file_size), text = input.substr(file.size());
  try {
    const orrery::SentencePiece model(file);
    std::vector<int32_t> ids;
    uint32_t last = 0;
    for (const orrery::SentencePiece::Token& token : model.encode(text)) {
      FUZZ_CHECK(token.begin <= token.end && token.end <= text.size() && last <= token.begin);
      FUZZ_CHECK(static_cast<size_t>(token.id) < model.pieces().size());
      last = token.begin;
      ids.push_back(token.id);
    }
    model.decode(ids);
    if (text.size() < 256) model.explain(text);
  } catch (const orrery::Error&) {
  }
  return 0;
}
