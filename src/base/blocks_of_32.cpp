// Blocks of 32 values: the scale follows from the block's extremes alone.
//   q4_0, q5_0   the value of largest magnitude becomes the lowest number, -8 or -16, so that all of one sign's range is used
//   q4_1, q5_1   the smallest value becomes 0, the largest 15 or 31
//   q8_0         the largest magnitude becomes 127
#include <cmath>

#include "base/block_format.h"
#include "base/dtype.h"

namespace orrery {

namespace {

constexpr int kHalf = 16;

float inverse(float d) { return d != 0 ? 1 / d : 0; }

// A value that is above 0 or nearly, cut to a whole number of 0 to `most`.
int cut(float value, int most) { return value >= float(most) ? most : value > 0 ? int(value) : 0; }

float largest_by_magnitude(const float* x) {
  float largest = 0;
  for (int i = 0; i < 2 * kHalf; ++i)
    if (std::fabs(x[i]) > std::fabs(largest)) largest = x[i];
  return largest;
}

struct Range {
  float min, max;
};
Range range_of(const float* x) {
  Range range{x[0], x[0]};
  for (int i = 1; i < 2 * kHalf; ++i) {
    if (x[i] < range.min) range.min = x[i];
    if (x[i] > range.max) range.max = x[i];
  }
  return range;
}

// number(x): the whole number that stands for it.
template <class Number>
void pack_low(const float* x, uint8_t* q, Number number) {
  for (int i = 0; i < kHalf; ++i) q[i] = uint8_t((number(x[i]) & 15) | (number(x[i + kHalf]) & 15) << 4);
}
template <class Number>
void pack_high(const float* x, uint8_t* high, Number number) {
  for (int byte = 0; byte < 4; ++byte) {
    int bits = 0;
    for (int bit = 0; bit < 8; ++bit) bits |= (number(x[8 * byte + bit]) >> 4) << bit;
    high[byte] = uint8_t(bits);
  }
}

int low_of(const uint8_t* q, int i) { return i < kHalf ? q[i] & 15 : q[i - kHalf] >> 4; }
int with_high(const uint8_t* q, const uint8_t* high, int i) { return low_of(q, i) | (high[i / 8] >> (i % 8) & 1) << 4; }

}  // namespace

void decode(const BlockQ4_0& block, float* out) {
  const float d = f16_to_float(block.d);
  for (int i = 0; i < block.kValues; ++i) out[i] = d * float(low_of(block.q, i) - 8);
}
void encode(const float* x, BlockQ4_0& block) {
  const float d = largest_by_magnitude(x) / -8, inverse_d = inverse(d);
  block.d = float_to_f16(d);
  pack_low(x, block.q, [&](float value) { return cut(value * inverse_d + 8.5f, 15); });
}

void decode(const BlockQ4_1& block, float* out) {
  const float d = f16_to_float(block.d), m = f16_to_float(block.m);
  for (int i = 0; i < block.kValues; ++i) out[i] = d * float(low_of(block.q, i)) + m;
}
void encode(const float* x, BlockQ4_1& block) {
  const Range range = range_of(x);
  const float d = (range.max - range.min) / 15, inverse_d = inverse(d);
  block.d = float_to_f16(d);
  block.m = float_to_f16(range.min);
  pack_low(x, block.q, [&](float value) { return cut((value - range.min) * inverse_d + 0.5f, 15); });
}

void decode(const BlockQ5_0& block, float* out) {
  const float d = f16_to_float(block.d);
  for (int i = 0; i < block.kValues; ++i) out[i] = d * float(with_high(block.q, block.high, i) - 16);
}
void encode(const float* x, BlockQ5_0& block) {
  const float d = largest_by_magnitude(x) / -16, inverse_d = inverse(d);
  block.d = float_to_f16(d);
  const auto number = [&](float value) { return cut(value * inverse_d + 16.5f, 31); };
  pack_low(x, block.q, number);
  pack_high(x, block.high, number);
}

void decode(const BlockQ5_1& block, float* out) {
  const float d = f16_to_float(block.d), m = f16_to_float(block.m);
  for (int i = 0; i < block.kValues; ++i) out[i] = d * float(with_high(block.q, block.high, i)) + m;
}
void encode(const float* x, BlockQ5_1& block) {
  const Range range = range_of(x);
  const float d = (range.max - range.min) / 31, inverse_d = inverse(d);
  block.d = float_to_f16(d);
  block.m = float_to_f16(range.min);
  const auto number = [&](float value) { return cut((value - range.min) * inverse_d + 0.5f, 31); };
  pack_low(x, block.q, number);
  pack_high(x, block.high, number);
}

void decode(const BlockQ8_0& block, float* out) {
  const float d = f16_to_float(block.d);
  for (int i = 0; i < block.kValues; ++i) out[i] = d * float(block.q[i]);
}
void encode(const float* x, BlockQ8_0& block) {
  const float d = std::fabs(largest_by_magnitude(x)) / 127, inverse_d = inverse(d);
  block.d = float_to_f16(d);
  for (int i = 0; i < block.kValues; ++i) {
    const float scaled = x[i] * inverse_d, magnitude = std::fabs(scaled);
    const int whole = cut(magnitude, 127);                                   // halves round away from 0
    const int rounded = whole + (whole < 127 && magnitude - float(whole) >= 0.5f ? 1 : 0);
    block.q[i] = int8_t(scaled < 0 ? -rounded : rounded);
  }
}

}  // namespace orrery
