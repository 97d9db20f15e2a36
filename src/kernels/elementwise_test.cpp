#include "kernels/elementwise.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "kernels/test_values.h"

using namespace orrery;

namespace {

constexpr Unary kUnary[] = {Unary::gelu, Unary::gelu_tanh, Unary::relu, Unary::silu,       Unary::tanh, Unary::sigmoid,
                            Unary::exp,  Unary::square,    Unary::sqrt, Unary::reciprocal, Unary::log};
constexpr Binary kBinary[] = {Binary::add, Binary::subtract, Binary::multiply, Binary::divide, Binary::maximum};

bool needs_positive(Unary kind) { return kind == Unary::sqrt || kind == Unary::log; }

// Numbers of every size, most of them where functions bend.
std::vector<float> spread(int64_t count) {
  Random random(7);
  std::vector<float> values(size_t(count), 0.0f);
  for (float& value : values) {
    const double size = random.below(4) == 0 ? std::exp2(random.uniform() * 200 - 100) : 12 * random.uniform();
    value = float(random.below(2) ? size : -size);
  }
  return values;
}

std::vector<float> apply(const Kernels<float>& k, Unary kind, const std::vector<float>& x) {
  std::vector<float> y(x.size());
  k.unary(kind, x.data(), y.data(), int64_t(x.size()));
  return y;
}
std::vector<double> exact(Unary kind, const std::vector<float>& x) {
  const std::vector<double> wide = doubles(x);
  std::vector<double> y(x.size());
  reference_kernels<double>().unary(kind, wide.data(), y.data(), int64_t(x.size()));
  return y;
}

}  // namespace

TEST_CASE("a function is within 2e-7 relative or 1e-7 of its exact value") {
  for (const Kernels<float>* k : runnable_kernels())
    for (const Unary kind : kUnary)
      for (const int64_t size : kTestSizes) {
        CAPTURE(std::string(k->name));
        CAPTURE(int(kind));
        std::vector<float> x = spread(size == 1009 ? 50021 : size);
        if (needs_positive(kind))
          for (float& value : x) value = std::fabs(value);
        CHECK(difference(apply(*k, kind, x), exact(kind, x), 2e-7, 1e-7) == "");
      }
}

TEST_CASE("a function of zeros, denormals, huge numbers, infinities and NaN is what the limit says") {
  for (const Kernels<float>* k : runnable_kernels())
    for (const Unary kind : kUnary) {
      CAPTURE(std::string(k->name));
      CAPTURE(int(kind));
      CHECK(difference(apply(*k, kind, kSpecialFloats), exact(kind, kSpecialFloats), 2e-7, 1e-7) == "");
    }
}

TEST_CASE("exp and log keep their relative accuracy to the ends of their ranges") {
  std::vector<float> x;
  for (float value = -87; value < 88.7f; value += 0.0137f) x.push_back(value);
  for (const Kernels<float>* k : runnable_kernels()) {
    CAPTURE(std::string(k->name));
    const std::vector<float> powers = apply(*k, Unary::exp, x);
    CHECK(difference(powers, exact(Unary::exp, x), 1.2e-7, 0) == "");
    CHECK(difference(apply(*k, Unary::log, powers), exact(Unary::log, powers), 1.2e-7, 0) == "");
    const std::vector<float> denormals = {1e-45f, 3e-42f, 1e-39f, 1.17e-38f};
    CHECK(difference(apply(*k, Unary::log, denormals), exact(Unary::log, denormals), 1.2e-7, 0) == "");
  }
}

TEST_CASE("a function's value does not depend on where the element lies") {
  std::vector<float> x = spread(150);
  x.insert(x.begin() + 40, kSpecialFloats.begin(), kSpecialFloats.end());
  for (const Kernels<float>* k : runnable_kernels())
    for (const Unary kind : kUnary) {
      CAPTURE(std::string(k->name));
      CAPTURE(int(kind));
      const std::vector<float> whole = apply(*k, kind, x);
      std::vector<float> ones(x.size(), 1.0f), slopes(x.size());
      k->unary_backward(kind, x.data(), ones.data(), slopes.data(), int64_t(x.size()));
      for (int64_t begin = 0; begin < 35; ++begin) {
        const int64_t count = int64_t(x.size()) - 3 * begin;
        std::vector<float> part(x.begin() + begin, x.begin() + begin + count), slope(part.size());
        k->unary_backward(kind, part.data(), ones.data(), slope.data(), count);
        k->unary(kind, part.data(), part.data(), count);  // in place
        CHECK(bit_difference(part, {whole.begin() + begin, whole.begin() + begin + count}) == "");
        CHECK(bit_difference(slope, {slopes.begin() + begin, slopes.begin() + begin + count}) == "");
      }
    }
}

TEST_CASE("the derivative of a function agrees with finite differences") {
  const Kernels<double>& k = reference_kernels<double>();
  for (const Unary kind : kUnary) {
    CAPTURE(int(kind));
    Random random(3);
    std::vector<double> x = random_doubles(random, 101), dy = random_doubles(random, 101), y(x.size()), dx(x.size());
    for (double& value : x)
      if (needs_positive(kind) || std::fabs(value) < 0.1) value = std::fabs(value) + 0.1;
    k.unary_backward(kind, x.data(), dy.data(), dx.data(), 101);
    CHECK(gradient_difference(x, dx, [&] {
            k.unary(kind, x.data(), y.data(), 101);
            return dot(y, dy);
          }) == "");
  }
}

TEST_CASE("every class computes the derivative of the reference, and may overwrite dy") {
  for (const Kernels<float>* k : runnable_kernels())
    for (const Unary kind : kUnary)
      for (const bool special : {false, true}) {
        CAPTURE(std::string(k->name));
        CAPTURE(int(kind));
        std::vector<float> x = special ? kSpecialFloats : spread(5003), dx(x.size(), 0.75f);
        if (needs_positive(kind) || kind == Unary::reciprocal)
          for (float& value : x) value = std::fabs(value);
        const std::vector<double> wide = doubles(x), dy = doubles(dx);
        std::vector<double> expected(x.size());
        reference_kernels<double>().unary_backward(kind, wide.data(), dy.data(), expected.data(), int64_t(x.size()));
        k->unary_backward(kind, x.data(), dx.data(), dx.data(), int64_t(x.size()));
        if (kind == Unary::reciprocal) {  // x^2 leaves the range of float long before x does
          for (size_t i = 0; i < x.size(); ++i)
            if (x[i] < 1e-18f || x[i] > 1e18f) dx[i] = 0, expected[i] = 0;
        }
        CHECK(difference(dx, expected, 4e-7, 2e-7) == "");
      }
}

TEST_CASE("binary operations give the bits of the reference, for NaN and infinities too, in place or not") {
  const Kernels<float>& reference = reference_kernels<float>();
  for (const Kernels<float>* k : runnable_kernels())
    for (const Binary kind : kBinary)
      for (const int64_t size : kTestSizes) {
        CAPTURE(std::string(k->name));
        CAPTURE(int(kind));
        std::vector<float> a = spread(size), b = spread(size), expected(a.size()), y(a.size());
        std::reverse(b.begin(), b.end());
        for (size_t i = 0; i < a.size(); ++i) {
          if (i % 3 == 0) a[i] = kSpecialFloats[i / 3 % kSpecialFloats.size()];
          if (i % 5 == 0) b[i] = kSpecialFloats[i / 5 % kSpecialFloats.size()];
        }
        reference.binary(kind, a.data(), b.data(), expected.data(), size);
        k->binary(kind, a.data(), b.data(), y.data(), size);
        CHECK(bit_difference(y, expected) == "");
        k->binary(kind, a.data(), b.data(), b.data(), size);
        CHECK(bit_difference(b, expected) == "");
      }
}

TEST_CASE("an operation with a row goes over every row") {
  for (const Kernels<float>* k : runnable_kernels())
    for (const Binary kind : kBinary)
      for (const int64_t cols : {int64_t(1), int64_t(17), int64_t(127)}) {
        CAPTURE(std::string(k->name));
        const int64_t rows = 3;
        std::vector<float> a = spread(rows * cols), b = spread(cols), expected(a.size());
        for (int64_t r = 0; r < rows; ++r)
          reference_kernels<float>().binary(kind, &a[size_t(r * cols)], b.data(), &expected[size_t(r * cols)], cols);
        k->binary_row(kind, a.data(), b.data(), a.data(), rows, cols);
        CHECK(bit_difference(a, expected) == "");
      }
}

TEST_CASE("scaling multiplies, then adds") {
  for (const Kernels<float>* k : runnable_kernels())
    for (const int64_t size : kTestSizes) {
      CAPTURE(std::string(k->name));
      std::vector<float> x = spread(size), expected(x.size());
      for (size_t i = 0; i < x.size(); ++i) {
        const float product = 1.7f * x[i];
        expected[i] = product + 0.3f;
      }
      k->scale(x.data(), 1.7f, 0.3f, x.data(), size);
      CHECK(bit_difference(x, expected) == "");
    }
}

TEST_CASE("a gated product reads gate and up side by side, and its gradients may take their place") {
  for (const Kernels<float>* k : runnable_kernels())
    for (const Unary kind : {Unary::silu, Unary::gelu, Unary::gelu_tanh, Unary::relu})
      for (const int64_t cols : {int64_t(1), int64_t(16), int64_t(37)}) {
        CAPTURE(std::string(k->name));
        CAPTURE(int(kind));
        const int64_t rows = 5;
        Random random(11);
        std::vector<float> both = random_floats(random, rows * 2 * cols), dy = random_floats(random, rows * cols),
                           y(dy.size());
        const std::vector<double> both64 = doubles(both), dy64 = doubles(dy);
        std::vector<double> y64(dy.size()), grad64(both.size());
        const Kernels<double>& exact64 = reference_kernels<double>();
        exact64.gated(kind, both64.data(), &both64[size_t(cols)], 2 * cols, y64.data(), cols, rows, cols);
        exact64.gated_backward(kind, both64.data(), &both64[size_t(cols)], 2 * cols, dy64.data(), cols, grad64.data(),
                               &grad64[size_t(cols)], 2 * cols, rows, cols);
        k->gated(kind, both.data(), &both[size_t(cols)], 2 * cols, y.data(), cols, rows, cols);
        CHECK(difference(y, y64, 5e-7, 2e-7) == "");
        k->gated_backward(kind, both.data(), &both[size_t(cols)], 2 * cols, dy.data(), cols, both.data(),
                          &both[size_t(cols)], 2 * cols, rows, cols);
        CHECK(difference(both, grad64, 5e-7, 5e-7) == "");
      }
}

TEST_CASE("the gradients of a gated product agree with finite differences") {
  const Kernels<double>& k = reference_kernels<double>();
  Random random(13);
  std::vector<double> gate = random_doubles(random, 21), up = random_doubles(random, 21),
                      dy = random_doubles(random, 21);
  std::vector<double> y(21), dgate(21), dup(21);
  k.gated_backward(Unary::silu, gate.data(), up.data(), 7, dy.data(), 7, dgate.data(), dup.data(), 7, 3, 7);
  const auto loss = [&] {
    k.gated(Unary::silu, gate.data(), up.data(), 7, y.data(), 7, 3, 7);
    return dot(y, dy);
  };
  CHECK(gradient_difference(gate, dgate, loss) == "");
  CHECK(gradient_difference(up, dup, loss) == "");
}

TEST_CASE("a column's sum adds its rows in ascending order, however rows and columns are cut") {
  const int64_t cols = 83, stride = 90;
  for (const Kernels<float>* k : runnable_kernels())
    for (const int64_t rows : {0, 1, 3, 4, 5, 8, 131}) {
      CAPTURE(std::string(k->name));
      CAPTURE(rows);
      Random random(17);
      const std::vector<float> x = random_floats(random, rows * stride);
      std::vector<float> expected(size_t(cols), 0.0f), whole(size_t(cols), 5.0f), parts(size_t(cols), 5.0f);
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < cols; ++c) expected[size_t(c)] += x[size_t(r * stride + c)];
      k->column_sum(x.data(), stride, whole.data(), rows, 0, cols, false);
      CHECK(bit_difference(whole, expected) == "");
      const int64_t first = rows / 3;
      for (const auto& [begin, end] : {std::pair<int64_t, int64_t>{0, 19}, {19, 20}, {20, cols}}) {
        k->column_sum(x.data(), stride, parts.data(), first, begin, end, false);
        k->column_sum(x.data() + first * stride, stride, parts.data(), rows - first, begin, end, true);
      }
      CHECK(bit_difference(parts, expected) == "");
    }
}
