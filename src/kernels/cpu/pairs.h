// Numbers rounded to bf16 and laid side by side, for products of pairs (tile.h's Pair; the order of sums: kernels/matmul.h).
#pragma once

#include "kernels/cpu/tile.h"

namespace orrery::cpu::ORRERY_ISA {

// Whether the processor's own products of pairs are to be used: Pair<true>.
#ifdef ORRERY_ISA_avx512
bool has_bf16_products();   // matmul.cpp
#else
constexpr bool has_bf16_products() { return false; }
#endif

// Steps of pairs that `k` numbers take.
constexpr int64_t pairs_in(int64_t k) { return (k + 1) / 2; }

// Elements as round_to_bf16 gives them.
template <class Element>
[[gnu::always_inline]] inline Floats rounded(const Element* p) {
  if constexpr (std::is_same_v<Element, Bf16>) return widen(p);
  else return round_to_bf16(widen(p));
}
template <class Element>
[[gnu::always_inline]] inline Floats rounded(const Element* p, int64_t lanes) {
  if constexpr (std::is_same_v<Element, Bf16>) return widen(p, lanes);
  else return round_to_bf16(widen(p, lanes));
}

// to[p] = from[p], rounded; to the end of its last pair.
template <class Element>
void round_row(const Element* from, int64_t k, Bf16* to) {
  for (int64_t p = 0; p < k; p += Floats::kLanes) store_bf16(rounded(from + p, k - p), to + p, k - p);
  if (k % 2) to[k] = {};
}

}  // namespace orrery::cpu::ORRERY_ISA
