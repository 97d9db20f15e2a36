#include "kernels/rotary.h"

#include <doctest/doctest.h>

#include "kernels/test_values.h"

using namespace orrery;

namespace {

// Heads of a few tokens, with the table of angles position * 10000^(-2 i / rotary_dim).
template <class T>
struct Heads {
  int64_t rows, heads, head_dim, rotary_dim;
  std::vector<int32_t> positions;
  std::vector<T> x, cosines, sines;

  Heads(int64_t rows_, int64_t heads_, int64_t head_dim_, int64_t rotary_dim_)
      : rows(rows_), heads(heads_), head_dim(head_dim_), rotary_dim(rotary_dim_) {
    Random random(21);
    for (int64_t r = 0; r < rows; ++r) positions.push_back(int32_t((r * 37) % 50));
    for (int64_t i = 0; i < rows * heads * head_dim; ++i) x.push_back(T(float(random.normal())));
    for (int64_t p = 0; p < 50; ++p)
      for (int64_t i = 0; i < rotary_dim / 2; ++i) {
        const double angle = double(p) * std::pow(10000.0, -2.0 * double(i) / double(rotary_dim));
        cosines.push_back(T(float(std::cos(angle))));
        sines.push_back(T(float(std::sin(angle))));
      }
  }
  std::vector<T> turned(const Kernels<T>& k, RotaryLayout layout, bool inverse = false, bool in_place = false) const {
    std::vector<T> y = in_place ? x : std::vector<T>(x.size());
    Rotary<T> args{.x = in_place ? y.data() : x.data(),
                   .x_stride = heads * head_dim,
                   .y = y.data(),
                   .y_stride = heads * head_dim,
                   .rows = rows,
                   .heads = heads,
                   .head_dim = head_dim,
                   .rotary_dim = rotary_dim,
                   .positions = positions.data(),
                   .cosines = cosines.data(),
                   .sines = sines.data(),
                   .layout = layout,
                   .inverse = inverse};
    k.rotary(args);
    return y;
  }
};

constexpr RotaryLayout kLayouts[] = {RotaryLayout::half_split, RotaryLayout::interleaved};

}  // namespace

TEST_CASE("every class turns as the reference does, in place or not, forward and back") {
  for (const Kernels<float>* k : runnable_kernels())
    for (const RotaryLayout layout : kLayouts)
      for (const auto& shape : {std::pair<int64_t, int64_t>{2, 2},
                                {8, 8},
                                {14, 14},
                                {30, 30},
                                {34, 34},
                                {64, 64},
                                {64, 16},
                                {80, 32},
                                {7, 6},
                                {5, 0},
                                {128, 128}})
        for (const bool inverse : {false, true}) {
          CAPTURE(std::string(k->name));
          const int64_t head_dim = shape.first, rotary_dim = shape.second;
          CAPTURE(head_dim);
          CAPTURE(rotary_dim);
          const Heads<float> heads(3, 2, head_dim, rotary_dim);
          const Heads<double> exact(3, 2, head_dim, rotary_dim);
          const std::vector<float> y = heads.turned(*k, layout, inverse);
          CHECK(difference(y, exact.turned(reference_kernels<double>(), layout, inverse), 2e-7, 4e-7) == "");
          CHECK(bit_difference(heads.turned(*k, layout, inverse, true), y) == "");
        }
}

TEST_CASE("turning back undoes turning") {
  for (const RotaryLayout layout : kLayouts) {
    Heads<double> heads(4, 3, 10, 8);
    const std::vector<double> x = heads.x;
    heads.x = heads.turned(reference_kernels<double>(), layout);
    const std::vector<double> back = heads.turned(reference_kernels<double>(), layout, true);
    for (size_t i = 0; i < x.size(); ++i) CHECK(back[i] == doctest::Approx(x[i]).epsilon(1e-6));
  }
}

TEST_CASE("turning back is the gradient") {
  const Kernels<double>& k = reference_kernels<double>();
  for (const RotaryLayout layout : kLayouts) {
    Heads<double> heads(2, 2, 7, 6), grads(2, 2, 7, 6);
    Random random(4);
    grads.x = random_doubles(random, 28);
    const std::vector<double> dx = grads.turned(k, layout, true);
    CHECK(gradient_difference(heads.x, dx, [&] { return dot(heads.turned(k, layout), grads.x); }) == "");
  }
}

TEST_CASE("the product of a query and a key depends only on how far apart they stand") {
  for (const Kernels<float>* k : runnable_kernels())
    for (const RotaryLayout layout : kLayouts) {
      CAPTURE(std::string(k->name));
      Heads<float> query(1, 1, 32, 32), key(1, 1, 32, 32);
      Random random(5);
      key.x = random_floats(random, 32);
      const auto product = [&](int32_t at_query, int32_t at_key) {
        query.positions = {at_query};
        key.positions = {at_key};
        return dot(doubles(query.turned(*k, layout)), doubles(key.turned(*k, layout)));
      };
      CHECK(product(40, 33) == doctest::Approx(product(7, 0)).epsilon(1e-5));
      CHECK(std::fabs(product(40, 33) - product(40, 30)) > 1e-3);
    }
}

TEST_CASE("the layouts differ by the order of a head's elements alone") {
  for (const Kernels<float>* k : runnable_kernels()) {
    CAPTURE(std::string(k->name));
    Heads<float> split(2, 1, 38, 38), woven = split;
    const auto weave = [](const std::vector<float>& x) {
      std::vector<float> y(x.size());
      for (size_t r = 0; r < 2; ++r)
        for (size_t i = 0; i < 19; ++i) {
          y[r * 38 + 2 * i] = x[r * 38 + i];
          y[r * 38 + 2 * i + 1] = x[r * 38 + 19 + i];
        }
      return y;
    };
    woven.x = weave(split.x);
    CHECK(bit_difference(woven.turned(*k, RotaryLayout::interleaved),
                         weave(split.turned(*k, RotaryLayout::half_split))) == "");
  }
}
