// Normalisation of rows, with a weight per column.
//
//   LayerNorm (Ba et al. 2016)          y = (x - mean) * rstd * w + b,   rstd = 1 / sqrt(mean((x - mean)^2) + eps)
//   RMSNorm (Zhang & Sennrich 2019)     y = x * rstd * w,                rstd = 1 / sqrt(mean(x^2) + eps)
//
// x, y [rows, cols], rows contiguous; y may be x. w [cols]; b [cols] or null. mean, rstd [rows] are kept for the backward
// pass and may be null. Two passes over a row (mean first, then squared differences); sums in a fixed lane order.
#pragma once

#include <cstdint>

namespace orrery {

template <class T>
using layer_norm_fn = void(const T* x, const T* w, const T* b, T* y, T* mean, T* rstd, int64_t rows, int64_t cols, T eps);

// dx = rstd * (g - mean(g) - xhat * mean(g * xhat)),  g = dy * w,  xhat = (x - mean) * rstd. dx may be dy.
template <class T>
using layer_norm_backward_fn = void(const T* x, const T* w, const T* mean, const T* rstd, const T* dy, T* dx, int64_t rows,
                                    int64_t cols);

// dw[c] (+)= sum_r dy[r,c] * xhat[r,c], db[c] (+)= sum_r dy[r,c], for c in [begin, end), rows ascending. db may be null.
template <class T>
using layer_norm_backward_weights_fn = void(const T* x, const T* mean, const T* rstd, const T* dy, T* dw, T* db,
                                            int64_t rows, int64_t cols, int64_t begin, int64_t end, bool accumulate);

// `offset` is added to the weight (1 for Gemma's (1 + w), else 0).
template <class T>
using rms_norm_fn = void(const T* x, const T* w, T* y, T* rstd, int64_t rows, int64_t cols, T eps, T offset);

// dx = rstd * (g - xhat * mean(g * xhat)),  g = dy * (w + offset),  xhat = x * rstd. dx may be dy.
template <class T>
using rms_norm_backward_fn = void(const T* x, const T* w, const T* rstd, const T* dy, T* dx, int64_t rows, int64_t cols,
                                  T offset);

template <class T>
using rms_norm_backward_weights_fn = void(const T* x, const T* rstd, const T* dy, T* dw, int64_t rows, int64_t cols,
                                          int64_t begin, int64_t end, bool accumulate);

}  // namespace orrery
