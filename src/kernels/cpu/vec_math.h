// exp, log, tanh, sigmoid and the normal distribution of each lane of Floats: polynomials on a reduced range
// (coefficients: weighted minimax fits on the ranges named). All instruction sets give the same bits. NaN stays NaN.
//
//   Floats p = exp(x - max);   // or of several vectors at once: several.h
//
//   exp          <= 1.1 ulp; 0 below -104, inf above 88.73; denormal results are rounded correctly
//   log          <= 1.1 ulp; denormal arguments too; log(0) = -inf, negative arguments give NaN
//   tanh         <= 2 ulp
//   sigmoid      <= 3 ulp, both tails (sigmoid(-x) is not 1 - sigmoid(x))
//   normal_tails Phi(-|x|) and exp(-x^2 / 2), from which gelu and its derivative are made
#pragma once

#include "kernels/cpu/several.h"

namespace orrery::cpu::ORRERY_ISA {

inline Floats constant(float value) { return Floats::broadcast(value); }

// c0 + c1 x + c2 x^2 + ... by Horner's rule.
template <SomeFloats V, class... Rest>
[[gnu::always_inline]] inline auto polynomial(V x, float c0, Rest... rest) {
  if constexpr (sizeof...(rest) == 0) return constant(c0);
  else return fma(polynomial(x, rest...), x, constant(c0));
}

// e^x = 2^n e^r with r = x - n log 2, |r| <= log(2) / 2. log 2 is taken off in two parts, the first exact in n: `first` is x - n kLog2First.
constexpr float kLog2E = 1.44269504088896341f, kLog2 = 0.693147180559945309f, kLog2First = 0.693359375f, kLog2Rest = -2.12194440e-4f;
template <SomeFloats V>
[[gnu::always_inline]] inline V exp_reduced(V first, V n) {
  const V r = fnma(n, constant(kLog2Rest), first);
  const V p = polynomial(r, 0.49999994f, 0.166665211f, 0.041668389f, 0.00836871658f, 0.00138145988f);
  return ldexp(fma(p, r * r, r) + constant(1.0f), n);
}
// Within [-104, 89]; NaN stays.
template <SomeFloats V>
[[gnu::always_inline]] inline V exp_within(V x) {
  const V n = round(x * constant(kLog2E));
  return exp_reduced(fnma(n, constant(kLog2First), x), n);
}
// 2^x within [-125, 126], to 1e-7 of itself, in fewer steps: of r = x - n nothing is lost. 2^0 is 1.
template <SomeFloats V>
[[gnu::always_inline]] inline V exp2_within_normal(V x) {
  const V n = round(x);
  return times_power_of_two(polynomial(x - n, 1.0f, 0.69314698f, 0.240222421f, 0.0555073373f, 0.00967151287f, 0.00132647238f), n);
}
template <SomeFloats V>
[[gnu::always_inline]] inline V exp(V x) { return exp_within(max(constant(-104.0f), min(constant(89.0f), x))); }  // the second operand stays where it is NaN

// log x = e log 2 + log(1 + f), x = 2^e (1 + f), 1 + f in [sqrt(1/2), sqrt(2)).
template <SomeFloats V>
[[gnu::always_inline]] inline V log(V x) {
  const auto denormal = less(x, constant(0x1p-126f));
  const V scaled = select(denormal, x * constant(0x1p24f), x);
  const V m0 = mantissa(scaled), e0 = exponent(scaled) - select(denormal, constant(24.0f), Floats::zero());
  const auto upper = less(constant(1.41421356f), m0);
  const V f = select(upper, m0 * constant(0.5f), m0) - constant(1.0f);
  const V e = select(upper, e0 + constant(1.0f), e0);
  const V p = polynomial(f, 0.333333313f, -0.250008196f, 0.200012267f, -0.166233569f, 0.142017573f, -0.131601825f,
                         0.127615765f, -0.0763449669f);
  const V square = f * f;
  V tail = fma(p * f, square, e * constant(kLog2Rest));
  tail = fnma(constant(0.5f), square, tail);
  V y = fma(e, constant(kLog2First), f + tail);
  const float infinity = __builtin_inff();
  y = select(equal(x, constant(infinity)), x, y);
  y = select(equal(x, Floats::zero()), constant(-infinity), y);
  return select(less(x, Floats::zero()) | is_nan(x), constant(__builtin_nanf("")), y);
}

// sigmoid(|x|) and sigmoid(-|x|), each with its own relative accuracy.
template <SomeFloats V>
struct SigmoidTails {
  V upper, lower;
};
template <SomeFloats V>
[[gnu::always_inline]] inline SigmoidTails<V> sigmoid_tails(V x) {
  const V e = exp(-abs(x));
  const V upper = constant(1.0f) / (constant(1.0f) + e);
  return {upper, e * upper};
}
template <SomeFloats V>
[[gnu::always_inline]] inline V sigmoid(V x) {
  const SigmoidTails<V> tails = sigmoid_tails(x);
  return select(less(x, Floats::zero()), tails.lower, tails.upper);
}

// An odd polynomial near zero; 1 - 2 / (e^2|x| + 1) with the sign of x elsewhere.
template <SomeFloats V>
[[gnu::always_inline]] inline V tanh(V x) {
  const V a = abs(x), square = x * x;
  const V p = polynomial(square, -0.333332807f, 0.133314416f, -0.0537397154f, 0.0206390861f, -0.00570498686f);
  const V near = fma(p * square, x, x);
  const V far = constant(1.0f) - constant(2.0f) / (exp(a + a) + constant(1.0f));
  return select(less(a, constant(0.625f)), near, select(less(x, Floats::zero()), -far, far));
}

// Phi(-a) = exp(-a^2 / 2) P(a) / Q(a), a = |x|, the ratio of Mills as a fraction (within 6e-9 of itself on [0, 14.42], a minimax fit of its own):
// the left tail keeps its relative accuracy, which 1 + erf would lose. a^2 is rounded once only, less what n takes off, as exp would magnify it.
template <SomeFloats V>
struct NormalTails {
  V size;  // |x|, or 14.42 where that is less: beyond it Phi(-|x|) is 0
  V tail;  // Phi(-|x|)
  V bell;  // exp(-x^2 / 2)
};
template <SomeFloats V>
[[gnu::always_inline]] inline NormalTails<V> normal_tails(V x) {
  const V a = min(constant(14.42f), abs(x)), half = a * constant(-0.5f);
  const V n = round(a * half * constant(kLog2E));
  const V bell = exp_reduced(fma(a, half, n * constant(-kLog2First)), n);
  const V p = polynomial(a, 0.5f, 0.438292831f, 0.183233291f, 0.0406325273f, 0.00411617989f);
  const V q = polynomial(a, 1.0f, 1.67447066f, 1.20249605f, 0.469465703f, 0.101857089f, 0.0103176134f);
  return {a, bell * (p / q), bell};
}
// Phi(x), the distribution function of the standard normal.
template <SomeFloats V>
[[gnu::always_inline]] inline V normal_cdf(V x, NormalTails<V> tails) {
  return select(less(x, Floats::zero()), tails.tail, constant(1.0f) - tails.tail);
}

}  // namespace orrery::cpu::ORRERY_ISA
