#include "graph/weights.h"

#include <cstring>
#include <optional>
#include <vector>

#include <doctest/doctest.h>

#include "base/random.h"

using namespace orrery;

namespace {

Tensor random_matrix(int64_t rows, int64_t cols) {
  Tensor values = Tensor::zeros(DType::f32, {rows, cols});
  Random random(uint64_t(rows * 1000 + cols));
  for (int64_t i = 0; i < values.numel(); ++i) values.mutable_data<float>()[i] = float(random.normal());
  return values;
}

// A matrix in blocks along its rows, as a file has them.
BlockMatrix in_blocks(const Tensor& values, BlockFormat format, bool turned) {
  BlockMatrix blocks{.format = format, .rows = values.dim(0), .cols = values.dim(1), .turned = turned};
  blocks.bytes = Tensor::zeros(DType::u8, {blocks.rows * blocks.row_bytes()});
  for (int64_t r = 0; r < blocks.rows; ++r)
    quantise(format, values.data<float>() + r * blocks.cols, blocks.bytes.mutable_raw() + r * blocks.row_bytes(), blocks.cols);
  return blocks;
}

Tensor transposed(const Tensor& values) {
  Tensor turned = Tensor::zeros(DType::f32, {values.dim(1), values.dim(0)});
  for (int64_t r = 0; r < values.dim(0); ++r)
    for (int64_t c = 0; c < values.dim(1); ++c) turned.mutable_data<float>()[c * values.dim(0) + r] = values.data<float>()[r * values.dim(1) + c];
  return turned;
}

Panels packed(Weight weight, Orientation orientation, DType products) {
  WeightStore store;
  store.products = products;
  store.add("w", std::move(weight));
  return store.packed("w", orientation, DType::f32, nullptr);
}

bool same(const Panels& a, const Panels& b) {
  return a.format == b.format && a.bytes.bytes() == b.bytes.bytes() && std::memcmp(a.bytes.raw(), b.bytes.raw(), size_t(a.bytes.bytes())) == 0;
}

}  // namespace

TEST_CASE("products of bf16 that are asked for are of what blocks say, and blocks are multiplied as such where they are not") {
  for (const BlockFormat format : {BlockFormat::q8_0, BlockFormat::q4_0, BlockFormat::q5_1, BlockFormat::q4_k, BlockFormat::q6_k})
    for (const bool turned : {false, true})
      for (const int64_t rows : {20, 300}) {   // 20: narrow, where blocks lie along what is multiplied
        CAPTURE(name_of(format));
        const BlockMatrix blocks = in_blocks(random_matrix(rows, 512), format, turned);
        const Tensor said = blocks.values();
        for (const Orientation orientation : {Orientation::rows, Orientation::columns}) {
          const bool along = turned == (orientation == Orientation::columns);
          CHECK(same(packed({.stored = blocks}, orientation, DType::bf16), packed({.value = said}, orientation, DType::bf16)));
          CHECK(packed({.stored = blocks}, orientation, DType::f32).format == (along && rows >= kPanel ? panels_of(format) : PanelFormat::own));
          // Blocks that become others, or int8, are read as what they say.
          for (const DType products : {DType::f32, DType::bf16}) {
            CHECK(same(packed({.stored = blocks, .blocks = BlockFormat::q5_0}, orientation, products), packed({.value = said, .blocks = BlockFormat::q5_0}, orientation, products)));
            CHECK(same(packed({.stored = blocks, .int8 = true}, orientation, products), packed({.value = said, .int8 = true}, orientation, products)));
          }
        }
      }
}

TEST_CASE("products of bf16 with weights to be rounded to blocks are of the rounded weights") {
  for (const DType held : {DType::f32, DType::bf16})
    for (const int64_t n : {20, 300})
      for (const int64_t k : {64, 100})
        for (const bool by_rows : {true, false}) {
          const Tensor values = random_matrix(n, k).to(held).to(DType::f32);
          const bool rounded = n >= kPanel && k % kBlockValues == 0;
          const Tensor said = rounded ? in_blocks(values, BlockFormat::q8_0, false).values() : values;
          const auto turned = [&](const Tensor& matrix) { return by_rows ? matrix : transposed(matrix); };
          const Orientation orientation = by_rows ? Orientation::rows : Orientation::columns;
          const Weight weight{.value = turned(values).to(held), .blocks = BlockFormat::q8_0};
          CHECK(same(packed(weight, orientation, DType::bf16), packed({.value = turned(said)}, orientation, DType::bf16)));
          CHECK(is_blocks(packed(weight, orientation, DType::f32).format) == rounded);
        }
}

TEST_CASE("products of int8 are of wide enough matrices, whatever they are held in, and not where bf16 is asked for") {
  const auto whole = [](Tensor values) { return Weight{.value = std::move(values), .int8 = true}; };
  for (const DType held : {DType::f32, DType::bf16, DType::f16})
    for (const Orientation orientation : {Orientation::rows, Orientation::columns}) {
      const Tensor values = random_matrix(70, 100).to(held);
      const Panels panels = packed(whole(values), orientation, DType::f32);
      CHECK(panels.format == PanelFormat::int8);
      CHECK(same(panels, packed(whole(values.to(DType::f32)), orientation, DType::f32)));
      CHECK(same(panels, packed(whole(transposed(values.to(DType::f32))), orientation == Orientation::rows ? Orientation::columns : Orientation::rows, DType::f32)));
      CHECK(same(packed(whole(values), orientation, DType::bf16), packed({.value = values}, orientation, DType::bf16)));
    }
  CHECK(packed(whole(random_matrix(kPanel - 1, 100)), Orientation::rows, DType::f32).format == PanelFormat::own);
  CHECK(packed(whole(random_matrix(kPanel, kInt8Depth)), Orientation::rows, DType::f32).format == PanelFormat::int8);
  CHECK(packed(whole(random_matrix(kPanel, kInt8Depth + 1)), Orientation::rows, DType::f32).format == PanelFormat::own);
}
