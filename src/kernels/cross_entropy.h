// Cross-entropy of rows of logits with one target each, and its gradient.
//
//   loss[r]       = lse_r - (1 - eps) x[r, target] - eps mean_c x[r, c],      lse_r = log sum_c exp(x[r, c])
//   dlogits[r, c] = factor * (exp(x[r, c] - lse_r) - (1 - eps) [c == target] - eps / cols)
//
// eps is label smoothing (Szegedy et al. 2016; Vaswani et al. 2017, 5.4). A row whose target is negative (Hugging Face
// writes -100) is ignored: loss 0, gradient 0. dlogits may be x, or null when no gradient is wanted. loss [rows], lse [rows]
// or null. Rows are `stride` elements apart in both matrices.
#pragma once

#include <cstdint>

namespace orrery {

template <class T>
using cross_entropy_fn = void(const T* x, int64_t stride, const int32_t* targets, T* loss, T* lse, T* dlogits, T factor,
                              T label_smoothing, int64_t rows, int64_t cols);

}  // namespace orrery
