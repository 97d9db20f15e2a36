// Any bytes as blocks of every format, and any floats into them; floats of a usual size come back as near to what they were as the
// format's steps allow.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/block_format.h"
#include "check.h"

namespace {

// What a format makes of values that share a scale: whole numbers of steps, from 0 or from their min.
struct Rounding {
  int width;           // values that share a scale
  int numbers;         // steps in their largest magnitude; with a min, in their range
  double error;        // of a value, in steps
  bool min;
  int scales;          // a scale (and a min) is one of so many whole numbers of the block's own; 1: a half by itself
  double scale_error;  // then, in steps of those
  bool mean;           // not each value's error is bounded, but its root mean square
};
// The extremes of blocks of 32 are numbers themselves, and so all else is rounded by half a step; but of -8 … 7 and -16 … 15, which
// begin at the largest magnitude, the end has no opposite. The scales of the k-formats are searched for (base/block_scales.h), and what
// is found has no larger weighted error than the obvious scale:
//   q4_k, q5_k  half a step for each value. A weight is from the root mean square r of the values to r + |x|, which is 2r in the mean at
//               most: so the root mean square of the errors is sqrt(2)/2 steps at most, and of any one value 4.
//   q6_k        a step for each value. The weight x² keeps the largest of 16 within 4 steps of its number, -32 or -31: the scale is
//               7/8 of the obvious one or more, and what lies beyond 31 times that is cut off by 32 - 31·7/8 < 5 steps.
constexpr Rounding kRoundings[] = {
    {32, 8, 1, false, 1, 0, false},                  // q4_0
    {32, 15, 0.5, true, 1, 0, false},                // q4_1
    {32, 16, 1, false, 1, 0, false},                 // q5_0
    {32, 31, 0.5, true, 1, 0, false},                // q5_1
    {32, 127, 0.5, false, 1, 0, false},              // q8_0
    {32, 15, 0.5, true, 63, 0.5, true},              // q4_k
    {32, 31, 0.5, true, 63, 0.5, true},              // q5_k
    {16, 32, 5, false, 128, 1, false},               // q6_k: 128 may have to be 127
};

// The error of a number that is stored as a half: of its 11 bits, or where it is small of 2^-24.
double half_error(double x) { return std::max(std::fabs(x) * 0x1p-11, 0x1p-25); }

struct Extremes {
  double low, high, largest;
  Extremes(const float* x, int count) : low(*std::min_element(x, x + count)), high(*std::max_element(x, x + count)), largest(std::max(std::fabs(low), std::fabs(high))) {}
};

void check_block(const Rounding& r, const float* x, const float* again, int count) {
  const bool searched = r.scales > 1;
  const auto low_of = [&](const Extremes& e) { return searched ? std::min(0.0, e.low) : e.low; };   // a searched min is never added
  const auto step_of = [&](const Extremes& e) { return (r.min ? e.high - low_of(e) : e.largest) / r.numbers; };
  // The largest scale and min of all: those that are searched for move the ends of a range by 4 steps at most, as above.
  double scale = 0, min = 0;
  for (int at = 0; at < count; at += r.width) {
    const Extremes e(x + at, r.width);
    scale = std::max(scale, step_of(e) * (searched ? double(r.numbers + 8) / (r.numbers - 1) : 1));
    min = std::max(min, std::fabs(low_of(e)) + (searched ? 4 * step_of(e) : 0));
  }
  const auto stored_error = [&](double largest) { return r.scale_error * largest / r.scales + r.scales * half_error(largest / r.scales); };
  const double of_scales = r.numbers * stored_error(scale) + (r.min ? stored_error(min) : 0);
  for (int at = 0; at < count; at += r.width) {
    const double bound = 1.01 * (r.error * step_of(Extremes(x + at, r.width)) + of_scales);   // 1 %: floats on the way
    double squares = 0;
    for (int i = at; i < at + r.width; ++i) {
      const double error = std::fabs(double(again[i]) - double(x[i]));
      FUZZ_CHECK(r.mean || error <= bound);
      squares += error * error;
    }
    FUZZ_CHECK(!r.mean || squares <= 2 * bound * bound * r.width);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const auto format = orrery::BlockFormat(data[0] % (uint8_t(orrery::BlockFormat::q6_k) + 1));
  const int64_t values = orrery::values_per_block(format), bytes = orrery::bytes_per_block(format);
  const size_t blocks = (size - 1) / size_t(bytes);
  std::vector<float> decoded(blocks * size_t(values));
  orrery::dequantise(format, reinterpret_cast<const std::byte*>(data + 1), decoded.data(), int64_t(decoded.size()));

  std::vector<float> x((size - 1) / (4 * size_t(values)) * size_t(values));
  if (x.empty()) return 0;
  std::memcpy(x.data(), data + 1, x.size() * 4);
  std::vector<std::byte> stored(size_t(orrery::bytes_of(format, int64_t(x.size()))));
  std::vector<float> again(x.size());
  orrery::quantise(format, x.data(), stored.data(), int64_t(x.size()));
  orrery::dequantise(format, stored.data(), again.data(), int64_t(x.size()));
  for (size_t at = 0; at < x.size(); at += size_t(values)) {
    const bool usual = std::all_of(x.begin() + std::ptrdiff_t(at), x.begin() + std::ptrdiff_t(at) + values, [](float value) { return std::fabs(value) < 1000; });
    if (usual) check_block(kRoundings[size_t(format)], &x[at], &again[at], int(values));
  }
  return 0;
}
