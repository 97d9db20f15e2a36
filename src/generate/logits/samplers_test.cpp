// Samplers against transformers' filtered probabilities, and what holds of every one of them.
#include "generate/logits/sampler.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "base/file.h"
#include "base/json.h"
#include "base/random.h"
#include "checkpoint/safetensors.h"
#include "generate/generation_config.h"

using namespace orrery;

namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

std::vector<float> some_logits(size_t count, uint64_t seed, double scale = 3) {
  Random random(seed);
  std::vector<float> logits(count);
  for (float& x : logits) x = float(random.normal() * scale);
  return logits;
}

std::vector<double> filtered(const GenerationConfig& config, std::span<const float> logits, const TextSoFar& text = {}) {
  Candidates candidates;
  candidates.reset(logits, text);
  config.apply(candidates);
  std::vector<double> probs(logits.size(), 0.0);
  const std::span<const double> kept = candidates.probs();
  for (size_t i = 0; i < kept.size(); ++i) probs[size_t(candidates.items()[i].id)] = kept[i];
  return probs;
}

GenerationConfig sampling(const Json& options) {
  GenerationConfig config;
  config.do_sample = true;
  config.set("top_k", 0).value();
  for (const auto& [name, value] : options.items()) config.set(name, value).value();
  return config;
}

}  // namespace

TEST_CASE("filtered probabilities equal transformers'") {
  const Json about = parse_json(read_file("tests/goldens/sampling/golden.json").value(), "golden.json").value();
  const SafetensorsFile file = SafetensorsFile::open("tests/goldens/sampling/golden.safetensors").value();
  int checked = 0;
  for (const Json& one : about["cases"]) {
    CAPTURE(to_line(one));
    Json options = Json::object();
    for (const char* name : {"repetition_penalty", "temperature", "top_k", "top_p"})
      if (one.contains(name)) options[name] = one[name];
    const std::string row = one["row"].get<std::string>();
    std::vector<int32_t> history;
    for (const int64_t id : file.tensor(row + ".ids").value().values<int64_t>()) history.push_back(int32_t(id));
    const Tensor logits = file.tensor(row + ".logits").value(), expected = file.tensor(one["probs"].get<std::string>()).value();
    const std::vector<double> probs = filtered(sampling(options), logits.values<float>(), {.history = history});
    for (size_t i = 0; i < probs.size(); ++i) CHECK(std::fabs(probs[i] - double(expected.data<float>()[i])) <= 1e-6);
    ++checked;
  }
  CHECK(checked >= 75);
}

TEST_CASE("every sampler keeps a distribution a distribution") {
  std::vector<std::vector<float>> rows = {some_logits(1, 1), some_logits(2, 2), some_logits(50, 3), some_logits(1000, 4, 10), std::vector<float>(7, 0.5f)};
  rows.push_back({kNever, 2, kNever, -1, kNever});
  rows.push_back({1e30f, -1e30f, 0, 3e38f, -3e38f});
  rows.push_back({std::numeric_limits<float>::quiet_NaN(), 1, 2});
  const std::vector<int32_t> history = {0, 1, 1, 4, 70000}, ends = {0};
  int tried = 0;
  const size_t count = all_samplers().size();
  for (size_t s = 0; s < count; ++s)
    for (const double value : {0.0, 0.2, 0.5, 0.9, 1.0, 1.5, 3.0, 1e-30, 1e30}) {
      const std::unique_ptr<Sampler> sampler = std::move(all_samplers()[s]);
      OptionSet set;
      sampler->bind(set);
      for (const Option& option : set.options()) {
        const Status number = set.from_json(Json{{option.info.name, value}}, "test");
        if (!number && !set.from_json(Json{{option.info.name, int64_t(value < 100 ? value : 100)}}, "test")) continue;
        CAPTURE(std::string(option.info.name));
        CAPTURE(value);
        for (const std::vector<float>& row : rows) {
          Candidates candidates;
          candidates.reset(row, {.history = history, .generated = 2, .end_ids = row.size() > 1 && row[0] < 1e20f && row[0] > kNever ? std::span<const int32_t>(ends) : std::span<const int32_t>()});
          sampler->apply(candidates);
          REQUIRE(!candidates.items().empty());
          double sum = 0;
          for (const double p : candidates.probs()) {
            CHECK(p >= 0);
            CHECK(p <= 1);
            sum += p;
          }
          CHECK(sum == doctest::Approx(1).epsilon(1e-9));
          for (size_t i = 1; i < candidates.items().size(); ++i) CHECK(candidates.items()[i - 1].id < candidates.items()[i].id);
          ++tried;
        }
      }
    }
  CHECK(tried > int(count) * 20);
}

TEST_CASE("a sampler that is off changes nothing") {
  const std::vector<float> logits = some_logits(40, 5);
  const std::vector<int32_t> history = {1, 2, 3};
  for (const auto& sampler : all_samplers()) {
    if (sampler->active()) continue;
    Candidates plain, applied;
    plain.reset(logits, {.history = history});
    applied.reset(logits, {.history = history});
    sampler->apply(applied);
    REQUIRE(applied.items().size() == plain.items().size());
    for (size_t i = 0; i < logits.size(); ++i) CHECK(applied.probs()[i] == doctest::Approx(plain.probs()[i]).epsilon(1e-6));
  }
}

TEST_CASE("top-k keeps all that are equal to the k-th, top-p the fewest") {
  const std::vector<float> logits = {1, 3, 2, 2, 2, 0};
  CHECK(filtered(sampling({{"top_k", 2}}), logits)[4] > 0);
  CHECK(filtered(sampling({{"top_k", 2}}), logits)[0] == 0);
  const std::vector<double> nucleus = filtered(sampling({{"top_p", 0.55}}), logits);
  CHECK(nucleus[1] > 0);
  CHECK(nucleus[2] > 0);
  CHECK(nucleus[3] == 0);
  CHECK(filtered(sampling({{"top_p", 0.0}}), logits)[1] == 1);
  CHECK(filtered(sampling({{"min_p", 0.3}}), logits)[2] > 0);
  CHECK(filtered(sampling({{"min_p", 0.4}}), logits)[2] == 0);
}

TEST_CASE("top-p sorts only what it needs and still finds the same") {
  const std::vector<float> logits = some_logits(3000, 6, 0.5);    // flat: most tokens are kept
  for (const double p : {0.01, 0.2, 0.9, 0.999}) {
    const std::vector<double> all = filtered(sampling(Json::object()), logits), kept = filtered(sampling({{"top_p", p}}), logits);
    std::vector<double> sorted = all;
    std::sort(sorted.rbegin(), sorted.rend());
    double sum = 0;
    size_t count = 0;
    while (sum < p && count < sorted.size()) sum += sorted[count++];
    CHECK(size_t(std::count_if(kept.begin(), kept.end(), [](double x) { return x > 0; })) == count);
  }
}

TEST_CASE("the repetition penalty divides positive logits, multiplies negative ones, once") {
  const std::vector<float> logits = {2, -2, 2, -2};
  const std::vector<int32_t> history = {0, 0, 1, 1, 9};
  GenerationConfig config;
  config.set("repetition_penalty", 2.0).value();
  Candidates candidates;
  candidates.reset(logits, {.history = history});
  config.apply(candidates);
  CHECK(candidates.items()[0].logit == 1);
  CHECK(candidates.items()[1].logit == -4);
  CHECK(candidates.items()[2].logit == 2);
  CHECK(candidates.items()[3].logit == -2);
}

TEST_CASE("greedy takes the first of equal logits, and refuses logits of nothing") {
  CHECK(first_largest(std::vector<float>{1, 5, 5, 2}) == 1);
  CHECK(first_largest(std::vector<float>{std::numeric_limits<float>::quiet_NaN(), -3}) == 1);
  CHECK_THROWS_AS(first_largest(std::vector<float>{kNever, std::numeric_limits<float>::quiet_NaN()}), Error);
  Candidates candidates;
  candidates.reset(std::vector<float>{kNever, kNever});
  CHECK_THROWS_AS(candidates.probs(), Error);
  CHECK_THROWS_AS(candidates.top(), Error);
}

TEST_CASE("10^5 draws have the frequencies of the probabilities") {
  const std::vector<float> logits = some_logits(30, 8, 1.5);
  const GenerationConfig config = sampling({{"temperature", 0.9}, {"top_k", 20}, {"top_p", 0.95}});
  Candidates candidates;
  candidates.reset(logits);
  config.apply(candidates);
  const std::vector<double> probs = filtered(config, logits);
  constexpr int kDraws = 100'000;
  // Over positions of one sequence, over sequences, and over seeds: each must be uniform by itself.
  for (int along = 0; along < 3; ++along) {
    std::vector<int> counts(logits.size(), 0);
    for (int i = 0; i < kDraws; ++i) {
      const double u = along == 0 ? sampling_number(7, 0, i) : along == 1 ? sampling_number(7, uint32_t(i), 3) : sampling_number(uint64_t(i), 0, 3);
      ++counts[size_t(candidates.draw(u))];
    }
    double chi = 0;
    int kinds = 0;
    for (size_t i = 0; i < probs.size(); ++i) {
      if (probs[i] == 0) {
        CHECK(counts[i] == 0);
        continue;
      }
      const double expected = probs[i] * kDraws;
      chi += (counts[i] - expected) * (counts[i] - expected) / expected;
      ++kinds;
    }
    // Wilson and Hilferty: with k degrees of freedom, (chi / k)^(1/3) is normal with mean 1 - 2/9k and variance 2/9k.
    const double k = kinds - 1;
    CHECK((std::cbrt(chi / k) - (1 - 2 / (9 * k))) / std::sqrt(2 / (9 * k)) < 3.1);     // once in a thousand
  }
}

TEST_CASE("a draw takes the token at its place in the cumulative distribution") {
  Candidates candidates;
  candidates.reset(std::vector<float>{0, kNever, 0, 0, 0});
  CHECK(candidates.draw(0) == 0);
  CHECK(candidates.draw(0.3) == 2);
  CHECK(candidates.draw(0.99999999999999989) == 4);
}
