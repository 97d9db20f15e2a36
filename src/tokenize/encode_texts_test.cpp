// Many texts at once against the same texts one by one.
#include <doctest/doctest.h>

#include <random>

#include "tokenize/tokenizer.h"

using namespace orrery;

namespace {

std::string random_text(std::mt19937_64& random) {
  static const std::vector<std::string> parts = {"low", " lower", "Low", " low", "'s", "7", "12345", " ", "  ", "\n", ".", "!!", "é", "漢字", "。", "\u00A0", "\u0301", "🙂", "<s>", "lowerlowerlowerlower", "\xFF"};
  std::string text;
  const size_t most = random() % 8 == 0 ? 200 : 12, length = random() % most;
  for (size_t i = 0; i < length; ++i) text += parts[random() % (parts.size() - (random() % 8 != 0))];
  return text;
}

void check(const Tokenizer& tokenizer) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 400; ++round) {
    std::vector<std::string> texts(random() % 9);
    for (std::string& text : texts) text = random_text(random);
    EncodeOptions options{.add_special = round % 2 == 0, .seed = random() % 100};
    if (round % 7 == 0) options.pair = "lower";
    const IdLists together = tokenizer.encode_ids(std::vector<std::string_view>(texts.begin(), texts.end()), options);
    REQUIRE(together.size() == texts.size());
    for (size_t i = 0; i < texts.size(); ++i, ++options.seed) {
      CAPTURE(texts[i]);
      REQUIRE(std::vector<int32_t>(together[i].begin(), together[i].end()) == tokenizer.encode_ids(texts[i], options));
    }
  }
}

}  // namespace

TEST_CASE("texts read together have the ids of each alone") {
  Json json = Tokenizer::load("src/tokenize/testdata/byte_level.json").value().to_json();
  check(Tokenizer::from_json(json).value());
  json["model"]["dropout"] = 0.5;
  check(Tokenizer::from_json(json).value());
  json["model"]["dropout"] = nullptr;
  json["normalizer"] = {{"type", "Lowercase"}};
  check(Tokenizer::from_json(json).value());
}

TEST_CASE("texts read together have the ids of each alone, in parts around white space") {
  Json json = {{"version", "1.0"},
               {"added_tokens", Json::array()},
               {"normalizer", {{"type", "Lowercase"}}},
               {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
               {"post_processor", nullptr},
               {"decoder", nullptr},
               {"model", {{"type", "WordPiece"}, {"unk_token", "?"}, {"continuing_subword_prefix", "##"}, {"max_input_chars_per_word", 100}, {"vocab", {{"?", 0}, {"low", 1}, {"##er", 2}, {"##low", 3}, {"!", 4}, {".", 5}, {"7", 6}, {"é", 7}}}}}};
  check(Tokenizer::from_json(json).value());
  json["normalizer"] = nullptr;
  json["pre_tokenizer"] = {{"type", "WhitespaceSplit"}};
  check(Tokenizer::from_json(json).value());
}
