// Products of int8 by the formulas of kernels/matmul.h.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/matmul.h"

namespace orrery::reference {

// k numbers, at(p), as whole numbers of their largest's 127th part.
struct RoundedLine {
  float scale = 0;
  std::vector<int> numbers;
  template <class At>
  RoundedLine(int64_t k, At at) : numbers(size_t(k), 0) {
    float largest = 0;
    bool finite = true;
    for (int64_t p = 0; p < k; ++p) {
      finite = finite && std::isfinite(at(p));
      largest = std::max(largest, std::abs(at(p)));
    }
    if (largest < 0x1p-120f) largest = 0;
    scale = finite ? largest / 127 : std::nanf("");
    const float inverse = finite && largest > 0 ? 127 / largest : 0;
    for (int64_t p = 0; p < k; ++p) numbers[size_t(p)] = finite ? int(std::nearbyint(at(p) * inverse)) : 0;
  }
};

template <class At>
void pack_int8(int64_t k, int64_t n, std::byte* panels, At at) {
  for (int64_t j = 0; j < packed_size(n, 1); ++j) {
    std::byte* panel = panels + j / kPanel * panel_bytes(PanelFormat::int8, k);
    const RoundedLine column(j < n ? k : 0, [&](int64_t p) { return at(p, j); });
    std::memcpy(panel + j % kPanel * 4, &column.scale, 4);
    for (int64_t p = 0; p < int8_depth(k); ++p)
      panel[kPanel * 4 + (p / 4 * kPanel + j % kPanel) * 4 + p % 4] = std::byte(128 + (p < int64_t(column.numbers.size()) ? column.numbers[size_t(p)] : 0));
  }
}

template <class At>
void round_int8_rows(int64_t m, int64_t k, std::byte* out, At at) {
  for (int64_t i = 0; i < m; ++i) {
    std::byte* group = out + i / kInt8Rows * int8_group_bytes(k);
    auto& head = *reinterpret_cast<Int8Head*>(group);
    const int64_t r = i % kInt8Rows;
    const RoundedLine row(k, [&](int64_t p) { return at(i, p); });
    head.scale[r] = row.scale;
    head.start[r] = 0;
    for (int64_t p = 0; p < int8_depth(k); ++p) {
      const int number = p < k ? row.numbers[size_t(p)] : 0;
      group[int64_t(sizeof head) + (p / kInt8Step * kInt8Rows + r) * kInt8Step + p % kInt8Step] = std::byte(number);
      head.start[r] -= 128 * number;
    }
  }
}

inline void matmul_of_int8(const Matmul<float>& product) {
  for (int64_t i = 0; i < product.m; ++i) {
    const RoundedLine row(product.k, [&](int64_t p) { return product.a[i * product.a_row_stride + p * product.a_k_stride]; });
    for (int64_t j = 0; j < product.n; ++j) {
      const std::byte* panel = static_cast<const std::byte*>(product.panels) + j / kPanel * panel_bytes(PanelFormat::int8, product.k);
      float scale;
      std::memcpy(&scale, panel + j % kPanel * 4, 4);
      int sum = 0;
      for (int64_t p = 0; p < product.k; ++p) sum += row.numbers[size_t(p)] * (int(panel[kPanel * 4 + (p / 4 * kPanel + j % kPanel) * 4 + p % 4]) - 128);
      float& c = product.c[i * product.c_stride + j];
      c = std::fma(float(sum), row.scale * scale, product.accumulate ? c : product.bias ? product.bias[j] : 0);
    }
  }
}

}  // namespace orrery::reference
