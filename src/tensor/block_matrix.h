// A matrix whose rows are blocks of whole numbers (base/block_format.h), as a file has them: shared bytes that are never changed.
//
//   BlockMatrix w{.format = BlockFormat::q4_k, .rows = 512, .cols = 2048, .bytes = view_of_the_file};
//   w.row(3)         // the blocks of row 3
//   w.values()       // all that they say, as f32: four bytes each
#pragma once

#include <cstdint>
#include <vector>

#include "base/block_format.h"
#include "tensor/tensor.h"

namespace orrery {

struct BlockMatrix {
  BlockFormat format = BlockFormat::q8_0;
  int64_t rows = 0, cols = 0;         // blocks lie along the rows
  bool turned = false;                // the matrix that is meant is this one's transpose
  Tensor bytes = {};                  // u8 [rows * bytes of a row]
  std::vector<int32_t> order = {};    // row r lies at order[r]; empty: where it is
  int64_t row_bytes() const { return bytes_of(format, cols); }
  const std::byte* row(int64_t r) const { return bytes.raw() + (order.empty() ? r : int64_t(order[size_t(r)])) * row_bytes(); }
  // Of the matrix that is meant.
  std::vector<int64_t> shape() const { return turned ? std::vector{cols, rows} : std::vector{rows, cols}; }
  Tensor values() const;
  // Rows [first, first + count) of this one: [count, cols].
  Tensor row_values(int64_t first, int64_t count) const;
};

}  // namespace orrery
