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
  constexpr int64_t n = Floats::kLanes, step = kFoldParts * n;
  struct Sums {
    Doubles halves[2 * kFoldParts];   // of the vectors of a step
  };
  const auto added = [](Sums sums, auto values) __attribute__((always_inline)) {
    for (int p = 0; p < kFoldParts; ++p) {
      const Doubles low = low_half(values(p * n)), high = high_half(values(p * n));
      sums.halves[2 * p] = fma(low, low, sums.halves[2 * p]);
      sums.halves[2 * p + 1] = fma(high, high, sums.halves[2 * p + 1]);
    }
    return sums;
  };
  Sums even;
  for (Doubles& half : even.halves) half = Doubles::zero();
  Sums odd = even;
  int64_t i = 0;
  const auto whole = [&](int64_t at) { return Floats::load(x + i + at); };
  const auto rest = [&](int64_t at) { return Floats::load(x + i + at, count - i - at); };
  while (i + 2 * step <= count) {
    even = added(even, whole), i += step;
    odd = added(odd, whole), i += step;
  }
  if (i + step <= count) even = added(even, whole), i += step;
  if (i < count) odd = added(odd, rest);
  const auto all = [&](int p) { return (even.halves[p] + even.halves[p + kFoldParts]) + (odd.halves[p] + odd.halves[p + kFoldParts]); };
  Doubles sums = all(0);
  for (int p = 1; p < kFoldParts; ++p) sums = sums + all(p);
  return sum(sums);
}

}  // namespace orrery::cpu::ORRERY_ISA
