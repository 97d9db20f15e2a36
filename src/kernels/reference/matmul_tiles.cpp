// Products of pairs of bf16 as Intel's TDPBF16PS sums them: kernels/matmul.h. Numbers below 2^-126 are zeros, of operands and of results.
#include <cmath>
#include <span>

#include "kernels/matmul.h"
#include "kernels/reference/operand.h"

namespace orrery {

using reference::as_operand, reference::flushed;

void reference_matmul_in_tiles(const Matmul<float>& product) {
  constexpr int64_t kDepth = 32;
  static constexpr int kThirds[] = {1, 2, 0};   // in the order of sums
  const auto* pairs = static_cast<const uint16_t*>(product.panels);
  // Which of its thirds, or 0: the number rounded.
  const auto a = [&](int64_t i, int64_t p, int third) {
    float left = product.a[i * product.a_row_stride + p * product.a_k_stride];
    for (; third > 0; --third) left -= bf16_to_float(as_operand(left));
    return bf16_to_float(as_operand(left));
  };
  const std::span<const int> order = product.format == PanelFormat::bf16_split ? std::span<const int>(kThirds) : std::span<const int>(kThirds).last(1);
  const auto b = [&](int64_t p, int64_t j) {
    return flushed(bf16_to_float(pairs[((j / kPanel * ((product.k + 1) / 2) + p / 2) * kPanel + j % kPanel) * 2 + p % 2]));
  };
  for (int64_t i = 0; i < product.m; ++i)
    for (int64_t j = 0; j < product.n; ++j) {
      float& c = product.c[i * product.c_stride + j];
      float sum = product.accumulate ? c : product.bias ? product.bias[j] : 0.0f;
      for (int64_t first = 0; first < product.k; first += kDepth)
        for (const int third : order) {
          float of[2] = {0, 0};   // even p, odd p
          for (int64_t p = first; p < first + kDepth && p < product.k; ++p) of[p % 2] = flushed(std::fma(a(i, p, third), b(p, j), of[p % 2]));
          sum = flushed(flushed(sum) + flushed(of[0] + of[1]));
        }
      c = sum;
    }
}

}  // namespace orrery
