// Numbers rounded to bf16 and laid side by side, for products of pairs (tile.h's Pair; the order of sums: kernels/matmul.h).
#pragma once

#include <type_traits>

#include "kernels/cpu/tile.h"

namespace orrery::cpu::ORRERY_ISA {

// Whether the processor's own products of pairs are to be used: Pair<true>.
#ifdef ORRERY_ISA_avx512
bool has_bf16_products();   // matmul.cpp
#else
constexpr bool has_bf16_products() { return false; }
#endif

// Steps of processors that have AVX-512 BF16, whose instruction rounds pairs too.
template <class Step>
inline constexpr bool kRoundsPairs = std::is_same_v<Step, Pair<true>>;

// f(kInstruction): whether the processor has AVX-512 BF16, of which rounding is always the quicker way.
template <class F>
void with_bf16_rounding(F f) {
#ifdef ORRERY_ISA_avx512
  if (__builtin_cpu_supports("avx512bf16")) return f(std::true_type());
#endif
  f(std::false_type());
}

// Steps of pairs that `k` numbers take.
constexpr int64_t pairs_in(int64_t k) { return (k + 1) / 2; }

// Numbers as products of pairs take them: the nearest bf16, and a zero of its sign for one below 2^-126.
[[gnu::always_inline]] inline Floats as_operand(Floats x) { return round_to_bf16(select(less(abs(x), Floats::broadcast(0x1p-126f)), x * Floats::zero(), x)); }
// The same of elements in memory. Bf16 are taken as they are: products see to their tiny ones.
template <class Element>
[[gnu::always_inline]] inline Floats rounded(const Element* p) {
  if constexpr (std::is_same_v<Element, Bf16>) return widen(p);
  else return as_operand(widen(p));
}
template <class Element>
[[gnu::always_inline]] inline Floats rounded(const Element* p, int64_t lanes) {
  if constexpr (std::is_same_v<Element, Bf16>) return widen(p, lanes);
  else return as_operand(widen(p, lanes));
}

// Two of them side by side in each lane.
template <bool kInstruction>
[[gnu::always_inline]] inline Floats operand_pairs(Floats low, Floats high) {
#ifdef ORRERY_ISA_avx512
  if constexpr (kInstruction) return bf16_pairs_of(low, high);
#endif
  return pair_of(as_operand(low), as_operand(high));
}

// to[p] = from[p] as operands; to the end of the last pair.
template <bool kInstruction, class Element>
void round_row(const Element* from, int64_t k, Bf16* to) {
  int64_t p = 0;
#ifdef ORRERY_ISA_avx512
  if constexpr (kInstruction)
    for (; p + 2 * Floats::kLanes <= k; p += 2 * Floats::kLanes) bf16_of(widen(from + p), widen(from + p + Floats::kLanes)).store(reinterpret_cast<float*>(to + p));
#endif
  for (; p < k; p += Floats::kLanes) store_bf16(as_operand(widen(from + p, k - p)), to + p, k - p);
  if (k % 2) to[k] = {};
}
// The same of a row whose numbers are a.k_stride apart.
template <bool kInstruction>
void round_row_of(TileA a, int64_t k, Bf16* to) {
  if (a.k_stride == 1) return round_row<kInstruction>(a.data, k, to);
  for (int64_t p = 0; p < k; ++p) store_bf16(as_operand(Floats::broadcast(a.data[p * a.k_stride])), to + p, 1);
  if (k % 2) to[k] = {};
}

}  // namespace orrery::cpu::ORRERY_ISA
