#include "vocabulary/report.h"

#include <doctest/doctest.h>

#include "tokenize/trainers/vocab_trainer.h"
#include "vocabulary/verdict.h"

namespace orrery {

namespace {

Tokenizer learned(const std::string& algorithm, int64_t size, const std::vector<std::string>& texts) {
  VocabTrainer trainer({.algorithm = algorithm, .vocab_size = size});
  for (const std::string& text : texts) trainer.add(text);
  ThreadPool pool(1);
  return trainer.train(pool).tokenizer();
}

std::vector<std::string> english() { return sample_sentences().front().sentences; }

Json numbers(double fertility, double general, double heavy, double unknown, double fallback) {
  return {{"domain_is", "corpus"},
          {"domain", {{"fertility", fertility}, {"heavily_split_words", heavy}, {"byte_fallback_rate", fallback}}},
          {"general", {{"fertility", general}}},
          {"unk_rate", unknown},
          {"extension", nullptr},
          {"vocabulary", {{"unreachable", 0}}},
          {"collisions", Json::array()}};
}

std::string verdict(Json report) {
  judge(report, {});
  return report["verdict"];
}

}  // namespace

TEST_CASE("the samples are fifty terms and as many sentences in each language") {
  CHECK(sample_terms().size() == 50);
  const auto languages = sample_sentences();
  CHECK(languages.front().name == "en");
  for (const Language& language : languages) CHECK(language.sentences.size() == languages.front().sentences.size());
}

TEST_CASE("the verdict follows the thresholds") {
  CHECK(verdict(numbers(1.3, 1.2, 0, 0, 0)) == "fits");
  CHECK(verdict(numbers(1.6, 1.5, 0, 0, 0)) == "fits");             // little more than general text
  CHECK(verdict(numbers(2.0, 1.6, 0, 0, 0)) == "watch");            // 1.25 times
  CHECK(verdict(numbers(2.4, 1.6, 0, 0, 0)) == "extend");           // 1.5 times
  CHECK(verdict(numbers(1.3, 1.2, 0.06, 0, 0)) == "extend");        // many words in four parts
  CHECK(verdict(numbers(1.3, 1.2, 0, 0, 0.02)) == "extend");        // bytes
  CHECK(verdict(numbers(4.0, 1.6, 0, 0, 0)) == "train your own");   // 2.5 times
  CHECK(verdict(numbers(1.3, 1.2, 0, 0.01, 0)) == "train your own");   // what is unknown is lost
  Json terms = numbers(4.0, 1.6, 0, 0, 0);
  terms["domain_is"] = "terms";
  CHECK(verdict(terms) == "extend");
}

TEST_CASE("no extension is advised that was tried and gains little") {
  Json report = numbers(2.4, 1.6, 0, 0, 0);
  report["extension"] = {{"added", 100}, {"shorter", 0.04}};
  CHECK(verdict(report) == "watch");
  report["extension"]["shorter"] = 0.2;
  CHECK(verdict(report) == "extend");
}

TEST_CASE("a report's numbers are those of its terms") {
  const Tokenizer tokenizer = learned("byte-bpe", 600, english());
  const Json report = vocab_report(tokenizer, {.name = "own", .terms = {{"river", "word"}, {"XJ-99", "product code"}}, .languages = sample_sentences()});
  REQUIRE(report["terms"].size() == 2);
  int64_t tokens = 0;
  for (const Json& term : report["terms"]) {
    const std::string text = term["term"];
    CHECK(term["tokens"] == tokenizer.encode_ids(text, {.add_special = false}).size());
    std::string joined;
    for (const Json& piece : term["pieces"]) joined += piece.get<std::string>();
    CHECK(joined == text);
    tokens += term["tokens"].get<int64_t>();
  }
  CHECK(report["mean_tokens_per_term"].get<double>() == doctest::Approx(static_cast<double>(tokens) / 2));
  CHECK(report["unk_rate"] == 0.0);
  CHECK(report["languages"][0]["parity"] == 1.0);
  for (const Json& language : report["languages"]) CHECK(language["parity"].get<double>() >= 1.0);   // it knows English alone
  CHECK(report["extension"].is_null());
  CHECK(report["round_trip"]["failures"] == 0);
}

TEST_CASE("extending is tried where there is a corpus") {
  std::vector<std::string> corpus;
  for (int i = 0; i < 600; i++) corpus.push_back("electroplating of anodes and cathodes in bath " + std::to_string(i % 7));
  const Json report = vocab_report(learned("byte-bpe", 400, english()), {.terms = sample_terms(), .languages = sample_sentences(), .corpus = corpus, .extension_tokens = 50});
  CHECK(report["domain_is"] == "corpus");
  CHECK(report["extension"]["shorter"].get<double>() > 0.1);
}

TEST_CASE("two tokenizers part where one knows more, and the stage is named") {
  const Tokenizer one = learned("byte-bpe", 300, english()), more = learned("byte-bpe", 600, english()), lower = learned("wordpiece", 600, english());
  CHECK(first_difference(one, one, english()).is_null());
  CHECK(first_difference(one, more, english())["cause"] == "vocabulary");
  CHECK(first_difference(one, lower, {"The river"})["cause"] == "normalizer");
}

TEST_CASE("CSV quotes what it must, and the page carries no markup of the data") {
  const Tokenizer tokenizer = learned("byte-bpe", 300, english());
  const Json report = vocab_report(tokenizer, {.terms = {{"say \"a,b\"", "</script>"}}, .languages = sample_sentences()});
  CHECK(report_csv(report).find("\"say \"\"a,b\"\"\"") != std::string::npos);
  CHECK(report_page(report, "orrery vocab report").find("</script>\"") == std::string::npos);
}

}  // namespace orrery
