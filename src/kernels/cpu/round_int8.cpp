// Rows and columns as whole numbers of their largest's 127th part, for products of int8 (contract and layouts: kernels/matmul.h).
#include <algorithm>

#include "kernels/cpu/matmul_int8.h"

namespace orrery::cpu::ORRERY_ISA {
namespace {

// k numbers that lie `stride` apart.
template <class From>
struct Line {
  const From* from;
  int64_t stride, k;

  // From p on; zeros beyond k.
  [[gnu::always_inline]] Floats at(int64_t p) const {
    if (stride == 1) return p + Floats::kLanes <= k ? widen(from + p) : widen(from + p, k - p);
    From together[Floats::kLanes] = {};
    for (int64_t i = 0; i < Floats::kLanes && p + i < k; ++i) together[i] = from[(p + i) * stride];
    return widen(together);
  }
};

// put(p, the whole numbers from p on), to the end of the last step; returns their scale.
template <class From, class Put>
[[gnu::always_inline]] inline float round_line(const Line<From>& line, Put&& put) {
  Floats largest[2] = {Floats::zero(), Floats::zero()}, all[2] = {Floats::zero(), Floats::zero()};
  for (int64_t p = 0; p < line.k; p += 2 * Floats::kLanes)
#pragma GCC unroll 2
    for (int v = 0; v < 2; ++v) {
      const Floats x = line.at(p + v * Floats::kLanes);
      largest[v] = max(largest[v], abs(x));
      all[v] = fma(x, Floats::zero(), all[v]);   // NaN where one is not finite
    }
  const int64_t depth = int8_depth(line.k);
  if (any(is_nan(all[0] + all[1]))) {
    for (int64_t p = 0; p < depth; p += Floats::kLanes) put(p, Ints::zero());
    return __builtin_nanf("");
  }
  const float found = max_of(max(largest[0], largest[1])), most = found < 0x1p-120f ? 0 : found;
  const Floats inverse = Floats::broadcast(most > 0 ? 127 / most : 0);
  for (int64_t p = 0; p < depth; p += Floats::kLanes) put(p, nearest(line.at(p) * inverse));
  return most / 127;
}

template <class From>
void pack_columns(const From* source, int64_t k_stride, int64_t n_stride, int64_t k, int64_t n, std::byte* panels) {
  for (int64_t j = 0; j < (n + kPanel - 1) / kPanel * kPanel; ++j) {
    std::byte* panel = panels + j / kPanel * panel_bytes(PanelFormat::int8, k);
    std::byte* column = panel + kPanel * sizeof(float) + j % kPanel * 4;
    const float scale = round_line(Line<From>{source + std::min(j, n - 1) * n_stride, k_stride, j < n ? k : 0}, [&](int64_t p, Ints numbers) {
      int8_t bytes[Floats::kLanes];
      store_bytes(numbers, bytes);
      for (int64_t i = 0; i < Floats::kLanes; i += 4) {
        uint32_t four;
        __builtin_memcpy(&four, bytes + i, 4);
        four ^= 0x80808080;   // + 128
        __builtin_memcpy(column + (p + i) / 4 * kPanel * 4, &four, 4);
      }
    });
    if (j >= n)
      for (int64_t p = 0; p < int8_depth(k); p += 4) __builtin_memset(column + p / 4 * kPanel * 4, 128, 4);
    __builtin_memcpy(panel + j % kPanel * int64_t(sizeof(float)), &scale, sizeof scale);
  }
}

}  // namespace

void round_int8_rows(const float* a, int64_t row_stride, int64_t k_stride, int64_t m, int64_t k, std::byte* out) {
  for (int64_t i = 0; i < m; ++i) {
    auto* head = reinterpret_cast<Int8Head*>(out + i / kInt8Rows * int8_group_bytes(k));
    const int64_t r = i % kInt8Rows;
    int8_t* row = reinterpret_cast<int8_t*>(head + 1) + r * kInt8Step;
    Ints sums = Ints::zero();
    head->scale[r] = round_line(Line<float>{a + i * row_stride, k_stride, k}, [&](int64_t p, Ints numbers) {
      store_bytes(numbers, row + p / kInt8Step * kInt8Rows * kInt8Step + p % kInt8Step);
      sums = add(sums, numbers);
    });
    head->start[r] = -128 * sum(sums);
  }
}

void pack_int8(const float* source, int64_t k_stride, int64_t n_stride, int64_t k, int64_t n, std::byte* panels) { pack_columns(source, k_stride, n_stride, k, n, panels); }
void pack_int8(const Bf16* source, int64_t k_stride, int64_t n_stride, int64_t k, int64_t n, std::byte* panels) { pack_columns(source, k_stride, n_stride, k, n, panels); }
void pack_int8(const F16* source, int64_t k_stride, int64_t n_stride, int64_t k, int64_t n, std::byte* panels) { pack_columns(source, k_stride, n_stride, k, n, panels); }

}  // namespace orrery::cpu::ORRERY_ISA
