// Vec<T>: one register of floats or doubles. The kernels of this folder are written over it and built once for each
// instruction set, each in a namespace of its own (ORRERY_ISA), so that the linker never merges two builds of a helper.
//
//   for (int64_t i = 0; i < count; i += Floats::kLanes) {
//     const int64_t lanes = std::min(Floats::kLanes, count - i);
//     fma(Floats::load(x + i, lanes), a, b).store(y + i, lanes);   // the tail through the same code as the body
//   }
//
// What every instruction set offers:
//   Vec::kLanes, Vec::zero(), Vec::broadcast(s), Vec::load(p), Vec::load(p, lanes) (the other lanes are 0 and their memory
//   is not touched), v.store(p), v.store(p, lanes); lanes may be more than kLanes (all) or <= 0 (none);
//   widen(p), widen(p, lanes): Floats from float, Bf16 or F16 in memory;
//   round_to_bf16(v): each lane to the nearest bf16, ties to even, the low half of its bits 0;
//   store_bf16(v, p, lanes): the upper halves of what round_to_bf16 gave, in memory; store_f16(v, p, lanes): each lane to the nearest F16, ties to even, in memory;
//   pairs(p): Bf16Pairs in memory as the bits of Floats; pair_of(low, high): from what round_to_bf16 gave; low_of_pairs, high_of_pairs: back;
//   dot_pairs(a, b, c) = (c + a.high b.high) + a.low b.low, each product and sum fused or not, which is the same;
//   + - * /, -v, fma(a, b, c) = a b + c, fnma(a, b, c) = c - a b, min, max (b where either is NaN), sqrt, abs,
//   round (nearest, ties to even), floor, ldexp(x, n) = x 2^n for integral n (results below the normal range included), times_power_of_two(x, n) where none is;
//   less, equal, is_nan -> Mask; & | ~ of masks, any(m), first_lanes<T>(n), select(m, a, b) = m ? a : b,
//   mask_lanes(m, a) = m ? a : 0, clear_lanes(m, a) = m ? 0 : a;
//   exponent(x) = floor(log2 |x|), mantissa(x) in [1, 2) with the sign of x, for normal x;
//   Ints, as many lanes of 32 bits: zero(), broadcast(i), load(p) (any memory), dot_bytes(sums, u8s, s8s) but in AVX2 (byte_sums.h):
//   to each lane the sum of its four products, exact; dot_shorts(a, b): the sum of a lane's two products of 16 bits with signs; & |; shift_left<bits>(v), to the right where bits < 0, zeros coming in; widen(p) from bytes with or
//   without a sign; store(v, p); low_halves(v), high_halves(v): of each byte, as bytes; to_floats(v); nearest(f): ints, ties to even; store_bytes(v, p): a byte of each;
//   sum(v), max_of(v): over the lanes, by halves (a fixed order); fold_lanes(rows, f): the same of kLanes vectors at once, a lane for each, by f(lower half, upper half);
//   low_half(f), high_half(f): Doubles from the halves of Floats.
#pragma once

#ifdef ORRERY_ISA_neon
#include <arm_neon.h>
#else
#include <immintrin.h>
#endif

#include <cstdint>

namespace orrery::cpu::ORRERY_ISA {

// 16-bit floats in memory, which pairs of are read and written as floats too.
struct [[gnu::may_alias]] Bf16 {
  uint16_t bits;
};
struct [[gnu::may_alias]] F16 {
  uint16_t bits;
};
// Two bf16 side by side, the first in the low half.
struct Bf16Pair {
  uint32_t bits;
};

template <class T>
struct Vec;
template <class T>
struct Mask;

}  // namespace orrery::cpu::ORRERY_ISA

#ifdef ORRERY_ISA_avx512
#include "kernels/cpu/vec_avx512.h"  // IWYU pragma: export
#elif defined(ORRERY_ISA_neon)
#include "kernels/cpu/vec_neon.h"  // IWYU pragma: export
#else
#include "kernels/cpu/vec_avx2.h"  // IWYU pragma: export
#endif

namespace orrery::cpu::ORRERY_ISA {

using Floats = Vec<float>;
using Doubles = Vec<double>;

// Sums over a row go in steps of eight lanes or more: narrower vectors take turns, and add up to the bits of AVX2.
constexpr int kFoldParts = Floats::kLanes < 8 ? int(8 / Floats::kLanes) : 1;

}  // namespace orrery::cpu::ORRERY_ISA
