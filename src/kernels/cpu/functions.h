// The functions of kernels/elementwise.h on vectors, one or several: each a type with value(x) and derivative(x), chosen by with_function.
#pragma once

#include "kernels/cpu/vec_math.h"
#include "kernels/elementwise.h"

namespace orrery::cpu::ORRERY_ISA {

// x kept where |x| matters to a gate: gates are exactly 0 or 1 far inside, and 0 * inf would be NaN.
template <SomeFloats V>
V within(float limit, V x) { return max(constant(-limit), min(constant(limit), x)); }
template <SomeFloats V>
V above(float limit, V x) { return max(constant(limit), x); }

struct Gelu {
  // x Phi(x), which is x less |x| Phi(-|x|) right of 0
  template <SomeFloats V>
  static V value(V x) {
    const auto tails = normal_tails(x);
    return fnma(tails.size, tails.tail, max(Floats::zero(), x));
  }
  // Phi(x) + x phi(x), phi the density
  template <SomeFloats V>
  static V derivative(V x) {
    const auto tails = normal_tails(x);
    return fma(within(1000, x), tails.bell * constant(0.398942280f), normal_cdf(x, tails));
  }
};

// 0.5 (1 + tanh(z)) is sigmoid(2 z), which keeps the left tail.
struct GeluTanh {
  static constexpr float kTwice = 1.59576912f;  // 2 sqrt(2 / pi)
  template <SomeFloats V>
  static V twice_z(V x) { return x * constant(kTwice) * fma(x * x, constant(0.044715f), constant(1.0f)); }
  template <SomeFloats V>
  static V value(V x) { return above(-1000, x) * sigmoid(twice_z(x)); }
  // gate + x gate (1 - gate) d(2 z)/dx
  template <SomeFloats V>
  static V derivative(V unbounded) {
    const V x = within(100, unbounded),
            slope = constant(kTwice) * fma(x * x, constant(3 * 0.044715f), constant(1.0f));
    const V z = twice_z(x);
    const auto gate = sigmoid_tails(z);
    return fma(x * slope, gate.upper * gate.lower, select(less(z, Floats::zero()), gate.lower, gate.upper));
  }
};

struct Relu {
  template <SomeFloats V>
  static V value(V x) { return max(Floats::zero(), x); }
  template <SomeFloats V>
  static V derivative(V x) { return mask_lanes(less(Floats::zero(), x), constant(1.0f)); }
};

struct Silu {
  template <SomeFloats V>
  static V value(V x) { return above(-1000, x) * sigmoid(x); }
  // s + x s (1 - s)
  template <SomeFloats V>
  static V derivative(V x) {
    const auto s = sigmoid_tails(x);
    return fma(within(1000, x), s.upper * s.lower, select(less(x, Floats::zero()), s.lower, s.upper));
  }
};

struct Tanh {
  template <SomeFloats V>
  static V value(V x) { return tanh(x); }
  // 1 - tanh(x)^2 = 4 sigmoid(2 x) sigmoid(-2 x)
  template <SomeFloats V>
  static V derivative(V x) {
    const auto s = sigmoid_tails(x + x);
    return constant(4.0f) * s.upper * s.lower;
  }
};

struct Sigmoid {
  template <SomeFloats V>
  static V value(V x) { return sigmoid(x); }
  template <SomeFloats V>
  static V derivative(V x) {
    const auto s = sigmoid_tails(x);
    return s.upper * s.lower;
  }
};

struct Exp {
  template <SomeFloats V>
  static V value(V x) { return exp(x); }
  template <SomeFloats V>
  static V derivative(V x) { return exp(x); }
};

struct Square {
  template <SomeFloats V>
  static V value(V x) { return x * x; }
  template <SomeFloats V>
  static V derivative(V x) { return x + x; }
};

struct Sqrt {
  template <SomeFloats V>
  static V value(V x) { return sqrt(x); }
  template <SomeFloats V>
  static V derivative(V x) { return constant(0.5f) / sqrt(x); }
};

struct Reciprocal {
  template <SomeFloats V>
  static V value(V x) { return constant(1.0f) / x; }
  template <SomeFloats V>
  static V derivative(V x) { return constant(-1.0f) / (x * x); }
};

struct Log {
  template <SomeFloats V>
  static V value(V x) { return log(x); }
  template <SomeFloats V>
  static V derivative(V x) { return constant(1.0f) / x; }
};

// Calls loop with the function of this kind.
template <class Loop>
void with_function(Unary kind, Loop loop) {
  switch (kind) {
    case Unary::gelu: return loop(Gelu{});
    case Unary::gelu_tanh: return loop(GeluTanh{});
    case Unary::relu: return loop(Relu{});
    case Unary::silu: return loop(Silu{});
    case Unary::tanh: return loop(Tanh{});
    case Unary::sigmoid: return loop(Sigmoid{});
    case Unary::exp: return loop(Exp{});
    case Unary::square: return loop(Square{});
    case Unary::sqrt: return loop(Sqrt{});
    case Unary::reciprocal: return loop(Reciprocal{});
    case Unary::log: return loop(Log{});
  }
}

template <class Loop>
void with_operation(Binary kind, Loop loop) {
  switch (kind) {
    case Binary::add: return loop([](Floats a, Floats b) { return a + b; });
    case Binary::subtract: return loop([](Floats a, Floats b) { return a - b; });
    case Binary::multiply: return loop([](Floats a, Floats b) { return a * b; });
    case Binary::divide: return loop([](Floats a, Floats b) { return a / b; });
    case Binary::maximum:  // a NaN on either side stays
      return loop([](Floats a, Floats b) { return select(is_nan(a), a, max(a, b)); });
  }
}

}  // namespace orrery::cpu::ORRERY_ISA
