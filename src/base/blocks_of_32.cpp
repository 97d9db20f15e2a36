// Blocks of 32 values: the scale follows from the block's extremes alone.
//   q4_0, q5_0   the value of largest magnitude becomes the lowest number, -8 or -16, so that all of one sign's range is used
//   q4_1, q5_1   the smallest value becomes 0, the largest 15 or 31
//   q8_0         the largest magnitude becomes 127
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "base/block_format.h"
#include "base/dtype.h"

namespace orrery {

namespace {

constexpr int kHalf = 16, kValues = 2 * kHalf;

float inverse(float d) { return d != 0 ? 1 / d : 0; }

// The loops here have no branches, and where only the larger one counts, floats are compared by their bits: so they are vectorised.

// A value that is above 0 or nearly, cut to a whole number of 0 to `most`; 0 for what is no number.
int cut(float value, int most) {
  value = value > 0 ? value : 0;
  value = value < float(most) ? value : float(most);
  return int(value);
}

constexpr int32_t kInfinity = 0x7f800000;   // its bits; those of what is no number are above

// The first one of that; 0 where all are.
float largest_by_magnitude(const float* x) {
  int32_t bits[kValues], largest = 0, above = 0, below = 0;
  std::memcpy(bits, x, sizeof bits);
  for (int i = 0; i < kValues; ++i) {
    const int32_t magnitude = bits[i] & INT32_MAX;
    largest = std::max(largest, magnitude > kInfinity ? 0 : magnitude);
  }
  for (int i = 0; i < kValues; ++i) {
    above |= bits[i] == largest ? 1 : 0;
    below |= bits[i] == (largest | INT32_MIN) ? 1 : 0;
  }
  const float value = std::bit_cast<float>(largest);
  if (value == 0 || !below) return value;
  return above ? *std::find_if(x, x + kValues, [&](float one) { return std::fabs(one) == value; }) : -value;
}

struct Range {
  float min, max;
};
Range range_of(const float* x) {
  const auto turned = [](int32_t bits) { return bits ^ ((bits >> 31) & INT32_MAX); };   // orders those below 0 too; its own inverse
  int32_t bits[kValues], least = INT32_MAX, most = INT32_MIN;
  std::memcpy(bits, x, sizeof bits);
  for (int i = 0; i < kValues; ++i) {
    least = std::min(least, turned(bits[i]));
    most = std::max(most, turned(bits[i]));
  }
  const auto number = [&](int32_t found) {
    const float value = std::bit_cast<float>(turned(found));
    return value == 0 ? *std::find(x, x + kValues, 0.0f) : value;   // of both zeros the first
  };
  return {number(least), number(most)};
}

// number(x): the whole number that stands for it.
template <class Number>
void pack_low(const float* x, uint8_t* q, Number number) {
  for (int i = 0; i < kHalf; ++i) q[i] = uint8_t((number(x[i]) & 15) | (number(x[i + kHalf]) & 15) << 4);
}
template <class Number>
void pack_high(const float* x, uint8_t* high, Number number) {
  uint8_t ones[kValues];
  for (int i = 0; i < kValues; ++i) ones[i] = uint8_t(number(x[i]) >> 4);
  for (int byte = 0; byte < kValues / 8; ++byte) {
    int bits = 0;
    for (int bit = 0; bit < 8; ++bit) bits |= ones[8 * byte + bit] << bit;
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
  for (int i = 0; i < kValues; ++i) {
    const float scaled = x[i] * inverse_d;
    const int rounded = (cut(2 * std::fabs(scaled), 2 * 127) + 1) >> 1, sign = std::bit_cast<int32_t>(scaled) >> 31;   // halves away from 0
    block.q[i] = int8_t((rounded ^ sign) - sign);
  }
}

}  // namespace orrery
