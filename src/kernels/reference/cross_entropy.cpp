// Cross-entropy of rows of logits and its gradient, by the formulas of kernels/cross_entropy.h. Sums in double.
#include "kernels/cross_entropy.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace orrery::reference {

template <class T>
void cross_entropy(const T* x, int64_t stride, const int32_t* targets, T* loss, T* lse, T* dlogits, T factor,
                   T label_smoothing, int64_t rows, int64_t cols) {
  const double eps = double(label_smoothing);
  for (int64_t r = 0; r < rows; ++r, x += stride) {
    T* const dx = dlogits ? dlogits + r * stride : nullptr;
    const int32_t target = targets[r];
    T max = -std::numeric_limits<T>::infinity();
    for (int64_t c = 0; c < cols; ++c) max = std::max(max, x[c]);
    double sum = 0, sum_x = 0;
    for (int64_t c = 0; c < cols; ++c) {
      sum += std::exp(double(x[c]) - double(max));
      sum_x += double(x[c]);
    }
    const double row_lse = double(max) + std::log(sum);
    if (lse) lse[r] = T(row_lse);
    loss[r] = 0;
    if (target >= 0) {
      // A term whose factor is zero is left out: a logit may be -inf.
      loss[r] = T(row_lse - (1 - eps) * double(x[target]) - (eps == 0 ? 0 : eps * sum_x / double(cols)));
    }
    if (!dx) continue;
    for (int64_t c = 0; c < cols; ++c) {
      const double p = std::exp(double(x[c]) - row_lse);
      dx[c] = target < 0 ? T(0) : T(double(factor) * (p - (c == target ? 1 - eps : 0) - eps / double(cols)));
    }
  }
}

#define INSTANTIATE(T) \
  template void cross_entropy(const T*, int64_t, const int32_t*, T*, T*, T*, T, T, int64_t, int64_t);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace orrery::reference
