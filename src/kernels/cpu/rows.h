// Walking over a row in vectors, and reducing it. The last, partial vector goes through the same code as the others, and
// a reduction's order is a function of the number of columns alone.
//
//   each_vector(cols, [&](int64_t i, auto lanes) { store(y + i, f(load(x + i, lanes)), lanes); });
//   const float sum = row_sum(cols, [&](int64_t i, auto lanes) { return load(x + i, lanes); });
#pragma once

#include "kernels/cpu/vec.h"

namespace orrery::cpu::ORRERY_ISA {

// All lanes of a vector, where an int64_t says how many: the common case takes plain loads and stores.
struct AllLanes {};

inline Floats load(const float* p, AllLanes) { return Floats::load(p); }
inline Floats load(const float* p, int64_t lanes) { return Floats::load(p, lanes); }
inline void store(float* p, Floats v, AllLanes) { v.store(p); }
inline void store(float* p, Floats v, int64_t lanes) { v.store(p, lanes); }

// v in the lanes there are, `other` in the rest.
inline Floats fill_lanes(Floats v, Floats, AllLanes) { return v; }
inline Floats fill_lanes(Floats v, Floats other, int64_t lanes) { return select(first_lanes<float>(lanes), v, other); }

template <class F>
void each_vector(int64_t count, F f) {
  int64_t i = 0;
  for (; i + Floats::kLanes <= count; i += Floats::kLanes) f(i, AllLanes{});
  if (i < count) f(i, count - i);
}

// Folds term(i, lanes) over a row: four accumulators take turns, so that one waits for none, and are folded in order.
// Lanes beyond the row are set to `start`, whatever term leaves there.
template <class Term, class Fold>
Floats fold_row(int64_t count, Floats start, Term term, Fold fold) {
  constexpr int64_t n = Floats::kLanes;
  Floats a = start, b = start, c = start, d = start;
  int64_t i = 0;
  for (; i + 4 * n <= count; i += 4 * n) {
    a = fold(a, term(i, AllLanes{}));
    b = fold(b, term(i + n, AllLanes{}));
    c = fold(c, term(i + 2 * n, AllLanes{}));
    d = fold(d, term(i + 3 * n, AllLanes{}));
  }
  if (i + n <= count) a = fold(a, term(i, AllLanes{})), i += n;
  if (i + n <= count) b = fold(b, term(i, AllLanes{})), i += n;
  if (i + n <= count) c = fold(c, term(i, AllLanes{})), i += n;
  if (i < count) d = fold(d, fill_lanes(term(i, count - i), start, count - i));
  return fold(fold(a, b), fold(c, d));
}

template <class Term>
float row_sum(int64_t count, Term term) {
  return sum(fold_row(count, Floats::zero(), term, [](Floats a, Floats b) { return a + b; }));
}

// -inf for a row of no columns. A NaN in the row may be lost, or may be the result.
inline float row_max(const float* x, int64_t count) {
  const Floats start = Floats::broadcast(-__builtin_inff());
  return max_of(fold_row(
      count, start, [&](int64_t i, auto lanes) { return load(x + i, lanes); },
      [](Floats a, Floats b) { return max(a, b); }));
}

}  // namespace orrery::cpu::ORRERY_ISA
