// Products of int8: rows and panels as they lie there (contract and layouts: kernels/matmul.h).
#pragma once

#include "kernels/cpu/vec.h"
#include "kernels/matmul.h"

namespace orrery::cpu::ORRERY_ISA {

// 16 rows of a, rounded.
struct Int8Group {
  const Int8Head* head;
  const int8_t* numbers;   // [int8_depth(k) / kInt8Step][kInt8Rows][kInt8Step]
  Int8Group(const void* rounded, int64_t row, int64_t k)
      : head(reinterpret_cast<const Int8Head*>(static_cast<const std::byte*>(rounded) + row / kInt8Rows * int8_group_bytes(k))),
        numbers(reinterpret_cast<const int8_t*>(head + 1)) {}
};

struct Int8Panel {
  const float* scale;      // [kPanel]
  const uint8_t* numbers;  // [int8_depth(k) / 4][kPanel][4]
  Int8Panel(const void* panels, int64_t column, int64_t k)
      : scale(reinterpret_cast<const float*>(static_cast<const std::byte*>(panels) + column / kPanel * panel_bytes(PanelFormat::int8, k))),
        numbers(reinterpret_cast<const uint8_t*>(scale + kPanel)) {}
};

void round_int8_rows(const float* a, int64_t row_stride, int64_t k_stride, int64_t m, int64_t k, std::byte* out);

void pack_int8(const float* source, int64_t k_stride, int64_t n_stride, int64_t k, int64_t n, std::byte* panels);
void pack_int8(const Bf16* source, int64_t k_stride, int64_t n_stride, int64_t k, int64_t n, std::byte* panels);
void pack_int8(const F16* source, int64_t k_stride, int64_t n_stride, int64_t k, int64_t n, std::byte* panels);

void matmul_of_int8(const Matmul<float>& product);

// The same by AMX tiles, which take 16 rows at a time, in the time of about so many here; where has_int8_tiles().
constexpr int64_t kTiledInt8Rows = 5;
void matmul_of_int8_in_tiles(const Matmul<float>& product);

// f(first row, rows, groups of these rows rounded): all rows of a product, so many at a time as `bytes` of memory take where nobody has
// rounded them. Whole groups.
template <class F>
void with_int8_rows(const Matmul<float>& product, std::byte* memory, int64_t bytes, F&& f) {
  if (product.rounded) return f(0, product.m, product.rounded);
  const int64_t most_rows = bytes / int8_group_bytes(product.k) * kInt8Rows;
  for (int64_t i = 0; i < product.m; i += most_rows) {
    const int64_t rows = product.m - i < most_rows ? product.m - i : most_rows;
    round_int8_rows(product.a + i * product.a_row_stride, product.a_row_stride, product.a_k_stride, rows, product.k, memory);
    f(i, rows, static_cast<const void*>(memory));
  }
}

}  // namespace orrery::cpu::ORRERY_ISA
