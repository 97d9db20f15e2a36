// Softmax of rows, and its gradient, by the formulas of kernels/softmax.h. Sums in double.
#include "kernels/softmax.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace orrery::reference {

template <class T>
void softmax(const T* x, T* y, int64_t rows, int64_t cols) {
  for (int64_t r = 0; r < rows; ++r, x += cols, y += cols) {
    T max = -std::numeric_limits<T>::infinity();
    for (int64_t c = 0; c < cols; ++c) max = std::max(max, x[c]);
    if (max == -std::numeric_limits<T>::infinity()) max = 0;  // exp(-inf - 0) is 0; -inf - -inf would be NaN
    double sum = 0;
    for (int64_t c = 0; c < cols; ++c) {
      y[c] = std::exp(x[c] - max);
      sum += double(y[c]);
    }
    const double factor = sum == 0 ? 0 : 1 / sum;
    for (int64_t c = 0; c < cols; ++c) y[c] = T(double(y[c]) * factor);
  }
}

template <class T>
void softmax_backward(const T* y, const T* dy, T* dx, int64_t rows, int64_t cols) {
  for (int64_t r = 0; r < rows; ++r, y += cols, dy += cols, dx += cols) {
    double dot = 0;
    for (int64_t c = 0; c < cols; ++c) dot += double(dy[c]) * double(y[c]);
    for (int64_t c = 0; c < cols; ++c) dx[c] = y[c] * (dy[c] - T(dot));
  }
}

#define INSTANTIATE(T)                                   \
  template void softmax(const T*, T*, int64_t, int64_t); \
  template void softmax_backward(const T*, const T*, T*, int64_t, int64_t);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace orrery::reference
