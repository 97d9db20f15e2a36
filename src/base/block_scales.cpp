#include "base/block_scales.h"

#include <cmath>
#include <cstdint>
#include <limits>

namespace orrery {

namespace {

constexpr int kMostCount = 32;
constexpr float kNothing = 1e-15f;   // smaller magnitudes are 0

// A number of each small block; comparisons give masks, `mask ? a : b` chooses for each.
using Lanes = float __attribute__((vector_size(kSearched * sizeof(float))));
using Mask = int32_t __attribute__((vector_size(kSearched * sizeof(float))));

inline Lanes all(float value) { return Lanes{} + value; }
inline Lanes magnitude(Lanes x) { return x < 0 ? -x : x; }
inline Lanes square_root(Lanes x) {
  for (int lane = 0; lane < kSearched; ++lane) x[lane] = std::sqrt(x[lane]);
  return x;
}

void turn(const float* x, int count, Lanes* values) {
  for (int i = 0; i < count; ++i)
    for (int lane = 0; lane < kSearched; ++lane) values[i][lane] = x[lane * count + i];
}

// Sums over a rounding: of w·q, w·q², w·q·x.
struct Sums {
  Lanes q = {}, qq = {}, qx = {};
};

}  // namespace

void search_scales(const float* x, int count, int most, float* scales) {
  Lanes values[kMostCount], weights[kMostCount], largest = {};
  turn(x, count, values);
  for (int i = 0; i < count; ++i) {
    weights[i] = values[i] * values[i];
    largest = magnitude(values[i]) > magnitude(largest) ? values[i] : largest;
  }
  const auto sums_at = [&](Lanes inverse) {
    Sums sums;
    for (int i = 0; i < count; ++i) {
      const Lanes q = nearest(inverse * values[i], all(float(-most)), all(float(most - 1)));
      sums.qx += weights[i] * values[i] * q;
      sums.qq += weights[i] * q * q;
    }
    return sums;
  };
  // Of scale = qx / qq the error is sum w·x² − qx² / qq: the larger qx² / qq, the better.
  const Sums obvious = sums_at(all(-float(most)) / largest);
  Lanes scale = obvious.qq != 0 ? obvious.qx / obvious.qq : Lanes{};
  Lanes best = scale * obvious.qx;
  for (int k = -9; k <= 9; ++k) {
    if (k == 0) continue;
    const Sums sums = sums_at(all(-(float(most) + 0.1f * float(k))) / largest);
    const Mask better = (sums.qq > 0) & (sums.qx * sums.qx > best * sums.qq);
    scale = better ? sums.qx / sums.qq : scale;
    best = better ? scale * sums.qx : best;
  }
  scale = magnitude(largest) >= kNothing ? scale : Lanes{};
  for (int lane = 0; lane < kSearched; ++lane) scales[lane] = scale[lane];
}

void search_scales_and_mins(const float* x, int count, int most, const Search& search, ScaleAndMin* found) {
  Lanes values[kMostCount], weights[kMostCount], q[kMostCount], squares = {};
  turn(x, count, values);
  for (int i = 0; i < count; ++i) squares += values[i] * values[i];
  const Lanes rms = square_root(squares / float(count));
  Lanes min = all(std::numeric_limits<float>::infinity()), max = -min, sum_w = {}, sum_x = {};
  for (int i = 0; i < count; ++i) {
    weights[i] = rms + magnitude(values[i]);
    sum_w += weights[i];
    sum_x += weights[i] * values[i];
    min = values[i] < min ? values[i] : min;
    max = values[i] > max ? values[i] : max;
  }
  min = min > 0 ? Lanes{} : min;
  const Lanes least = min;
  const Mask any = max > min;

  const auto round_at = [&](float range) {   // from the best min so far
    const Lanes inverse = range / (max - min);
    for (int i = 0; i < count; ++i) q[i] = nearest(inverse * (values[i] - min), Lanes{}, all(float(most)));
  };
  const auto error_of = [&](Lanes scale, Lanes offset) {
    Lanes error = {};
    for (int i = 0; i < count; ++i) {
      const Lanes difference = scale * q[i] + offset - values[i];
      error += weights[i] * (difference * difference);
    }
    return error;
  };
  round_at(float(most));
  Lanes scale = 1 / (float(most) / (max - min));
  Lanes best = error_of(scale, min);
  for (int k = 0; k <= search.steps; ++k) {
    round_at(search.first + search.step * float(k) + float(most));
    Sums sums;
    for (int i = 0; i < count; ++i) {
      sums.q += weights[i] * q[i];
      sums.qq += weights[i] * q[i] * q[i];
      sums.qx += weights[i] * q[i] * values[i];
    }
    const Lanes determinant = sum_w * sums.qq - sums.q * sums.q;
    Lanes this_scale = (sum_w * sums.qx - sum_x * sums.q) / determinant;
    Lanes this_min = (sums.qq * sum_x - sums.q * sums.qx) / determinant;
    this_scale = this_min > 0 ? sums.qx / sums.qq : this_scale;   // a min cannot be added
    this_min = this_min > 0 ? Lanes{} : this_min;
    const Lanes error = error_of(this_scale, this_min);
    const Mask better = (determinant > 0) & (error < best);
    best = better ? error : best;
    scale = better ? this_scale : scale;
    min = better ? this_min : min;
  }
  scale = any ? scale : Lanes{};
  min = any ? min : least;
  for (int lane = 0; lane < kSearched; ++lane) found[lane] = {scale[lane], -min[lane]};
}

}  // namespace orrery
