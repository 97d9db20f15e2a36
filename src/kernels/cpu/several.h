// Several vectors that take their steps together, each operation for all of them before the next one. A processor looks ahead by some hundred
// operations; a function is a chain of ten to twenty-five, each of which waits for the one before, so that few of them would be on their way one by one.
//
//   store(y, exp(load(x, Vectors<4>{}) - max), Vectors<4>{});   // Several<Floats, 4>, and Floats beside it, which count for each
//
// What functions are made of (vec_math.h) takes Several floats and masks as it takes one.
#pragma once

#include <algorithm>
#include <concepts>
#include <utility>

#include "kernels/cpu/vec.h"

namespace orrery::cpu::ORRERY_ISA {

template <class T, int kCount>
struct Several {
  T of[kCount];
};

constexpr int kVectorsTogether = Floats::kLanes == 8 ? 1 : 4;   // 16 registers hold what a function needs for one

template <class T>
inline constexpr int kCountOf = 0;
template <class T, int kCount>
inline constexpr int kCountOf<Several<T, kCount>> = kCount;
template <class... T>
concept AnySeveral = ((kCountOf<T> > 0) || ...);
// Of what functions are made: vec_math.h.
template <class V>
concept SomeFloats = std::same_as<V, Floats> || AnySeveral<V>;

template <class T>
[[gnu::always_inline]] inline auto one_of(const T& x, int i) {
  if constexpr (AnySeveral<T>) return x.of[i];
  else return x;
}
// f of the first of all x, of the second, and so on.
template <class F, class... T>
[[gnu::always_inline]] inline auto each_of(F f, const T&... x) {
  const auto at = [&](int i) __attribute__((always_inline)) { return f(one_of(x, i)...); };
  return [&]<int... i>(std::integer_sequence<int, i...>) __attribute__((always_inline)) {
    return Several<decltype(at(0)), sizeof...(i)>{{at(i)...}};
  }(std::make_integer_sequence<int, std::max({kCountOf<T>...})>());
}

#define ORRERY_EACH_BY(op)                                                                          \
  template <class A, class B>                                                                       \
    requires AnySeveral<A, B>                                                                       \
  [[gnu::always_inline]] inline auto operator op(const A& a, const B& b) {                          \
    return each_of([](auto x, auto y) __attribute__((always_inline)) { return x op y; }, a, b);     \
  }
ORRERY_EACH_BY(+)
ORRERY_EACH_BY(-)
ORRERY_EACH_BY(*)
ORRERY_EACH_BY(/)
ORRERY_EACH_BY(|)
#undef ORRERY_EACH_BY
template <class A>
  requires AnySeveral<A>
[[gnu::always_inline]] inline auto operator-(const A& a) {
  return each_of([](auto x) __attribute__((always_inline)) { return -x; }, a);
}

#define ORRERY_EACH_OF(name)                                                                                    \
  template <class... T>                                                                                         \
    requires AnySeveral<T...>                                                                                   \
  [[gnu::always_inline]] inline auto name(const T&... x) {                                                      \
    return each_of([](auto... one) __attribute__((always_inline)) { return ORRERY_ISA::name(one...); }, x...);  \
  }
ORRERY_EACH_OF(fma)
ORRERY_EACH_OF(fnma)
ORRERY_EACH_OF(min)
ORRERY_EACH_OF(max)
ORRERY_EACH_OF(sqrt)
ORRERY_EACH_OF(abs)
ORRERY_EACH_OF(round)
ORRERY_EACH_OF(ldexp)
ORRERY_EACH_OF(times_power_of_two)
ORRERY_EACH_OF(mantissa)
ORRERY_EACH_OF(exponent)
ORRERY_EACH_OF(less)
ORRERY_EACH_OF(equal)
ORRERY_EACH_OF(is_nan)
ORRERY_EACH_OF(select)
ORRERY_EACH_OF(mask_lanes)
ORRERY_EACH_OF(clear_lanes)
#undef ORRERY_EACH_OF

// Neighbours in memory, where an int64_t says how many lanes there are of one vector.
template <int kCount>
struct Vectors {};
template <int kCount>
[[gnu::always_inline]] inline Several<Floats, kCount> load(const float* p, Vectors<kCount>) {
  return [&]<int... i>(std::integer_sequence<int, i...>) __attribute__((always_inline)) {
    return Several<Floats, kCount>{{Floats::load(p + i * Floats::kLanes)...}};
  }(std::make_integer_sequence<int, kCount>());
}
template <int kCount>
[[gnu::always_inline]] inline void store(float* p, const Several<Floats, kCount>& x, Vectors<kCount>) {
  [&]<int... i>(std::integer_sequence<int, i...>) __attribute__((always_inline)) {
    (x.of[i].store(p + i * Floats::kLanes), ...);
  }(std::make_integer_sequence<int, kCount>());
}

}  // namespace orrery::cpu::ORRERY_ISA
