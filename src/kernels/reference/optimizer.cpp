// Optimiser steps, by the formulas of kernels/optimizer.h.
#include "kernels/optimizer.h"

#include <cmath>

namespace orrery::reference {

template <class T>
void adamw(T* p, const T* g, T* m, T* v, int64_t count, const AdamWStep& step) {
  // As in torch, scalars are computed in double and rounded to T once.
  const double bias1 = 1 - std::pow(step.beta1, double(step.step)), bias2 = 1 - std::pow(step.beta2, double(step.step));
  const T grad_scale = T(step.grad_scale), decay = T(1 - step.lr * step.weight_decay);
  const T first = T(1 - step.beta1), beta2 = T(step.beta2), second = T(1 - step.beta2);
  const T root_bias2 = T(std::sqrt(bias2)), eps = T(step.eps), rate = T(step.lr / bias1);
  for (int64_t i = 0; i < count; ++i) {
    const T gradient = grad_scale * g[i];
    p[i] = p[i] * decay;
    m[i] = m[i] + (gradient - m[i]) * first;
    v[i] = v[i] * beta2 + second * gradient * gradient;
    p[i] = p[i] - rate * m[i] / (std::sqrt(v[i]) / root_bias2 + eps);
  }
}

template <class T>
double sum_squares(const T* x, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += double(x[i]) * double(x[i]);
  return sum;
}

#define INSTANTIATE(T)                                                  \
  template void adamw(T*, const T*, T*, T*, int64_t, const AdamWStep&); \
  template double sum_squares(const T*, int64_t);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace orrery::reference
