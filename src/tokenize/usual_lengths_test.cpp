#include <doctest/doctest.h>

#include "tokenize/tokenizer.h"

using namespace orrery;

namespace {

Json file() {
  return {{"model", {{"type", "WordLevel"}, {"unk_token", "?"}, {"vocab", {{"?", 0}, {"a", 1}, {"[PAD]", 2}}}}}};
}

}  // namespace

TEST_CASE("tokenizer_config.json says lengths and sides before tokenizer.json does") {
  Json json = file();
  json["truncation"] = {{"direction", "Left"}, {"max_length", 4}, {"strategy", "OnlyFirst"}, {"stride", 1}};
  json["padding"] = {{"strategy", {{"Fixed", 6}}}, {"direction", "Left"}, {"pad_id", 1}, {"pad_token", "a"}};
  const Tokenizer alone = Tokenizer::from_json(json).value();
  CHECK(alone.usual_truncation().max_length == 4);
  CHECK(alone.usual_truncation().left);
  CHECK(alone.usual_truncation().stride == 0);
  CHECK(alone.usual_padding().left);
  CHECK(alone.usual_padding().id == 1);

  const Json config = {{"model_max_length", 9}, {"truncation_side", "right"}, {"padding_side", "right"}, {"pad_token", "[PAD]"}};
  const Tokenizer with_config = Tokenizer::from_json(json, config).value();
  CHECK(with_config.usual_truncation().max_length == 9);
  CHECK_FALSE(with_config.usual_truncation().left);
  CHECK_FALSE(with_config.usual_padding().left);
  CHECK(with_config.usual_padding().id == 2);
  CHECK(with_config.usual_padding().token == "[PAD]");
}

TEST_CASE("where no file says a length or a padding token there is none") {
  const Tokenizer bare = Tokenizer::from_json(file(), {{"model_max_length", 1e30}}).value();
  CHECK(bare.usual_truncation().max_length == 0);
  CHECK(bare.usual_padding().id == -1);
}
