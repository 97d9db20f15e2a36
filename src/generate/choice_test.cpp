#include "generate/choice.h"

#include <doctest/doctest.h>

#include <cmath>

#include "base/random.h"

using namespace orrery;

namespace {

std::vector<float> some_logits(size_t count, uint64_t seed) {
  Random random(seed);
  std::vector<float> logits(count);
  for (float& logit : logits) logit = float(2 * random.normal());
  return logits;
}

GenerationConfig config_of(const Json& options) {
  GenerationConfig config;
  for (const auto& [name, value] : options.items()) config.set(name, value).value();
  return config;
}

}  // namespace

TEST_CASE("a choice that is told is the same choice, and its steps add up") {
  const std::vector<int32_t> history = {3, 7, 7, 20};
  int drawn_again = 0;
  for (uint64_t seed = 0; seed < 40; ++seed)
    for (const Json& options : {Json::object(), Json{{"repetition_penalty", 1.5}}, Json{{"do_sample", true}, {"top_k", 0}},
                                Json{{"do_sample", true}, {"temperature", 0.7}, {"top_k", 20}, {"top_p", 0.8}, {"min_p", 0.02}, {"repetition_penalty", 1.2}}}) {
      CAPTURE(to_line(options));
      GenerationConfig config = config_of(options);
      config.seed = seed;
      const std::vector<float> logits = some_logits(60, seed);
      Candidates one, two;
      Choice told;
      const int32_t id = choose(config, one, logits, {.history = history}, 5);
      CHECK(choose(config, two, logits, {.history = history}, 5, &told) == id);
      CHECK(told.id == id);
      CHECK(told.position == 4);
      CHECK(told.random.has_value() == config.sampling());
      int64_t left = 60;
      for (const ChoiceStep& step : told.steps) {
        left -= step.removed;
        CHECK(step.left == left);
        CHECK(step.removed_mass >= 0);
        CHECK(step.removed_mass < 1);
        CHECK((step.removed == 0) == (step.removed_mass == 0));
        CHECK(step.top.size() == size_t(std::min<int64_t>(left, Choice::kTop)));
        CHECK(step.gone.size() == size_t(std::min<int64_t>(step.removed, Choice::kTop)));
        for (const Weighed& gone : step.gone)
          for (const Weighed& kept : step.top) CHECK(gone.id != kept.id);
      }
      CHECK(told.steps.size() == (options.empty() || options.size() == 2 ? 0u : options.contains("do_sample") ? 5u : 1u));
      CHECK(told.share_end - told.share_begin == doctest::Approx(told.probability));
      if (told.random) {
        CHECK(*told.random == sampling_number(seed, 5, 4));
        CHECK(*told.random >= told.share_begin - 1e-12);
        CHECK(*told.random < told.share_end + 1e-12);
        drawn_again += told.raw_rank > 0;
      } else if (told.steps.empty()) {
        CHECK(told.raw_rank == 0);
      }
    }
  CHECK(drawn_again > 10);   // sampling takes others than the likeliest
}

TEST_CASE("a sampler's step says what it was set to") {
  Choice told;
  Candidates candidates;
  choose(config_of({{"do_sample", true}, {"top_k", 3}}), candidates, std::vector<float>{1, 2, 3, 4, 5}, {}, 0, &told);
  REQUIRE(told.steps.size() == 1);
  CHECK(told.steps[0].name == "top_k");
  CHECK(told.steps[0].settings == Json{{"top_k", 3}});
  CHECK(told.steps[0].removed == 2);
  REQUIRE(told.steps[0].gone.size() == 2);
  CHECK(told.steps[0].gone[0].id == 1);   // likelier first, as it was before
  CHECK(told.steps[0].gone[0].logit == 2);
  const double sum = std::exp(-4.0) + std::exp(-3.0) + std::exp(-2.0) + std::exp(-1.0) + 1;
  CHECK(told.steps[0].removed_mass == doctest::Approx((std::exp(-4.0) + std::exp(-3.0)) / sum));
  CHECK(told.steps[0].top[0].id == 4);
}
