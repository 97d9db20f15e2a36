// Many texts at once against the same texts one by one.
#include <doctest/doctest.h>

#include <array>
#include <random>

#include "tokenize/test_encodings.h"
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
    options.unit = std::array{OffsetUnit::bytes, OffsetUnit::chars, OffsetUnit::utf16}[size_t(round) % 3];
    if (round % 5 == 0) options.truncation = Truncation{.max_length = 4};
    options.seed -= texts.size();
    EncodeOptions own = options;
    size_t told = 0;
    tokenizer.encode_each(std::vector<std::string_view>(texts.begin(), texts.end()), options, [&](size_t i, Encoding& encoding) {
      REQUIRE(i == told++);
      CAPTURE(texts[i]);
      const Encoding kept = random() % 3 == 0 ? std::move(encoding) : encoding;
      require_equal(kept, tokenizer.encode(texts[i], own));
      ++own.seed;
    });
    REQUIRE(told == texts.size());
  }
}

}  // namespace

TEST_CASE("texts read together have the tokens of each alone") {
  Json json = Tokenizer::load("src/tokenize/testdata/byte_level.json").value().to_json();
  check(Tokenizer::from_json(json).value());
  json["model"]["dropout"] = 0.5;
  check(Tokenizer::from_json(json).value());
  json["model"]["dropout"] = nullptr;
  json["normalizer"] = {{"type", "Lowercase"}};
  check(Tokenizer::from_json(json).value());
}

TEST_CASE("texts read together have the tokens of each alone, in parts around white space") {
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

TEST_CASE("texts read together have the tokens of each alone, between special tokens") {
  Json vocab = Json::array();
  double score = -1;
  for (const char* piece : {"<unk>", "<s>", "</s>", "\xE2\x96\x81", "\xE2\x96\x81low", "low", "er", "L", "7", "5", "!", ".", "é", "漢", "字", "s", "'"}) vocab.push_back(Json::array({piece, score -= 0.5}));
  const auto special = [](const char* id) { return Json{{"SpecialToken", {{"id", id}, {"type_id", 1}}}}; };
  const Json text = {{"Sequence", {{"id", "A"}, {"type_id", 2}}}};
  const auto added = [](const char* content, int id) { return Json{{"id", id}, {"content", content}, {"single_word", false}, {"lstrip", false}, {"rstrip", false}, {"normalized", false}, {"special", true}}; };
  Json json = {{"version", "1.0"},
               {"added_tokens", {added("<s>", 1), added("</s>", 2)}},
               {"normalizer", nullptr},
               {"pre_tokenizer", {{"type", "Metaspace"}, {"replacement", "\xE2\x96\x81"}, {"prepend_scheme", "always"}, {"split", true}}},
               {"post_processor", {{"type", "TemplateProcessing"},
                                   {"single", {special("<s>"), text, special("</s>"), special("</s>")}},
                                   {"pair", {text, {{"Sequence", {{"id", "B"}, {"type_id", 1}}}}}},
                                   {"special_tokens", {{"<s>", {{"id", "<s>"}, {"ids", {1}}, {"tokens", {"<s>"}}}}, {"</s>", {{"id", "</s>"}, {"ids", {2}}, {"tokens", {"</s>"}}}}}}}},
               {"decoder", nullptr},
               {"model", {{"type", "Unigram"}, {"unk_id", 0}, {"vocab", vocab}}}};
  check(Tokenizer::from_json(json).value());
  json["normalizer"] = {{"type", "NFKC"}};
  check(Tokenizer::from_json(json).value());
}
