// Cross-entropy of rows of logits and its gradient (kernels/cross_entropy.h). A row of a large vocabulary does not fit
// the first-level cache, so exp is taken once: its values wait in dlogits until their sum is known.
#include "kernels/cross_entropy.h"

#include "kernels/cpu/rows.h"
#include "kernels/cpu/vec_math.h"

namespace orrery::cpu::ORRERY_ISA {

cross_entropy_fn<float> cross_entropy;

namespace {

// sum_c exp(x[c] - max), and the terms in `terms` unless that is null.
float sum_exp(const float* x, float max, float* terms, int64_t cols) {
  const Floats top = constant(max);
  if (!terms) return row_sum(cols, [&](int64_t i, auto lanes) { return exp(load(x + i, lanes) - top); });
  return row_sum(cols, [&](int64_t i, auto lanes) {
    const Floats e = exp(load(x + i, lanes) - top);
    store(terms + i, e, lanes);
    return e;
  });
}

float log_of(float x) {
  float y;
  log(constant(x)).store(&y, 1);
  return y;
}

}  // namespace

void cross_entropy(const float* x, int64_t stride, const int32_t* targets, float* loss, float* lse, float* dlogits,
                   float factor, float label_smoothing, int64_t rows, int64_t cols) {
  const float smooth = label_smoothing, kept = 1 - smooth, share = smooth / float(cols);
  for (int64_t r = 0; r < rows; ++r, x += stride) {
    float* const dx = dlogits ? dlogits + r * stride : nullptr;
    const int32_t target = targets[r];
    const float max = row_max(x, cols);
    if (target < 0) {
      loss[r] = 0;
      if (lse) lse[r] = max + log_of(sum_exp(x, max, nullptr, cols));
      if (dx) each_vector(cols, [&](int64_t i, auto lanes) { store(dx + i, Floats::zero(), lanes); });
      continue;
    }
    // dx may be x, which is gone once its exp is taken. Logits count from max: the differences lose less to rounding.
    const float at_target = x[target] - max;
    float smoothing = 0;  // left out where its factor is zero: a logit may be -inf
    if (smooth != 0)
      smoothing = share * row_sum(cols, [&](int64_t i, auto lanes) { return load(x + i, lanes) - constant(max); });
    const float sum = sum_exp(x, max, dx, cols), log_sum = log_of(sum);
    if (lse) lse[r] = max + log_sum;
    loss[r] = log_sum - kept * at_target - smoothing;
    if (!dx) continue;
    const Floats scale = constant(factor / sum), shift = constant(factor * share);
    each_vector(cols, [&](int64_t i, auto lanes) { store(dx + i, load(dx + i, lanes) * scale - shift, lanes); });
    dx[target] -= factor * kept;
  }
}

}  // namespace orrery::cpu::ORRERY_ISA
