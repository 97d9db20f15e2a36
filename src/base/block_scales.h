// Searches for the scales of small blocks: the numbers are rounded for a few scales near the obvious one, for each rounding the best
// scale follows by least squares, and the one with the least weighted error is kept. Four small blocks are searched side by side.
#pragma once

namespace orrery {

constexpr int kSearched = 4;

// To the nearest whole number, ties to even, within [least, most]; what is no number gives `least`. Without a branch, so that loops of it are
// vectorised. Of a float, or of several in one register.
template <class Floats>
inline Floats nearest(Floats value, Floats least, Floats most) {
  constexpr float kShift = 12582912.0f;   // 1.5 · 2^23: the sum has no bits below 1
  value = value > least ? value : least;
  value = value < most ? value : most;
  return (value + kShift) - kShift;
}
inline int rounded(float value, int least, int most) { return int(nearest(value, float(least), float(most))); }

// Of kSearched small blocks of `count` values each, one behind the other.
// x ≈ scale·q, q in [-most, most - 1]; errors weigh as the square of the value. 0 where all values are (nearly) 0.
void search_scales(const float* x, int count, int most, float* scales);

struct ScaleAndMin {
  float scale = 0, min = 0;   // min >= 0
};
// Scales tried: (range of x) / (most + first + step·k), k = 0 … steps.
struct Search {
  float first, step;
  int steps;
};
// x ≈ scale·q − min, q in [0, most]; errors weigh as the root mean square of x plus the value's magnitude.
void search_scales_and_mins(const float* x, int count, int most, const Search& search, ScaleAndMin* found);

}  // namespace orrery
