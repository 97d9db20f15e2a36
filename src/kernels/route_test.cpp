#include "kernels/route.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "kernels/test_values.h"

using namespace orrery;

TEST_CASE("a row goes to its k likeliest experts, by weights that sum to one") {
  for (const Kernels<float>* k : runnable_kernels()) {
    CAPTURE(std::string(k->name));
    const std::vector<float> probs = {0.1f, 0.4f, 0.2f, 0.3f, /**/ 0.25f, 0.25f, 0.25f, 0.25f, /**/ 0, 0, 1, 0};
    std::vector<float> weights(12);
    std::vector<int32_t> chosen(6);
    k->route(probs.data(), weights.data(), chosen.data(), 3, 4, 2);
    CHECK(chosen == std::vector<int32_t>{1, 3, /* equal: the smaller ids */ 0, 1, /**/ 0, 2});
    CHECK(difference(weights, {0, 4.0 / 7, 0, 3.0 / 7, 0.5, 0.5, 0, 0, 0, 0, 1, 0}, 2e-7, 0) == "");
    k->route(probs.data(), weights.data(), chosen.data(), 0, 4, 2);
  }
}

TEST_CASE("all experts chosen: the weights are the probabilities; one chosen: its weight is one") {
  for (const Kernels<float>* k : runnable_kernels())
    for (const int64_t experts : {1, 2, 7, 8, 64}) {
      CAPTURE(std::string(k->name));
      CAPTURE(experts);
      Random random(3);
      std::vector<float> probs = random_floats(random, 5 * experts), weights(probs.size());
      k->softmax(probs.data(), probs.data(), 5, experts);
      std::vector<int32_t> chosen(probs.size());
      k->route(probs.data(), weights.data(), chosen.data(), 5, experts, experts);
      CHECK(difference(weights, doubles(probs), 1e-6, 0) == "");
      for (size_t i = 0; i < chosen.size(); ++i) CHECK(chosen[i] == int32_t(i % size_t(experts)));
      k->route(probs.data(), weights.data(), chosen.data(), 5, experts, 1);
      for (size_t r = 0; r < 5; ++r) {
        const float* row = &probs[r * size_t(experts)];
        CHECK(chosen[r] == int32_t(std::max_element(row, row + experts) - row));
        CHECK(weights[r * size_t(experts) + size_t(chosen[r])] == 1.0f);
      }
    }
}

TEST_CASE("a row of NaN chooses experts that exist, and no other row changes") {
  for (const Kernels<float>* k : runnable_kernels())
    for (const float bad : {kNan, kInfinity}) {
      CAPTURE(std::string(k->name));
      std::vector<float> probs = {bad, kNan, bad, 0.5f, /**/ 0.5f, 0.25f, 0.125f, 0.125f}, weights(8);
      std::vector<int32_t> chosen(6, -1);
      k->route(probs.data(), weights.data(), chosen.data(), 2, 4, 3);
      for (size_t i = 0; i < 3; ++i) CHECK((chosen[i] >= 0 && chosen[i] < 4 && (i == 0 || chosen[i] > chosen[i - 1])));
      CHECK(std::vector<int32_t>{chosen.begin() + 3, chosen.end()} == std::vector<int32_t>{0, 1, 2});
    }
}

TEST_CASE("the gradient of routing agrees with finite differences") {
  const Kernels<double>& k = reference_kernels<double>();
  Random random(5);
  std::vector<double> probs = random_doubles(random, 18), dweights = random_doubles(random, 18), weights(18), dprobs(18);
  for (double& p : probs) p = 0.1 + p * p;
  std::vector<int32_t> chosen(6);
  k.route(probs.data(), weights.data(), chosen.data(), 3, 6, 2);
  k.route_backward(probs.data(), chosen.data(), dweights.data(), dprobs.data(), 3, 6, 2);
  CHECK(gradient_difference(probs, dprobs, [&] {
          k.route(probs.data(), weights.data(), chosen.data(), 3, 6, 2);
          return dot(weights, dweights);
        }) == "");
}
