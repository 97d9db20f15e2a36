#include "vocabulary/measure.h"

#include <doctest/doctest.h>

#include "tokenize/trainers/vocab_trainer.h"
#include "vocabulary/round_trip.h"
#include "vocabulary/tokens.h"

namespace orrery {

namespace {

// A byte-level vocabulary of the 256 bytes, one special token and a few merges.
Tokenizer byte_level(const std::vector<std::string>& texts, int64_t size) {
  VocabTrainer trainer({.algorithm = "byte-bpe", .vocab_size = size, .add_special = false});
  for (const std::string& text : texts) trainer.add(text);
  ThreadPool pool(1);
  return trainer.train(pool).tokenizer();
}

Measure measured(const Tokenizer& tokenizer, std::string_view text) {
  Measure measure;
  Gauge(tokenizer).add(text, measure);
  return measure;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  each_word(text, [&](size_t begin, size_t end) { words.emplace_back(text.substr(begin, end - begin)); });
  return words;
}

}  // namespace

TEST_CASE("words are runs of letters and digits, Han characters one by one, kana by their kind") {
  CHECK(words_of("It's 3.5 na\xC3\xAFve-ish") == std::vector<std::string>{"It", "s", "3", "5", "na\xC3\xAFve", "ish"});
  CHECK(words_of("中文 ok") == std::vector<std::string>{"中", "文", "ok"});
  CHECK(words_of("これはテスト") == std::vector<std::string>{"これは", "テスト"});
  CHECK(words_of("  --  ").empty());
}

TEST_CASE("words, parts and cut characters are counted") {
  const Tokenizer tokenizer = byte_level({"cat cat cat sat"}, 259);   // ca, cat
  const Measure m = measured(tokenizer, "cat dog");
  CHECK(m.words == 2);
  CHECK(m.whole_words == 1);
  CHECK(m.word_parts == 1 + 3);   // the space before dog is a token, but no part of the word
  CHECK(m.fertility() == doctest::Approx(2));
  CHECK(m.heavy_words == 0);
  CHECK(measured(tokenizer, "\xC3\xA9").inside_characters == 1);
  CHECK(measured(tokenizer, "e\xCC\x81").inside_graphemes == 1);
}

TEST_CASE("numbers and product codes that token ends cut are told") {
  const Tokenizer tokenizer = byte_level({"12 12 12"}, 258);
  const Measure m = measured(tokenizer, "12 345 AB-12");
  CHECK(m.numbers == 3);
  CHECK(m.broken_numbers == 1);   // 345
  CHECK(m.codes == 1);
  CHECK(m.broken_codes == 1);     // A|B
}

TEST_CASE("the efficiency of a uniform use of all tokens is one") {
  Measure m;
  m.tokens = 8;
  for (int32_t id = 0; id < 4; id++) m.used[id] = 2;
  CHECK(m.renyi_efficiency(4) == doctest::Approx(1));
  CHECK(m.renyi_efficiency(16) == doctest::Approx(0.5));
}

TEST_CASE("a split shows each token's part of the text") {
  const Tokenizer tokenizer = byte_level({"cat cat cat sat"}, 259);
  CHECK(Gauge(tokenizer).split("cats").pieces == std::vector<std::string>{"cat", "s"});
  CHECK(Gauge(tokenizer).split("\xC3\xA9").pieces == std::vector<std::string>{"\xC3\xA9", ""});
}

TEST_CASE("round trips fail by name") {
  ThreadPool pool(1);
  VocabTrainer bert({.algorithm = "wordpiece", .vocab_size = 60});
  bert.add("the cat sat on the mat. the bat");
  const Tokenizer tokenizer = bert.train(pool).tokenizer();
  CHECK_FALSE(round_trip_failure(tokenizer, "the cat"));
  CHECK(round_trip_failure(tokenizer, "the  cat")->cause == "spaces");
  CHECK(round_trip_failure(tokenizer, "The cat")->cause == "normalizer");
  CHECK(round_trip_failure(tokenizer, "the zzz")->cause == "unknown tokens");
}

TEST_CASE("tokens out of reach are found") {
  const Json json = Json::parse(R"({"version":"1.0","added_tokens":[],"normalizer":null,"pre_tokenizer":null,"post_processor":null,"decoder":null,
    "model":{"type":"BPE","vocab":{"a":0,"b":1,"c":2,"ab":3,"abc":4},"merges":[["a","b"]],"unk_token":null}})");
  const Reach reach = unreachable_tokens(Tokenizer::from_json(json).value());
  CHECK(reach.tokens == 5);
  CHECK(reach.unreachable == std::vector<int32_t>{4});
}

TEST_CASE("rows that are far shorter than the others look untrained") {
  const Json json = Json::parse(R"({"version":"1.0","added_tokens":[],"normalizer":null,"pre_tokenizer":null,"post_processor":null,"decoder":null,
    "model":{"type":"WordLevel","vocab":{"a":0,"b":1,"c":2,"d":3,"e":4},"unk_token":"a"}})");
  const std::vector<float> rows = {1, 0, 0, 1.02F, 0.99F, 0, 0.01F, 0, 1.01F, 0};
  const UnderTrained found = under_trained_tokens(Tokenizer::from_json(json).value(), rows, 2);
  REQUIRE(found.suspects.size() == 1);
  CHECK(found.suspects[0].second == 3);
}

TEST_CASE("special tokens that stand in texts are told") {
  const Tokenizer tokenizer = byte_level({"cat"}, 258);
  const auto collisions = special_collisions(tokenizer, {"a <|endoftext|> b", "plain"});
  REQUIRE(collisions.size() == 1);
  CHECK(collisions[0].token == "<|endoftext|>");
  CHECK(collisions[0].texts == 1);
}

}  // namespace orrery
