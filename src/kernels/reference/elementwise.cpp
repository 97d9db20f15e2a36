// Functions of single elements, and sums over columns, by the formulas of kernels/elementwise.h. Functions are evaluated
// in double whatever T is, so that the float reference is within rounding of the exact value.
#include "kernels/elementwise.h"

#include <cmath>

namespace orrery::reference {

namespace {

constexpr double kSqrtHalf = 0.70710678118654752440;       // 1 / sqrt(2)
constexpr double kInvSqrtTwoPi = 0.39894228040143267794;   // 1 / sqrt(2 pi)
constexpr double kSqrtTwoOverPi = 0.79788456080286535588;  // sqrt(2 / pi)

double sigmoid(double x) {
  if (x >= 0) return 1 / (1 + std::exp(-x));
  const double e = std::exp(x);  // keeps its relative accuracy where 1 + exp(-x) overflows
  return e / (1 + e);
}
// Phi(x), the normal distribution: erfc keeps its relative accuracy in the left tail.
double normal_cdf(double x) { return 0.5 * std::erfc(-x * kSqrtHalf); }
// 0.5 (1 + tanh(z)) is sigmoid(2 z).
double gelu_tanh_gate(double x) { return sigmoid(2 * kSqrtTwoOverPi * x * (1 + 0.044715 * x * x)); }

double value(Unary kind, double x) {
  switch (kind) {
    case Unary::gelu: return x == -INFINITY ? 0 : x * normal_cdf(x);
    case Unary::gelu_tanh: return x == -INFINITY ? 0 : x * gelu_tanh_gate(x);
    case Unary::relu: return x < 0 ? 0 : x;
    case Unary::silu: return x == -INFINITY ? 0 : x * sigmoid(x);
    case Unary::tanh: return std::tanh(x);
    case Unary::sigmoid: return sigmoid(x);
    case Unary::exp: return std::exp(x);
    case Unary::square: return x * x;
    case Unary::sqrt: return std::sqrt(x);
    case Unary::reciprocal: return 1 / x;
    case Unary::log: return std::log(x);
  }
  return x;
}

double derivative(Unary kind, double x) {
  switch (kind) {
    case Unary::gelu: return std::isinf(x) ? double(x > 0) : normal_cdf(x) + x * kInvSqrtTwoPi * std::exp(-0.5 * x * x);
    case Unary::gelu_tanh: {
      if (std::isinf(x)) return double(x > 0);
      const double gate = gelu_tanh_gate(x);  // gate' = gate (1 - gate) 2 sqrt(2/pi) (1 + 3 * 0.044715 x^2)
      const double rest = gelu_tanh_gate(-x);
      return gate + x * gate * rest * 2 * kSqrtTwoOverPi * (1 + 3 * 0.044715 * x * x);
    }
    case Unary::relu: return x > 0 ? 1 : 0;
    case Unary::silu: return std::isinf(x) ? double(x > 0) : sigmoid(x) * (1 + x * sigmoid(-x));
    case Unary::tanh: return 1 - std::tanh(x) * std::tanh(x);
    case Unary::sigmoid: return sigmoid(x) * sigmoid(-x);
    case Unary::exp: return std::exp(x);
    case Unary::square: return 2 * x;
    case Unary::sqrt: return 0.5 / std::sqrt(x);
    case Unary::reciprocal: return -1 / (x * x);
    case Unary::log: return 1 / x;
  }
  return 1;
}

template <class T>
T combine(Binary kind, T a, T b) {
  switch (kind) {
    case Binary::add: return a + b;
    case Binary::subtract: return a - b;
    case Binary::multiply: return a * b;
    case Binary::divide: return a / b;
    case Binary::maximum: return a > b || a != a ? a : b;  // a NaN on either side stays
  }
  return a;
}

}  // namespace

template <class T>
void unary(Unary kind, const T* x, T* y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) y[i] = T(value(kind, double(x[i])));
}

template <class T>
void unary_backward(Unary kind, const T* x, const T* dy, T* dx, int64_t count) {
  for (int64_t i = 0; i < count; ++i) dx[i] = T(derivative(kind, double(x[i]))) * dy[i];
}

template <class T>
void binary(Binary kind, const T* a, const T* b, T* y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) y[i] = combine(kind, a[i], b[i]);
}

template <class T>
void binary_row(Binary kind, const T* a, const T* b, T* y, int64_t rows, int64_t cols) {
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < cols; ++c) y[r * cols + c] = combine(kind, a[r * cols + c], b[c]);
}

template <class T>
void scale(const T* x, T factor, T offset, T* y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) y[i] = factor * x[i] + offset;
}

template <class T>
void gated(Unary kind, const T* gate, const T* up, int64_t in_stride, T* y, int64_t out_stride, int64_t rows,
           int64_t cols) {
  for (int64_t r = 0; r < rows; ++r, gate += in_stride, up += in_stride, y += out_stride)
    for (int64_t c = 0; c < cols; ++c) y[c] = T(value(kind, double(gate[c]))) * up[c];
}

template <class T>
void gated_backward(Unary kind, const T* gate, const T* up, int64_t in_stride, const T* dy, int64_t dy_stride, T* dgate,
                    T* dup, int64_t grad_stride, int64_t rows, int64_t cols) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < cols; ++c) {
      const T g = gate[c], u = up[c], d = dy[c];
      dgate[c] = d * u * T(derivative(kind, double(g)));
      dup[c] = d * T(value(kind, double(g)));
    }
    gate += in_stride, up += in_stride, dy += dy_stride, dgate += grad_stride, dup += grad_stride;
  }
}

template <class T>
void column_sum(const T* x, int64_t stride, T* y, int64_t rows, int64_t begin, int64_t end, bool accumulate) {
  for (int64_t c = begin; c < end; ++c) {
    T sum = accumulate ? y[c] : T(0);  // goes on from the stored value: rows may come in several calls
    for (int64_t r = 0; r < rows; ++r) sum += x[r * stride + c];
    y[c] = sum;
  }
}

#define INSTANTIATE(T)                                                                                          \
  template void unary(Unary, const T*, T*, int64_t);                                                            \
  template void unary_backward(Unary, const T*, const T*, T*, int64_t);                                         \
  template void binary(Binary, const T*, const T*, T*, int64_t);                                                \
  template void binary_row(Binary, const T*, const T*, T*, int64_t, int64_t);                                   \
  template void scale(const T*, T, T, T*, int64_t);                                                             \
  template void gated(Unary, const T*, const T*, int64_t, T*, int64_t, int64_t, int64_t);                       \
  template void gated_backward(Unary, const T*, const T*, int64_t, const T*, int64_t, T*, T*, int64_t, int64_t, \
                               int64_t);                                                                        \
  template void column_sum(const T*, int64_t, T*, int64_t, int64_t, int64_t, bool);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace orrery::reference
