#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <thread>

#include "base/file.h"
#include "base/testing.h"
#include "tokenize/tokenizer.h"

namespace orrery {
namespace {

constexpr int kDraws = 20000;

Json goldens() { return parse_json(read_file("src/tokenize/testdata/dropout.json").value(), "dropout.json").value(); }

Json described(const Json& goldens, Json dropout) {
  return {{"version", "1.0"}, {"added_tokens", Json::array()}, {"normalizer", nullptr}, {"pre_tokenizer", nullptr}, {"post_processor", nullptr}, {"decoder", nullptr},
          {"model", {{"type", "BPE"}, {"dropout", std::move(dropout)}, {"unk_token", nullptr}, {"vocab", goldens["vocab"]}, {"merges", goldens["merges"]}}}};
}

Tokenizer with(const Json& goldens, Json dropout) { return Tokenizer::from_json(described(goldens, std::move(dropout))).value(); }

std::string cut(const Tokenizer& tokenizer, const std::string& text, uint64_t seed) {
  std::string joined;
  for (const std::string& token : tokenizer.encode(text, {.seed = seed}).tokens()) joined += (joined.empty() ? "" : " ") + token;
  return joined;
}

// Of two samples of the same ways, those that are rare in both taken together.
double chi_squared(const std::map<std::string, int>& ours, const Json& theirs, double their_draws) {
  const double scale = std::sqrt(their_draws / kDraws);
  double sum = 0, few_ours = 0, few_theirs = 0;
  const auto add = [&](double a, double b) {
    if (a + b > 0) sum += (a * scale - b / scale) * (a * scale - b / scale) / (a + b);
  };
  for (const auto& [way, count] : theirs.items()) {
    const auto found = ours.find(way);
    const double a = found == ours.end() ? 0 : found->second, b = count.get<double>();
    if (a + b < 60) few_ours += a, few_theirs += b;
    else add(a, b);
  }
  add(few_ours, few_theirs);
  return sum;
}

}  // namespace

TEST_CASE("BPE with dropout cuts texts in the reference's ways, as often as it does") {
  const Json golden = goldens();
  for (const Json& row : golden["rows"]) {
    const Tokenizer tokenizer = with(golden, row["dropout"]);
    const std::string text = row["text"].get<std::string>();
    CAPTURE(text);
    CAPTURE(row["dropout"].get<double>());
    std::map<std::string, int> counts;
    for (uint64_t seed = 0; seed < kDraws; ++seed) ++counts[cut(tokenizer, text, seed)];
    for (const auto& [way, count] : counts) CHECK((row["counts"].contains(way) || count < 10));
    CHECK(chi_squared(counts, row["counts"], golden["draws"].get<double>()) < 45);   // 0.1 % with 20 ways; there are fewer
  }
}

TEST_CASE("with a dropout of 0 or none a text has the tokens of its merges, with one of 1 its characters") {
  const Json golden = goldens();
  const Tokenizer plain = with(golden, nullptr), zero = with(golden, 0.0), whole_zero = with(golden, 0), one = with(golden, 1.0);
  for (const std::string text : {"", "a", "abcabcab", "ccbaabcb"}) {
    const Encoding expected = plain.encode(text);
    for (const uint64_t seed : {0u, 1u, 2u}) {
      CHECK(zero.encode(text, {.seed = seed}).tokens() == expected.tokens());
      CHECK(whole_zero.encode_ids(text, {.seed = seed}) == expected.ids);
      std::vector<std::string> characters;
      for (const char c : text) characters.emplace_back(1, c);
      CHECK(one.encode(text, {.seed = seed}).tokens() == characters);
    }
  }
}

TEST_CASE("what is drawn is told by the seed, the same for ids alone, on any thread, whatever was read before") {
  const Tokenizer tokenizer = with(goldens(), 0.9);
  std::string text;
  for (int i = 0; i < 20; ++i) text += "abcab";
  const std::vector<int32_t> first = tokenizer.encode_ids(text, {.seed = 7});
  CHECK(tokenizer.encode_ids(text, {.seed = 8}) != first);
  CHECK(tokenizer.encode(text, {.seed = 7}).ids == first);
  std::vector<int32_t> elsewhere;
  std::thread([&] { elsewhere = tokenizer.encode_ids(text, {.seed = 7}); }).join();
  CHECK(elsewhere == first);
  // The same word twice is drawn for twice, and so is a second text.
  const std::vector<std::string> words(40, "abcabcabc");
  const Encoding e = tokenizer.encode_words(words, words, {.seed = 7});
  CHECK(tokenizer.encode_words(words, words, {.seed = 7}).ids == e.ids);
  std::map<std::vector<std::string>, int> ways;
  for (int32_t sequence = 0; sequence < 2; ++sequence)
    for (int32_t word = 0; word < 40; ++word) {
      std::vector<std::string> tokens;
      for (size_t i = 0; i < e.size(); ++i)
        if (e.sequences[i] == sequence && e.words[i] == word) tokens.emplace_back(e.token(i));
      ++ways[tokens];
    }
  CHECK(ways.size() > 3);
}

TEST_CASE("a whole word is no token where merges are left out") {
  Json json = described(goldens(), 1.0);
  json["model"]["ignore_merges"] = true;
  CHECK(Tokenizer::from_json(json).value().encode("abab").tokens() == std::vector<std::string>{"a", "b", "a", "b"});
  json["model"]["dropout"] = 0.0;
  CHECK(Tokenizer::from_json(json).value().encode("abab").tokens() == std::vector<std::string>{"abab"});
}

TEST_CASE("a dropout is saved as it was given, and refused where it is no probability") {
  const Json golden = goldens();
  for (const Json& dropout : {Json(), Json(0.0), Json(0.1), Json(1)}) {
    const Json json = described(golden, dropout);
    CHECK(Tokenizer::from_json(json).value().to_json()["model"]["dropout"] == dropout);
    CHECK(Tokenizer::parse(json.dump()).value().to_json()["model"]["dropout"].dump() == dropout.dump());
  }
  for (const Json& dropout : {Json(-0.1), Json(1.5), Json("0.1"), Json(true)}) {
    const Result<Tokenizer> tokenizer = Tokenizer::from_json(described(golden, dropout));
    REQUIRE(!tokenizer.ok());
    CHECK(tokenizer.error().kind == ErrorKind::bad_file);
    CHECK(tokenizer.error().what.find("dropout") != std::string::npos);
  }
}

}  // namespace orrery
