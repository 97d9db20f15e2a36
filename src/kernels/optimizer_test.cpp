#include "kernels/optimizer.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "kernels/test_values.h"

using namespace orrery;

namespace {

template <class T>
struct Parameters {
  std::vector<T> p, m, v;
};

// Gradients of sizes from 1e-8 to 10, some of them zero.
std::vector<float> gradients(Random& random, int64_t count) {
  std::vector<float> g = random_floats(random, count);
  for (float& value : g) value *= float(std::pow(10.0, double(random.below(9)) - 8));
  for (size_t i = 0; i < g.size(); i += 11) g[i] = 0;
  return g;
}

AdamWStep at_step(int64_t step) {
  return {.lr = 1.3e-3, .beta1 = 0.9, .beta2 = 0.97, .eps = 1e-8, .weight_decay = 0.1, .step = step, .grad_scale = 0.7};
}

// Three steps of the kernel from zeroed averages.
template <class T>
Parameters<T> trained(const Kernels<T>& k, int64_t count) {
  Random random(static_cast<uint64_t>(count));
  const std::vector<float> start = random_floats(random, count);
  Parameters<T> now{{start.begin(), start.end()}, std::vector<T>(size_t(count)), std::vector<T>(size_t(count))};
  for (int64_t step = 1; step <= 3; ++step) {
    const std::vector<float> narrow = gradients(random, count);
    const std::vector<T> g(narrow.begin(), narrow.end());
    k.adamw(now.p.data(), g.data(), now.m.data(), now.v.data(), count, at_step(step));
  }
  return now;
}

}  // namespace

TEST_CASE("every class takes the AdamW steps of the reference") {
  for (const Kernels<float>* k : runnable_kernels())
    for (const int64_t count : kTestSizes) {
      CAPTURE(std::string(k->name));
      CAPTURE(count);
      const Parameters<float> got = trained(*k, count);
      const Parameters<double> exact = trained(reference_kernels<double>(), count);
      CHECK(difference(got.p, exact.p, 3e-7, 1e-8) == "");
      CHECK(difference(got.m, exact.m, 1e-6, 1e-9) == "");
      CHECK(difference(got.v, exact.v, 1e-6, 1e-16) == "");
    }
}

TEST_CASE("vector classes round where torch.optim.AdamW does: averages are fused, every other operation rounds") {
  const int64_t count = 1009;
  for (const Kernels<float>* k : runnable_kernels()) {
    if (std::string(k->name) == "reference") continue;
    CAPTURE(std::string(k->name));
    Random random(1009);
    Parameters<float> expected{random_floats(random, count), std::vector<float>(size_t(count)),
                               std::vector<float>(size_t(count))};
    for (int64_t t = 1; t <= 3; ++t) {
      const std::vector<float> g = gradients(random, count);
      const AdamWStep s = at_step(t);
      const float second = float(1 - s.beta2), rate = float(s.lr / (1 - std::pow(s.beta1, double(t))));
      const float root_bias2 = float(std::sqrt(1 - std::pow(s.beta2, double(t))));
      for (size_t i = 0; i < g.size(); ++i) {
        float &p = expected.p[i], &m = expected.m[i], &v = expected.v[i];
        const float gradient = g[i] * float(s.grad_scale);
        m = std::fma(float(1 - s.beta1), gradient - m, m);
        const float decayed = v * float(s.beta2), weighted = second * gradient;
        v = std::fma(weighted, gradient, decayed);
        const float root = std::sqrt(v) / root_bias2, denominator = root + float(s.eps), numerator = rate * m;
        const float kept = p * float(1 - s.lr * s.weight_decay), change = numerator / denominator;
        p = kept - change;
      }
    }
    const Parameters<float> got = trained(*k, count);
    CHECK(bit_difference(got.p, expected.p) == "");
    CHECK(bit_difference(got.m, expected.m) == "");
    CHECK(bit_difference(got.v, expected.v) == "");
  }
}

TEST_CASE("the first step moves each parameter by the learning rate against its gradient's sign") {
  for (const Kernels<float>* k : runnable_kernels()) {
    CAPTURE(std::string(k->name));
    std::vector<float> p(20, 1.0f), g(20, 1e-3f), m(20, 0.0f), v(20, 0.0f);
    g[3] = -5;
    g[4] = 0;
    k->adamw(p.data(), g.data(), m.data(), v.data(), 20, {.lr = 0.01});
    CHECK(p[0] == doctest::Approx(0.99).epsilon(1e-5));
    CHECK(p[3] == doctest::Approx(1.01).epsilon(1e-5));
    CHECK(p[4] == 1.0f);
  }
}

TEST_CASE("a step's result does not depend on how the parameters are cut") {
  for (const Kernels<float>* k : runnable_kernels()) {
    CAPTURE(std::string(k->name));
    const int64_t count = 333;
    Random random(3);
    const std::vector<float> p0 = random_floats(random, count), g = gradients(random, count),
                             m0 = gradients(random, count);
    std::vector<float> v0 = m0;
    for (float& value : v0) value *= value;
    std::vector<float> p = p0, m = m0, v = v0;
    k->adamw(p.data(), g.data(), m.data(), v.data(), count, at_step(9));
    std::vector<float> p1 = p0, m1 = m0, v1 = v0;
    for (int64_t begin = 0, size = 1; begin < count; begin += size, size += 3) {
      const int64_t part = std::min(size, count - begin);
      k->adamw(&p1[size_t(begin)], &g[size_t(begin)], &m1[size_t(begin)], &v1[size_t(begin)], part, at_step(9));
    }
    CHECK(bit_difference(p1, p) == "");
    CHECK(bit_difference(m1, m) == "");
    CHECK(bit_difference(v1, v) == "");
  }
}

TEST_CASE("sums of squares are taken in double") {
  for (const Kernels<float>* k : runnable_kernels()) {
    for (const int64_t count : kTestSizes) {
      CAPTURE(std::string(k->name));
      CAPTURE(count);
      Random random(6);
      const std::vector<float> x = random_floats(random, count);
      const double expected = dot(doubles(x), doubles(x));
      CHECK(std::fabs(k->sum_squares(x.data(), count) - expected) <= 1e-14 * expected);
    }
    const std::vector<float> huge(100, 1e30f), tiny(100, 1e-40f);
    CHECK(k->sum_squares(huge.data(), 100) == doctest::Approx(1e62));
    CHECK(k->sum_squares(tiny.data(), 100) == doctest::Approx(1e-78).epsilon(1e-4));
    CHECK(std::isnan(k->sum_squares(kSpecialFloats.data(), int64_t(kSpecialFloats.size()))));
  }
}
