#include "kernels/cross_entropy.h"

#include <doctest/doctest.h>

#include "kernels/test_values.h"

using namespace orrery;

namespace {

// A call and all it gives.
template <class T>
struct Loss {
  std::vector<T> loss, lse, dlogits;
};
template <class T>
Loss<T> cross_entropy(const Kernels<T>& k, const std::vector<T>& x, const std::vector<int32_t>& targets, int64_t stride,
                      int64_t cols, T smoothing, T factor = T(0.25)) {
  Loss<T> out{std::vector<T>(targets.size()), std::vector<T>(targets.size()), std::vector<T>(x.size())};
  k.cross_entropy(x.data(), stride, targets.data(), out.loss.data(), out.lse.data(), out.dlogits.data(), factor,
                  smoothing, int64_t(targets.size()), cols);
  return out;
}

std::vector<int32_t> some_targets(int64_t rows, int64_t cols) {
  std::vector<int32_t> targets;
  for (int64_t r = 0; r < rows; ++r) targets.push_back(r % 4 == 2 ? -100 : int32_t((r * 7919) % cols));
  return targets;
}

}  // namespace

TEST_CASE("every class computes the loss and gradient of the reference") {
  for (const Kernels<float>* k : runnable_kernels())
    for (const int64_t cols : {1, 2, 7, 15, 16, 17, 63, 65, 1009, 50257})
      for (const float smoothing : {0.0f, 0.1f}) {
        CAPTURE(std::string(k->name));
        CAPTURE(cols);
        const int64_t rows = 5, stride = cols + 3;
        Random random(1);
        std::vector<float> x = random_floats(random, rows * stride);
        for (float& value : x) value = value * 4 - 20;
        const std::vector<int32_t> targets = some_targets(rows, cols);
        const Loss<float> got = cross_entropy(*k, x, targets, stride, cols, smoothing);
        const Loss<double> exact =
            cross_entropy(reference_kernels<double>(), doubles(x), targets, stride, cols, double(smoothing));
        CHECK(difference(got.loss, exact.loss, 4e-7, 2e-6) == "");
        CHECK(difference(got.lse, exact.lse, 4e-7, 2e-6) == "");
        CHECK(difference(got.dlogits, exact.dlogits, 1e-6, 1e-7) == "");
      }
}

TEST_CASE("the gradient may overwrite the logits, and loss does not depend on whether it is asked for") {
  for (const Kernels<float>* k : runnable_kernels()) {
    CAPTURE(std::string(k->name));
    const int64_t rows = 7, cols = 133;
    Random random(2);
    std::vector<float> x = random_floats(random, rows * cols);
    const std::vector<int32_t> targets = some_targets(rows, cols);
    const Loss<float> apart = cross_entropy(*k, x, targets, cols, cols, 0.1f);
    std::vector<float> loss(size_t(rows), 9.0f);
    k->cross_entropy(x.data(), cols, targets.data(), loss.data(), nullptr, nullptr, 1, 0.1f, rows, cols);
    CHECK(bit_difference(loss, apart.loss) == "");
    k->cross_entropy(x.data(), cols, targets.data(), loss.data(), nullptr, x.data(), 0.25f, 0.1f, rows, cols);
    CHECK(bit_difference(loss, apart.loss) == "");
    CHECK(bit_difference(x, apart.dlogits) == "");
  }
}

TEST_CASE("a row's loss does not depend on the other rows") {
  for (const Kernels<float>* k : runnable_kernels()) {
    CAPTURE(std::string(k->name));
    const int64_t rows = 6, cols = 1009;
    Random random(3);
    const std::vector<float> x = random_floats(random, rows * cols);
    const std::vector<int32_t> targets = some_targets(rows, cols);
    const Loss<float> all = cross_entropy(*k, x, targets, cols, cols, 0.0f);
    for (int64_t r = 0; r < rows; ++r) {
      const Loss<float> one = cross_entropy<float>(*k, {x.begin() + r * cols, x.begin() + (r + 1) * cols},
                                                   {targets[size_t(r)]}, cols, cols, 0.0f);
      CHECK(same_bits(one.loss[0], all.loss[size_t(r)]));
      CHECK(same_bits(one.lse[0], all.lse[size_t(r)]));
      CHECK(bit_difference(one.dlogits, {all.dlogits.begin() + r * cols, all.dlogits.begin() + (r + 1) * cols}) == "");
    }
  }
}

TEST_CASE("ignored rows have no loss and no gradient, whatever their logits are") {
  for (const Kernels<float>* k : runnable_kernels()) {
    CAPTURE(std::string(k->name));
    const std::vector<float> x = {1, 2, kNan, kInfinity, 5};
    for (const int32_t target : {-1, -100}) {
      const Loss<float> got = cross_entropy(*k, x, {target}, 5, 5, 0.1f);
      CHECK(got.loss[0] == 0);
      for (const float slope : got.dlogits) CHECK(slope == 0);
    }
  }
}

TEST_CASE("equal logits cost log(cols), forbidden ones nothing, huge ones do not overflow") {
  for (const Kernels<float>* k : runnable_kernels())
    for (const float level : {0.0f, 1e4f, -1e4f, 1e-42f}) {
      CAPTURE(std::string(k->name));
      std::vector<float> x(100, level);
      CHECK(close_to(cross_entropy(*k, x, {99}, 100, 100, 0.0f).loss[0], std::log(100.0), 1e-6, 0));
      for (size_t c = 10; c < 99; ++c) x[c] = -kInfinity;
      const Loss<float> got = cross_entropy(*k, x, {99}, 100, 100, 0.0f);
      CHECK(close_to(got.loss[0], std::log(11.0), 1e-6, 0));
      CHECK(got.dlogits[50] == 0.0f);
      CHECK(close_to(got.dlogits[3], 0.25 / 11, 1e-6, 0));
      x[7] = kNan;
      CHECK(std::isnan(cross_entropy(*k, x, {99}, 100, 100, 0.0f).loss[0]));
    }
}

TEST_CASE("the gradient of cross-entropy agrees with finite differences") {
  Random random(5);
  std::vector<double> x = random_doubles(random, 33);
  for (const double smoothing : {0.0, 0.2}) {
    const std::vector<double> slopes =
        cross_entropy(reference_kernels<double>(), x, {4, -1, 0}, 11, 11, smoothing, 0.7).dlogits;
    CHECK(gradient_difference(x, slopes, [&] {
            const auto loss = cross_entropy(reference_kernels<double>(), x, {4, -1, 0}, 11, 11, smoothing).loss;
            return 0.7 * (loss[0] + loss[1] + loss[2]);
          }) == "");
  }
}
