// A rank file of tiktoken without its 256 single bytes, which come first with the ranks from 0 on; then a zero byte and a
// text: whatever loads must give the text's bytes back, valid UTF-8 or not.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/base64.h"
#include "check.h"
#include "tokenize/rank_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t zero = input.find('\0');
  std::string file;
  for (int b = 0; b < 256; b++) file += orrery::encode_base64(std::string(1, static_cast<char>(b))) + " " + std::to_string(b) + "\n";
  file += input.substr(0, zero);
  const std::string_view text = zero == std::string_view::npos ? std::string_view() : input.substr(zero + 1, 512);
  try {
    orrery::TokenizerFile described;
    orrery::describe_ranks(file, {.pattern = R"(\w+|\W)", .special = {{"<s>", orrery::RankOptions::kNext}}}, described);
    orrery::Json json = described.json;
    orrery::Json vocab = orrery::Json::object(), merges = orrery::Json::array();
    for (const auto& [token, id] : described.model.vocab) vocab.get_ref<orrery::Json::object_t&>().emplace_back(token, id);   // [] would look through all
    for (const auto& [left, right] : described.model.merges) merges.push_back(orrery::Json::array({left, right}));
    json["model"] = described.model.fields;
    json["model"]["vocab"] = vocab;
    json["model"]["merges"] = merges;
    const auto tokenizer = orrery::Tokenizer::from_json(json, described.config);
    FUZZ_CHECK(tokenizer.ok());
    std::string bytes;
    for (const int32_t id : tokenizer->encode_ids(text, {.specials_as_text = true})) bytes += tokenizer->token_bytes(id);
    FUZZ_CHECK(bytes == text);
  } catch (const orrery::Error&) {
  }
  return 0;
}
