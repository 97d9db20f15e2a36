// Optimiser steps.
#pragma once

#include <cstdint>

namespace orrery {

// AdamW (Loshchilov & Hutter 2019), one pass, in the order of operations of torch.optim.AdamW:
//   g' = grad_scale * g
//   p  = p * (1 - lr * weight_decay)
//   m  = m + (g' - m) * (1 - beta1)
//   v  = v * beta2 + (1 - beta2) * g' * g'
//   p  = p - (lr / bias1) * m / (sqrt(v) / sqrt(bias2) + eps)        bias1 = 1 - beta1^step, bias2 = 1 - beta2^step
struct AdamWStep {
  double lr = 0, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0;
  int64_t step = 1;         // from 1
  double grad_scale = 1;    // gradient clipping folded in
};
template <class T>
using adamw_fn = void(T* p, const T* g, T* m, T* v, int64_t count, const AdamWStep& step);

// sum x[i]^2 in double, lanes and blocks in a fixed order that depends on count alone.
template <class T>
using sum_squares_fn = double(const T* x, int64_t count);

}  // namespace orrery
