#include "base/block_scales.h"

#include <cmath>

namespace orrery {

namespace {
constexpr int kMostCount = 32;
constexpr float kNothing = 1e-15f;   // smaller magnitudes are 0

// Sums over a rounding: of w·q, w·q², w·q·x.
struct Sums {
  float q = 0, qq = 0, qx = 0;
};
}  // namespace

float search_scale(const float* x, int count, int most) {
  float largest = 0;
  for (int i = 0; i < count; ++i)
    if (std::fabs(x[i]) > std::fabs(largest)) largest = x[i];
  if (!(std::fabs(largest) >= kNothing)) return 0;

  float q[kMostCount];
  const auto sums_at = [&](float inverse) {
    for (int i = 0; i < count; ++i) q[i] = nearest(inverse * x[i], float(-most), float(most - 1));
    Sums sums;
    for (int i = 0; i < count; ++i) {
      const float weight = x[i] * x[i];
      sums.qx += weight * x[i] * q[i];
      sums.qq += weight * q[i] * q[i];
    }
    return sums;
  };
  // Of scale = qx / qq the error is sum w·x² − qx² / qq: the larger qx² / qq, the better.
  const Sums obvious = sums_at(-float(most) / largest);
  float scale = obvious.qq != 0 ? obvious.qx / obvious.qq : 0;
  float best = scale * obvious.qx;
  for (int k = -9; k <= 9; ++k) {
    if (k == 0) continue;
    const Sums sums = sums_at(-(float(most) + 0.1f * float(k)) / largest);
    if (sums.qq > 0 && sums.qx * sums.qx > best * sums.qq) {
      scale = sums.qx / sums.qq;
      best = scale * sums.qx;
    }
  }
  return scale;
}

ScaleAndMin search_scale_and_min(const float* x, int count, int most, const Search& search) {
  float squares = 0;
  for (int i = 0; i < count; ++i) squares += x[i] * x[i];
  const float rms = std::sqrt(squares / float(count));
  float weight[kMostCount];
  float min = x[0], max = x[0], sum_w = 0, sum_x = 0;
  for (int i = 0; i < count; ++i) {
    weight[i] = rms + std::fabs(x[i]);
    sum_w += weight[i];
    sum_x += weight[i] * x[i];
    if (x[i] < min) min = x[i];
    if (x[i] > max) max = x[i];
  }
  if (min > 0) min = 0;
  if (!(max > min)) return {0, -min};

  float q[kMostCount];
  const auto round_at = [&](float range) {   // from the best min so far
    const float inverse = range / (max - min);
    for (int i = 0; i < count; ++i) q[i] = nearest(inverse * (x[i] - min), 0, float(most));
  };
  const auto error_of = [&](float scale, float offset) {
    float error = 0;
    for (int i = 0; i < count; ++i) {
      const float difference = scale * q[i] + offset - x[i];
      error += weight[i] * (difference * difference);
    }
    return error;
  };
  round_at(float(most));
  float scale = 1 / (float(most) / (max - min));
  float best = error_of(scale, min);
  for (int k = 0; k <= search.steps; ++k) {
    round_at(search.first + search.step * float(k) + float(most));
    Sums sums;
    for (int i = 0; i < count; ++i) {
      sums.q += weight[i] * q[i];
      sums.qq += weight[i] * q[i] * q[i];
      sums.qx += weight[i] * q[i] * x[i];
    }
    const float determinant = sum_w * sums.qq - sums.q * sums.q;
    if (!(determinant > 0)) continue;
    float this_scale = (sum_w * sums.qx - sum_x * sums.q) / determinant;
    float this_min = (sums.qq * sum_x - sums.q * sums.qx) / determinant;
    if (this_min > 0) {   // a min cannot be added
      this_min = 0;
      this_scale = sums.qx / sums.qq;
    }
    const float error = error_of(this_scale, this_min);
    if (error < best) {
      best = error;
      scale = this_scale;
      min = this_min;
    }
  }
  return {scale, -min};
}

}  // namespace orrery
