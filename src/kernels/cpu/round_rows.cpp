// Rows of a as whole numbers of the 127th part of the largest that is rounded with them, for products of blocks, and as bf16 for those of pairs
// (contract: kernels/matmul.h). For int8: round_int8.cpp.
#include <algorithm>
#include <span>

#include "kernels/cpu/matmul_int8.h"
#include "kernels/cpu/pairs.h"
#include "kernels/matmul.h"

namespace orrery::cpu::ORRERY_ISA {
namespace {

// The largest of `count` numbers, 0 if it is below 2^-120; NaN where one is not finite.
[[gnu::always_inline]] inline float largest_of(const float* a, int64_t count) {
  Floats largest = Floats::zero(), all = Floats::zero();
  for (int64_t i = 0; i < count; i += Floats::kLanes) {
    const Floats x = Floats::load(a + i);
    largest = max(largest, abs(x));
    all = fma(x, Floats::zero(), all);   // NaN where one is not finite
  }
  if (any(is_nan(all))) return __builtin_nanf("");
  const float most = max_of(largest);
  return most < 0x1p-120f ? 0 : most;
}

// `most`: the largest of the numbers that share a scale. Gives the sum of the whole numbers.
[[gnu::always_inline]] inline int32_t round_block(const float* a, float most, const BlockLayout& layout, RowBlock& out) {
  if (most != most) {
    out = {most, {0}, {0, 0}, {}};
    return 0;
  }
  const Floats inverse = Floats::broadcast(most > 0 ? 127 / most : 0);
  const auto half = [&](int64_t begin) {
    Ints sums = Ints::zero();
    for (int64_t i = begin; i < begin + kBlockValues / 2; i += Floats::kLanes) {
      const Ints near = nearest(Floats::load(a + i) * inverse);
      store_bytes(near, out.q + i);
      sums = add(sums, near);
    }
    return sums;
  };
  const Ints low = half(0), high = half(kBlockValues / 2);
  out.scale = most / 127;
  if (layout.parts == 2) {
    const int32_t first = sum(low), second = sum(high);
    out.start[0] = -layout.offset * first;
    out.start[1] = -layout.offset * second;
    return first + second;
  }
  const int32_t total = sum(add(low, high));
  out.start[0] = -layout.offset * total;
  out.start[1] = 0;
  return total;
}

int32_t sizes_of(const RowBlock& block) {
  int32_t sum = 0;
  for (const int8_t q : block.q) sum += q < 0 ? -q : q;
  return sum;
}

template <bool kInstruction>
void round_to_pairs(const float* a, int64_t row_stride, int64_t k_stride, int64_t m, int64_t k, Bf16* out) {
  for (int64_t i = 0; i < m; ++i, out += 2 * pairs_in(k)) round_row_of<kInstruction>({a + i * row_stride, 0, k_stride}, k, out);
}

}  // namespace

round_rows_fn<float> round_rows;

void round_rows(const float* a, int64_t row_stride, int64_t k_stride, int64_t m, int64_t k, PanelFormat format, void* rounded) {
  if (format == PanelFormat::int8) return round_int8_rows(a, row_stride, k_stride, m, k, static_cast<std::byte*>(rounded));
  if (format == PanelFormat::bf16_pairs)
    return with_bf16_rounding([&](auto instruction) { round_to_pairs<instruction()>(a, row_stride, k_stride, m, k, static_cast<Bf16*>(rounded)); });
  const BlockLayout layout = layout_of(format);
  auto* out = static_cast<RowBlock*>(rounded);
  const int64_t values = layout.together * kBlockValues;
  float gathered[kMostTogether * kBlockValues];
  for (int64_t i = 0; i < m; ++i) {
    RowBlock* const row = out;
    int32_t sizes = 0;
    for (int64_t p = 0; p < k; p += values) {
      const float* group = a + i * row_stride + p * k_stride;
      if (k_stride != 1) {
        for (int64_t q = 0; q < values; ++q) gathered[q] = group[q * k_stride];
        group = gathered;
      }
      const float most = largest_of(group, values);
      if (layout.together == 1) {
        const int32_t total = round_block(group, most, layout, *out);
        out->total = most != most ? 0 : float(total) * out->scale;
        ++out;
        continue;
      }
      for (int64_t b = 0; b < layout.together; b += 2, out += 2) {
        const int32_t total = round_block(group + b * kBlockValues, most, layout, out[0]), next = round_block(group + (b + 1) * kBlockValues, most, layout, out[1]);
        out[0].totals = (total & 0xffff) | int32_t(uint32_t(next) << 16);
        out[1].sizes = 0;
      }
      for (const RowBlock& block : std::span(out - layout.together, size_t(layout.together))) sizes = std::max(sizes, sizes_of(block));
    }
    if (layout.together > 1 && k > 0) row[1].sizes = sizes;
  }
}

}  // namespace orrery::cpu::ORRERY_ISA
