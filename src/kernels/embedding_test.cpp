#include "kernels/embedding.h"

#include <doctest/doctest.h>

#include "kernels/test_values.h"

using namespace orrery;

TEST_CASE("rows of a table are copied by index, 16-bit ones widened exactly, negative ids are zeros") {
  const std::vector<int32_t> ids = {3, 0, -1, 3, 5, -100};
  for (const Kernels<float>* k : runnable_kernels())
    for (const DType dtype : {DType::f32, DType::bf16, DType::f16})
      for (const int64_t cols : kTestSizes) {
        CAPTURE(std::string(k->name));
        CAPTURE(std::string(name_of(dtype)));
        CAPTURE(cols);
        Random random(1);
        std::vector<float> wide = random_floats(random, 6 * cols);
        for (size_t i = 0; i < wide.size(); ++i)
          if (i % 7 == 0) wide[i] = kSpecialFloats[i / 7 % kSpecialFloats.size()];
        std::vector<unsigned char> table(wide.size() * size_t(size_of(dtype)));
        convert(wide.data(), DType::f32, table.data(), dtype, 6 * cols);
        convert(table.data(), dtype, wide.data(), DType::f32, 6 * cols);
        std::vector<float> expected, y(ids.size() * size_t(cols), 9.0f);
        for (const int32_t id : ids)
          for (int64_t c = 0; c < cols; ++c) expected.push_back(id < 0 ? 0.0f : wide[size_t(id * cols + c)]);
        k->gather_rows(table.data(), dtype, ids.data(), y.data(), int64_t(ids.size()), cols);
        CHECK(bit_difference(y, expected) == "");
      }
}

TEST_CASE("gradients of rows add up in the order of the rows, in any cut of columns") {
  const std::vector<int32_t> ids = {2, 1, -1, 2, 2, 0, -7, 1};
  for (const Kernels<float>* k : runnable_kernels())
    for (const int64_t cols : {1, 17, 40, 127}) {
      CAPTURE(std::string(k->name));
      CAPTURE(cols);
      Random random(2);
      const std::vector<float> dy = random_floats(random, int64_t(ids.size()) * cols);
      std::vector<float> table = random_floats(random, 4 * cols), expected = table;
      for (size_t r = 0; r < ids.size(); ++r)
        for (int64_t c = 0; c < cols; ++c)
          if (ids[r] >= 0) expected[size_t(ids[r] * cols + c)] += dy[r * size_t(cols) + size_t(c)];
      const int64_t cut = cols / 3;
      k->scatter_add(ids.data(), dy.data(), table.data(), int64_t(ids.size()), cols, cut, cols);
      k->scatter_add(ids.data(), dy.data(), table.data(), int64_t(ids.size()), cols, 0, cut);
      CHECK(bit_difference(table, expected) == "");
    }
}

TEST_CASE("adding gradients is the transpose of looking up") {
  const Kernels<double>& k = reference_kernels<double>();
  const std::vector<int32_t> ids = {2, 0, 2, -1};
  Random random(3);
  std::vector<double> table = random_doubles(random, 15), dy = random_doubles(random, 20), y(20), gradient(15);
  k.scatter_add(ids.data(), dy.data(), gradient.data(), 4, 5, 0, 5);
  CHECK(gradient_difference(table, gradient, [&] {
          k.gather_rows(table.data(), DType::f64, ids.data(), y.data(), 4, 5);
          return dot(y, dy);
        }) == "");
}
