#include "kernels/softmax.h"

#include <doctest/doctest.h>

#include "kernels/test_values.h"

using namespace orrery;

TEST_CASE("softmax is within 2e-7 sqrt(cols) of the reference, in place") {
  for (const Kernels<float>* k : runnable_kernels())
    for (const int64_t cols : kTestSizes)
      for (const int64_t rows : {0, 1, 3}) {
        CAPTURE(std::string(k->name));
        CAPTURE(cols);
        Random random(1);
        std::vector<float> x = random_floats(random, rows * cols);
        for (float& value : x) value *= 6;
        const std::vector<double> wide = doubles(x);
        std::vector<double> expected(x.size());
        reference_kernels<double>().softmax(wide.data(), expected.data(), rows, cols);
        k->softmax(x.data(), x.data(), rows, cols);
        CHECK(difference(x, expected, 0, 2e-7 * std::sqrt(double(cols))) == "");
      }
}

TEST_CASE("softmax of equal values is uniform, of a far larger one certain, of -inf alone zero") {
  for (const Kernels<float>* k : runnable_kernels())
    for (const int64_t cols : {1, 7, 16, 33, 1009}) {
      CAPTURE(std::string(k->name));
      CAPTURE(cols);
      std::vector<float> x(size_t(cols), -3e38f), y(x.size());
      k->softmax(x.data(), y.data(), 1, cols);
      for (const float value : y) CHECK(close_to(value, 1.0 / double(cols), 3e-7, 0));
      x.back() = 5;
      k->softmax(x.data(), y.data(), 1, cols);
      for (size_t c = 0; c < y.size(); ++c) CHECK(y[c] == (c + 1 == y.size() ? 1.0f : 0.0f));
      x.assign(size_t(cols), -kInfinity);
      k->softmax(x.data(), y.data(), 1, cols);
      for (const float value : y) CHECK(value == 0.0f);
      x[0] = 2;
      k->softmax(x.data(), y.data(), 1, cols);
      for (size_t c = 0; c < y.size(); ++c) CHECK(y[c] == (c == 0 ? 1.0f : 0.0f));
    }
}

TEST_CASE("NaN and +inf make the whole row NaN, and no other row") {
  for (const Kernels<float>* k : runnable_kernels())
    for (const int64_t cols : {1, 17, 33, 130})
      for (int64_t place = 0; place < cols; place += 5)
        for (const float bad : {kNan, kInfinity})
          for (const float other : {0.5f, -kInfinity}) {
            CAPTURE(std::string(k->name));
            std::vector<float> x(size_t(2 * cols), other);
            for (int64_t c = 0; c < cols; ++c) x[size_t(cols + c)] = 0;
            x[size_t(place)] = bad;
            k->softmax(x.data(), x.data(), 2, cols);
            for (int64_t c = 0; c < cols; ++c) {
              // beside +inf, exp(x - inf) of the others is 0 * NaN
              CHECK(std::isnan(x[size_t(c)]));
              CHECK(close_to(x[size_t(cols + c)], 1.0 / double(cols), 3e-7, 0));
            }
          }
}

TEST_CASE("a row's softmax does not depend on the other rows or on alignment") {
  for (const Kernels<float>* k : runnable_kernels())
    for (const int64_t cols : {1, 7, 16, 17, 65, 300}) {
      CAPTURE(std::string(k->name));
      CAPTURE(cols);
      Random random(2);
      const int64_t rows = 9;
      const std::vector<float> x = random_floats(random, rows * cols), dy = random_floats(random, rows * cols);
      std::vector<float> y(x.size()), dx(x.size());
      k->softmax(x.data(), y.data(), rows, cols);
      k->softmax_backward(y.data(), dy.data(), dx.data(), rows, cols);
      for (int64_t r = 0; r < rows; ++r) {
        std::vector<float> alone(size_t(r), 0.0f);
        alone.insert(alone.end(), x.begin() + r * cols, x.begin() + (r + 1) * cols);
        k->softmax(&alone[size_t(r)], &alone[size_t(r)], 1, cols);
        CHECK(bit_difference({alone.begin() + r, alone.end()}, {y.begin() + r * cols, y.begin() + (r + 1) * cols}) ==
              "");
        std::vector<float> slope(dy.begin() + r * cols, dy.begin() + (r + 1) * cols);
        k->softmax_backward(&alone[size_t(r)], slope.data(), slope.data(), 1, cols);
        CHECK(bit_difference(slope, {dx.begin() + r * cols, dx.begin() + (r + 1) * cols}) == "");
      }
    }
}

TEST_CASE("every class computes the gradient of softmax of the reference") {
  for (const Kernels<float>* k : runnable_kernels())
    for (const int64_t cols : kTestSizes) {
      CAPTURE(std::string(k->name));
      CAPTURE(cols);
      Random random(4);
      std::vector<float> y = random_floats(random, 3 * cols), dx = random_floats(random, 3 * cols);
      k->softmax(y.data(), y.data(), 3, cols);
      const std::vector<double> y64 = doubles(y), dy64 = doubles(dx);
      std::vector<double> expected(y.size());
      reference_kernels<double>().softmax_backward(y64.data(), dy64.data(), expected.data(), 3, cols);
      k->softmax_backward(y.data(), dx.data(), dx.data(), 3, cols);
      CHECK(difference(dx, expected, 1e-6, 5e-7) == "");
    }
}

TEST_CASE("the gradient of softmax agrees with finite differences") {
  const Kernels<double>& k = reference_kernels<double>();
  Random random(5);
  std::vector<double> x = random_doubles(random, 26), dy = random_doubles(random, 26), y(26), dx(26);
  k.softmax(x.data(), y.data(), 2, 13);
  k.softmax_backward(y.data(), dy.data(), dx.data(), 2, 13);
  CHECK(gradient_difference(x, dx, [&] {
          k.softmax(x.data(), y.data(), 2, 13);
          return dot(y, dy);
        }) == "");
}
