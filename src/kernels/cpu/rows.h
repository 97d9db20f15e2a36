// Walking over a row in vectors, and reducing it. The last, partial vector goes through the same code as the others, and
// a reduction's order is a function of the number of columns alone.
//
//   each_vector(cols, [&](int64_t i, auto lanes) { store(y + i, f(load(x + i, lanes)), lanes); });
//   const float sum = row_sum(cols, [&](int64_t i, auto lanes) { return load(x + i, lanes); });
#pragma once

#include "kernels/cpu/several.h"

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

// The same for functions of many steps: f(i, Vectors<kVectorsTogether>{}), and what is left as above.
template <class F>
void each_vectors(int64_t count, F f) {
  if constexpr (kVectorsTogether == 1) {
    each_vector(count, f);
  } else {
    constexpr int64_t kStep = kVectorsTogether * Floats::kLanes;
    const int64_t whole = count / kStep * kStep;
    for (int64_t i = 0; i < whole; i += kStep) f(i, Vectors<kVectorsTogether>{});
    each_vector(count - whole, [&](int64_t i, auto lanes) { f(whole + i, lanes); });
  }
}

// Folds term(i, lanes) over a row: four accumulators take turns, so that one waits for none, and are folded in order.
// Lanes beyond the row are set to `start`, whatever term leaves there.
template <class Term, class Fold>
Floats fold_row(int64_t count, Floats start, Term term, Fold fold) {
  constexpr int64_t n = Floats::kLanes, step = kFoldParts * n;
  struct Folded {
    Floats part[kFoldParts];
  };
  const auto folded = [&](Folded sums, int64_t i) __attribute__((always_inline)) {
    for (int p = 0; p < kFoldParts; ++p) sums.part[p] = fold(sums.part[p], term(i + p * n, AllLanes{}));
    return sums;
  };
  Folded a;
  for (int p = 0; p < kFoldParts; ++p) a.part[p] = start;
  Folded b = a, c = a, d = a;
  int64_t i = 0;
  for (; i + 4 * step <= count; i += 4 * step) {
    a = folded(a, i);
    b = folded(b, i + step);
    c = folded(c, i + 2 * step);
    d = folded(d, i + 3 * step);
  }
  if (i + step <= count) a = folded(a, i), i += step;
  if (i + step <= count) b = folded(b, i), i += step;
  if (i + step <= count) c = folded(c, i), i += step;
  for (int p = 0; p < kFoldParts && i < count; ++p, i += n) d.part[p] = fold(d.part[p], fill_lanes(term(i, count - i), start, count - i));
  Floats all = fold(fold(a.part[0], b.part[0]), fold(c.part[0], d.part[0]));
  for (int p = 1; p < kFoldParts; ++p) all = fold(all, fold(fold(a.part[p], b.part[p]), fold(c.part[p], d.part[p])));
  return all;
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
