#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "tokenize/protobuf.h"
#include "tokenize/sentencepiece.h"

using namespace orrery;

namespace {

// A model that can cut "ab" in four ways, no two of the same score.
SentencePiece tiny(uint64_t kind) {
  const std::vector<std::pair<const char*, double>> pieces = {{"▁", -2.0}, {"a", -1.5}, {"b", -1.0}, {"ab", -2.25}, {"▁a", -2.75}, {"▁ab", -3.0}};
  ProtobufWriter model, trainer;
  const auto add = [&](const char* text, double score, uint64_t type) {
    ProtobufWriter piece;
    piece.bytes(1, text);
    piece.real(2, float(score));
    piece.integer(3, type);
    model.bytes(1, piece.message());
  };
  add("<unk>", 0, 2);
  for (const auto& [text, score] : pieces) add(text, score, 1);
  trainer.integer(3, kind);
  model.bytes(2, trainer.message());
  return SentencePiece(model.message());
}

std::string joined(const std::vector<SentencePiece::Token>& tokens) {
  std::string text;
  for (const auto& token : tokens) text += (text.empty() ? "" : " ") + token.piece;
  return text;
}

// The weights of the ways, and how often each was drawn: Pearson's statistic, of 3 degrees of freedom for all four.
double chi_squared(const SentencePiece& spm, const std::map<std::string, double>& weights, double alpha, int64_t size) {
  constexpr int kDraws = 40000;
  Random random(7);
  std::map<std::string, int> counts;
  for (int i = 0; i < kDraws; i++) counts[joined(spm.sample("ab", alpha, size, random))]++;
  double total = 0, statistic = 0;
  for (const auto& [way, weight] : weights) total += weight;
  for (const auto& [way, count] : counts) REQUIRE(weights.contains(way));
  for (const auto& [way, weight] : weights) {
    const double expected = kDraws * weight / total;
    statistic += (counts[way] - expected) * (counts[way] - expected) / expected;
  }
  return statistic;
}

}  // namespace

TEST_CASE("the best ways to cut a text, in the order of their scores") {
  const SentencePiece spm = tiny(1);
  const auto paths = spm.nbest("ab", 10);
  REQUIRE(paths.size() == 4);
  CHECK(joined(paths[0].tokens) == "▁ab");
  CHECK(joined(paths[1].tokens) == "▁a b");
  CHECK(joined(paths[2].tokens) == "▁ ab");
  CHECK(joined(paths[3].tokens) == "▁ a b");
  CHECK(paths[2].score == doctest::Approx(-4.25));
  CHECK(spm.nbest("ab", 2).size() == 2);
  CHECK(joined(spm.nbest("ab", 1)[0].tokens) == joined(spm.encode("ab")));
  CHECK(spm.nbest("", 3).empty());
  CHECK_THROWS_AS(spm.nbest("ab", 0), Error);
  CHECK_THROWS_AS(tiny(2).nbest("ab", 2), Error);
}

TEST_CASE("ways are drawn as often as their scores say") {
  const SentencePiece spm = tiny(1);
  const std::map<std::string, double> scores = {{"▁ab", -3}, {"▁a b", -3.75}, {"▁ ab", -4.25}, {"▁ a b", -4.5}};
  for (const double alpha : {0.0, 0.4, 1.0, 2.0}) {
    CAPTURE(alpha);
    std::map<std::string, double> weights, best;
    for (const auto& [way, score] : scores) weights[way] = std::exp(alpha * score);
    for (const char* way : {"▁ab", "▁a b"}) best[way] = weights[way];
    CHECK(chi_squared(spm, weights, alpha, -1) < 16.27);   // 0.1 %
    CHECK(chi_squared(spm, weights, alpha, 4) < 16.27);
    CHECK(chi_squared(spm, best, alpha, 2) < 10.83);
  }
  Random random(1);
  CHECK(joined(spm.sample("ab", 1, 1, random)) == "▁ab");
  CHECK(spm.sample("", 1, -1, random).empty());
  CHECK_THROWS_AS(tiny(3).sample("ab", 1, -1, random), Error);
}

TEST_CASE("BPE leaves out as many joinings as it is told to") {
  const SentencePiece spm = tiny(2);
  Random random(3);
  CHECK(joined(spm.sample("ab", 0, -1, random)) == joined(spm.encode("ab")));
  CHECK(joined(spm.sample("ab", 1, -1, random)) == "▁ a b");
  // "a b" is joined first, then "▁ ab": each with probability 1/2; where the first is left out, "▁ a" is tried.
  int whole = 0, apart = 0;
  constexpr int kDraws = 40000;
  for (int i = 0; i < kDraws; i++) {
    const std::string way = joined(spm.sample("ab", 0.5, -1, random));
    whole += way == "▁ab";
    apart += way == "▁ a b";
  }
  CHECK(std::fabs(apart - kDraws / 4.0) < 5 * std::sqrt(kDraws * 0.25 * 0.75));
  CHECK(std::fabs(whole - kDraws * 3 / 8.0) < 5 * std::sqrt(kDraws * 0.375 * 0.625));
}
