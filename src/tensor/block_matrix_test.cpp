#include "tensor/block_matrix.h"

#include <doctest/doctest.h>

#include <cstring>

#include "base/random.h"

using namespace orrery;

TEST_CASE("rows of blocks are found in any order, and a turned matrix is its transpose") {
  constexpr int64_t kRows = 4, kCols = 64;
  Random random(5);
  std::vector<float> x(kRows * kCols), said(kRows * kCols);
  for (float& value : x) value = float(random.normal());
  BlockMatrix matrix{.format = BlockFormat::q4_1, .rows = kRows, .cols = kCols};
  matrix.bytes = Tensor::zeros(DType::u8, {kRows * matrix.row_bytes()});
  quantise(matrix.format, x.data(), matrix.bytes.mutable_raw(), kRows * kCols);
  dequantise(matrix.format, matrix.bytes.raw(), said.data(), kRows * kCols);

  CHECK(matrix.shape() == std::vector<int64_t>{kRows, kCols});
  CHECK(std::memcmp(matrix.values().raw(), said.data(), said.size() * sizeof(float)) == 0);
  matrix.order = {2, 0, 3, 1};
  const Tensor mixed = matrix.values();
  for (int64_t r = 0; r < kRows; ++r)
    CHECK(std::memcmp(mixed.data<float>() + r * kCols, said.data() + matrix.order[size_t(r)] * kCols, kCols * sizeof(float)) == 0);
  matrix.order.clear();
  matrix.turned = true;
  const Tensor turned = matrix.values();
  REQUIRE(turned.shape() == std::vector<int64_t>{kCols, kRows});
  for (int64_t r = 0; r < kRows; ++r)
    for (int64_t c = 0; c < kCols; ++c) CHECK(turned.data<float>()[c * kRows + r] == said[size_t(r * kCols + c)]);
}
