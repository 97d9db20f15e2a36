// Softmax of each row: y[r,c] = exp(x[r,c] - max_c x[r,c]) / sum_c exp(x[r,c] - max_c x[r,c])
//   x, y [rows, cols], rows contiguous; y may be x. A row of -inf gives zeros.
//   Against the reference: |difference| <= 2e-7 * sqrt(cols).
#pragma once

#include <cstdint>

namespace orrery {

template <class T>
using softmax_fn = void(const T* x, T* y, int64_t rows, int64_t cols);

// dx = y * (dy - sum_c dy * y). dx may be dy.
template <class T>
using softmax_backward_fn = void(const T* y, const T* dy, T* dx, int64_t rows, int64_t cols);

}  // namespace orrery
