// 32 numbers of a row as whole numbers of their largest's 127th part, for products of blocks (contract: kernels/matmul.h).
#pragma once

#include <algorithm>

#include "kernels/cpu/vec.h"
#include "kernels/matmul.h"

namespace orrery::cpu::ORRERY_ISA {

struct RoundedBlock {
  float scale;       // NaN where a number is not finite; all are 0 then
  Ints low, high;    // in their lanes, the sums of the first and the last 16
};

inline RoundedBlock round_block(const float* a, int64_t k_stride, int8_t* q) {
  float kept[kBlockValues];
  if (k_stride != 1) {
    for (int64_t i = 0; i < kBlockValues; ++i) kept[i] = a[i * k_stride];
    a = kept;
  }
  Floats largest = Floats::zero(), all = Floats::zero();
  for (int64_t i = 0; i < kBlockValues; i += Floats::kLanes) {
    const Floats x = Floats::load(a + i);
    largest = max(largest, abs(x));
    all = fma(x, Floats::zero(), all);   // NaN where one is not finite
  }
  if (any(is_nan(all))) {
    std::fill(q, q + kBlockValues, int8_t(0));
    return {__builtin_nanf(""), Ints::zero(), Ints::zero()};
  }
  const float found = max_of(largest), most = found < 0x1p-120f ? 0 : found;
  const Floats inverse = Floats::broadcast(most > 0 ? 127 / most : 0);
  const auto half = [&](int64_t begin) {
    Ints sums = Ints::zero();
    for (int64_t i = begin; i < begin + kBlockValues / 2; i += Floats::kLanes) {
      const Ints near = nearest(Floats::load(a + i) * inverse);
      store_bytes(near, q + i);
      sums = add(sums, near);
    }
    return sums;
  };
  const Ints low = half(0), high = half(kBlockValues / 2);
  return {most / 127, low, high};
}

}  // namespace orrery::cpu::ORRERY_ISA
