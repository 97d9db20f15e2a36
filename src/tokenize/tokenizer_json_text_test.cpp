#include "tokenize/tokenizer_json_text.h"

#include <doctest/doctest.h>

#include <cmath>

#include "base/random.h"
#include "tokenize/long_lists.h"
#include "tokenize/tokenizer.h"

using namespace orrery;

TEST_CASE("every score that a text can say is said") {
  Random random(1);
  int64_t wrong = 0, changed = 0, plain = 0;
  for (int i = 0; i < 100000; ++i) {
    const double size = std::pow(10.0, random.uniform() * 12 - 9) * (random.uniform() < 0.5 ? -1 : 1), any = i % 2 ? size : double(float(size));
    const std::string usual = to_line(Json(any));
    const double score = score_of(usual);   // what a reader of a file has
    const std::string text = score_text(score);
    wrong += score_of(text) != score;
    changed += score_of(to_line(Json(score))) != score;
    plain += text.find('e') == std::string::npos;
  }
  CHECK(wrong == 0);
  CHECK(changed > 100);   // what writing as usual would lose
  CHECK(plain > 10000);
  for (const double score : {0.0, -2.012292861938477, -13.3553, 1e300, -1e-300, 5e-324, 1.7976931348623157e308}) CHECK(score_of(score_text(score)) == score);
}

TEST_CASE("a tokenizer written and read again says the same, scores to the bit") {
  Random random(2);
  Json pieces = Json::array({Json::array({"<unk>", 0.0})});
  for (int i = 0; i < 5000; ++i) pieces.push_back(Json::array({"p" + std::to_string(i), score_of(to_line(Json(-20 * random.uniform())))}));
  pieces.push_back(Json::array({"\"vocab\": []", -1.5}));
  Json json = {{"version", "1.0"}, {"truncation", nullptr}, {"padding", nullptr}, {"added_tokens", Json::array()}, {"normalizer", nullptr},
               {"pre_tokenizer", nullptr}, {"post_processor", nullptr}, {"decoder", nullptr}};
  json["model"] = {{"type", "Unigram"}, {"unk_id", 0}, {"vocab", pieces}};
  const Tokenizer first = Tokenizer::parse(to_text(json)).value();
  const std::string text = tokenizer_json_text(first.to_json());
  const Tokenizer second = Tokenizer::parse(text).value();
  CHECK((second.to_json() == first.to_json()));
  CHECK(tokenizer_json_text(second.to_json()) == text);
  CHECK((parse_json(text, "text").value()["model"]["vocab"].size() == pieces.size()));
}
