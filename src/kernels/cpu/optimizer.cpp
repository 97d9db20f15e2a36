// Optimiser steps (kernels/optimizer.h).
#include "kernels/optimizer.h"

#include <cmath>

#include "kernels/cpu/rows.h"
#include "kernels/cpu/vec_math.h"

namespace orrery::cpu::ORRERY_ISA {

adamw_fn<float> adamw;
sum_squares_fn<float> sum_squares;

// The two moving averages are fused multiply-adds, as in PyTorch's vectorised lerp and addcmul: with grad_scale 1 they
// have the bits of torch.optim.AdamW, and so have parameters, but for the rare square root that MKL rounds otherwise.
void adamw(float* p, const float* g, float* m, float* v, int64_t count, const AdamWStep& step) {
  const double bias1 = 1 - std::pow(step.beta1, double(step.step)), bias2 = 1 - std::pow(step.beta2, double(step.step));
  const Floats grad_scale = constant(float(step.grad_scale)), decay = constant(float(1 - step.lr * step.weight_decay));
  const Floats first = constant(float(1 - step.beta1)), beta2 = constant(float(step.beta2));
  const Floats second = constant(float(1 - step.beta2)), root_bias2 = constant(float(std::sqrt(bias2)));
  const Floats eps = constant(float(step.eps)), rate = constant(float(step.lr / bias1));
  each_vector(count, [&](int64_t i, auto lanes) {
    const Floats gradient = load(g + i, lanes) * grad_scale, mean = load(m + i, lanes);
    const Floats new_mean = fma(first, gradient - mean, mean);
    const Floats new_square = fma(second * gradient, gradient, load(v + i, lanes) * beta2);
    const Floats denominator = sqrt(new_square) / root_bias2 + eps;
    store(p + i, load(p + i, lanes) * decay - rate * new_mean / denominator, lanes);
    store(m + i, new_mean, lanes);
    store(v + i, new_square, lanes);
  });
}

double sum_squares(const float* x, int64_t count) {
  Doubles a = Doubles::zero(), b = a, c = a, d = a;
  const auto add = [](Floats values, Doubles& low, Doubles& high) {
    const Doubles l = low_half(values), h = high_half(values);
    low = fma(l, l, low);
    high = fma(h, h, high);
  };
  constexpr int64_t n = Floats::kLanes;
  int64_t i = 0;
  for (; i + 2 * n <= count; i += 2 * n) {
    add(Floats::load(x + i), a, b);
    add(Floats::load(x + i + n), c, d);
  }
  if (i + n <= count) add(Floats::load(x + i), a, b), i += n;
  if (i < count) add(Floats::load(x + i, count - i), c, d);
  return sum((a + b) + (c + d));
}

}  // namespace orrery::cpu::ORRERY_ISA
