// Functions of single elements, and sums over columns. Outputs may be inputs unless said otherwise.
#pragma once

#include <cstdint>

namespace orrery {

enum class Unary : uint8_t {
  gelu,       // x * Phi(x), by the error function (Hendrycks & Gimpel 2016)
  gelu_tanh,  // 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))): Hugging Face's gelu_new, gelu_pytorch_tanh
  relu,
  silu,       // x * sigmoid(x)
  tanh,
  sigmoid,
  exp,
  square,
  sqrt,
  reciprocal,
  log,
};

// y[i] = f(x[i]). Within 4 ulp-sized relative error of the exact value (2e-7 relative, or 1e-7 absolute near zeros).
template <class T>
using unary_fn = void(Unary kind, const T* x, T* y, int64_t count);

// dx[i] = f'(x[i]) * dy[i]. dx may be dy.
template <class T>
using unary_backward_fn = void(Unary kind, const T* x, const T* dy, T* dx, int64_t count);

enum class Binary : uint8_t { add, subtract, multiply, divide, maximum };

// y[i] = a[i] op b[i]
template <class T>
using binary_fn = void(Binary kind, const T* a, const T* b, T* y, int64_t count);

// y[r, c] = a[r, c] op b[c]
template <class T>
using binary_row_fn = void(Binary kind, const T* a, const T* b, T* y, int64_t rows, int64_t cols);

// y[i] = factor * x[i] + offset
template <class T>
using scale_fn = void(const T* x, T factor, T offset, T* y, int64_t count);

// y[r, c] = f(gate[r, c]) * up[r, c]: SwiGLU and its kin (Shazeer 2020).
// Rows of gate and up are in_stride apart (so that both may lie in one [rows, 2 cols] matrix), rows of y out_stride.
template <class T>
using gated_fn = void(Unary kind, const T* gate, const T* up, int64_t in_stride, T* y, int64_t out_stride, int64_t rows,
                      int64_t cols);

// dgate = dy * up * f'(gate), dup = dy * f(gate); dgate and dup have rows grad_stride apart and may be gate and up.
template <class T>
using gated_backward_fn = void(Unary kind, const T* gate, const T* up, int64_t in_stride, const T* dy, int64_t dy_stride,
                               T* dgate, T* dup, int64_t grad_stride, int64_t rows, int64_t cols);

// y[c] (+)= sum over rows, ascending, of x[r * stride + c], for c in [begin, end).
template <class T>
using column_sum_fn = void(const T* x, int64_t stride, T* y, int64_t rows, int64_t begin, int64_t end, bool accumulate);

}  // namespace orrery
