// LayerNorm, RMSNorm and their gradients, by the formulas of kernels/norm.h. Sums over a row in double; sums over
// rows in T, going on from the stored value, so that a batch may be cut anywhere.
#include "kernels/norm.h"

#include <cmath>

namespace orrery::reference {

template <class T>
void layer_norm(const T* x, const T* w, const T* b, T* y, T* mean, T* rstd, int64_t rows, int64_t cols, T eps) {
  for (int64_t r = 0; r < rows; ++r, x += cols, y += cols) {
    double sum = 0, squares = 0;
    for (int64_t c = 0; c < cols; ++c) sum += double(x[c]);
    const T m = T(sum / double(cols));
    for (int64_t c = 0; c < cols; ++c) squares += double(x[c] - m) * double(x[c] - m);
    const T s = T(1 / std::sqrt(squares / double(cols) + double(eps)));
    for (int64_t c = 0; c < cols; ++c) y[c] = (x[c] - m) * s * w[c] + (b ? b[c] : T(0));
    if (mean) mean[r] = m;
    if (rstd) rstd[r] = s;
  }
}

template <class T>
void layer_norm_backward(const T* x, const T* w, const T* mean, const T* rstd, const T* dy, T* dx, int64_t rows,
                         int64_t cols) {
  for (int64_t r = 0; r < rows; ++r, x += cols, dy += cols, dx += cols) {
    double sum_g = 0, sum_gx = 0;
    for (int64_t c = 0; c < cols; ++c) {
      const T g = dy[c] * w[c], xhat = (x[c] - mean[r]) * rstd[r];
      sum_g += double(g);
      sum_gx += double(g) * double(xhat);
    }
    const T mean_g = T(sum_g / double(cols)), mean_gx = T(sum_gx / double(cols));
    for (int64_t c = 0; c < cols; ++c) {
      const T g = dy[c] * w[c], xhat = (x[c] - mean[r]) * rstd[r];
      dx[c] = rstd[r] * (g - mean_g - xhat * mean_gx);
    }
  }
}

template <class T>
void layer_norm_backward_weights(const T* x, const T* mean, const T* rstd, const T* dy, T* dw, T* db, int64_t rows,
                                 int64_t cols, int64_t begin, int64_t end, bool accumulate) {
  for (int64_t c = begin; c < end; ++c) {
    T sum_w = accumulate ? dw[c] : T(0), sum_b = accumulate && db ? db[c] : T(0);
    for (int64_t r = 0; r < rows; ++r) {
      sum_w += dy[r * cols + c] * ((x[r * cols + c] - mean[r]) * rstd[r]);
      sum_b += dy[r * cols + c];
    }
    dw[c] = sum_w;
    if (db) db[c] = sum_b;
  }
}

template <class T>
void rms_norm(const T* x, const T* w, T* y, T* rstd, int64_t rows, int64_t cols, T eps, T offset) {
  for (int64_t r = 0; r < rows; ++r, x += cols, y += cols) {
    double squares = 0;
    for (int64_t c = 0; c < cols; ++c) squares += double(x[c]) * double(x[c]);
    const T s = T(1 / std::sqrt(squares / double(cols) + double(eps)));
    for (int64_t c = 0; c < cols; ++c) y[c] = x[c] * s * (w[c] + offset);
    if (rstd) rstd[r] = s;
  }
}

template <class T>
void rms_norm_backward(const T* x, const T* w, const T* rstd, const T* dy, T* dx, int64_t rows, int64_t cols,
                       T offset) {
  for (int64_t r = 0; r < rows; ++r, x += cols, dy += cols, dx += cols) {
    double sum_gx = 0;
    for (int64_t c = 0; c < cols; ++c) sum_gx += double(dy[c] * (w[c] + offset)) * double(x[c] * rstd[r]);
    const T mean_gx = T(sum_gx / double(cols));
    for (int64_t c = 0; c < cols; ++c) dx[c] = rstd[r] * (dy[c] * (w[c] + offset) - x[c] * rstd[r] * mean_gx);
  }
}

template <class T>
void rms_norm_backward_weights(const T* x, const T* rstd, const T* dy, T* dw, int64_t rows, int64_t cols, int64_t begin,
                               int64_t end, bool accumulate) {
  for (int64_t c = begin; c < end; ++c) {
    T sum = accumulate ? dw[c] : T(0);
    for (int64_t r = 0; r < rows; ++r) sum += dy[r * cols + c] * (x[r * cols + c] * rstd[r]);
    dw[c] = sum;
  }
}

#define INSTANTIATE(T)                                                                                                 \
  template void layer_norm(const T*, const T*, const T*, T*, T*, T*, int64_t, int64_t, T);                             \
  template void layer_norm_backward(const T*, const T*, const T*, const T*, const T*, T*, int64_t, int64_t);           \
  template void layer_norm_backward_weights(const T*, const T*, const T*, const T*, T*, T*, int64_t, int64_t, int64_t, \
                                            int64_t, bool);                                                            \
  template void rms_norm(const T*, const T*, T*, T*, int64_t, int64_t, T, T);                                          \
  template void rms_norm_backward(const T*, const T*, const T*, const T*, T*, int64_t, int64_t, T);                    \
  template void rms_norm_backward_weights(const T*, const T*, const T*, T*, int64_t, int64_t, int64_t, int64_t, bool);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace orrery::reference
