// Unigram and the character map, on vocabularies small enough to work out by hand.
#include <doctest/doctest.h>

#include "base/base64.h"
#include "tokenize/tokenizer.h"

namespace orrery {
namespace {

Tokenizer unigram(const Json& vocab, const Json& more = Json::object()) {
  Json json = {{"version", "1.0"}, {"model", {{"type", "Unigram"}, {"unk_id", 0}, {"vocab", vocab}}}};
  json["model"].update(more);
  return Tokenizer::from_json(json).value();
}

const Json kVocab = Json::array({{"<unk>", 0.0}, {"a", -2.0}, {"b", -2.0}, {"ab", -3.5}, {"abc", -9.0}, {"c", -5.0}});

}  // namespace

TEST_CASE("unigram takes the cut with the best sum of scores, the first met of equals") {
  const Tokenizer tokenizer = unigram(kVocab);
  CHECK(tokenizer.encode_ids("ab") == std::vector<int32_t>{3});
  CHECK(tokenizer.encode_ids("abc") == std::vector<int32_t>{3, 5});
  CHECK(tokenizer.encode_ids("ba") == std::vector<int32_t>{2, 1});
  const Tokenizer tied = unigram(Json::array({{"<unk>", 0.0}, {"a", -1.0}, {"aa", -2.0}}));
  CHECK(tied.encode_ids("aaa") == std::vector<int32_t>{1, 2});
}

TEST_CASE("unigram joins neighbouring unknowns, shows their text, and may spell them in bytes") {
  const Encoding e = unigram(kVocab).encode("axyb");
  CHECK(e.ids == std::vector<int32_t>{1, 0, 2});
  CHECK(e.tokens() == std::vector<std::string>{"a", "xy", "b"});
  CHECK(e.offsets[1] == Offsets{1, 3});
  Json vocab = kVocab;
  for (const char* byte : {"<0x78>", "<0x79>"}) vocab.push_back({byte, -20.0});
  CHECK(unigram(vocab, {{"byte_fallback", true}}).encode_ids("axyb") == std::vector<int32_t>{1, 6, 7, 2});
  CHECK(unigram(vocab, {{"byte_fallback", true}}).encode_ids("axzb") == std::vector<int32_t>{1, 0, 2});
  CHECK_THROWS_AS((void)unigram(kVocab, {{"unk_id", Json()}}).encode_ids("x"), Error);
}

TEST_CASE("a unigram tokenizer is written as it was read") {
  const Tokenizer tokenizer = unigram(kVocab, {{"byte_fallback", false}});
  CHECK(tokenizer.to_json()["model"]["vocab"] == kVocab);
  CHECK(Tokenizer::parse(to_text(tokenizer.to_json())).value().to_json() == tokenizer.to_json());
}

}  // namespace orrery
