// Blocks of 256 values made of small ones, of 32 values with a scale and a min (q4_k, q5_k) or of 16 with a scale (q6_k). The scales are
// searched for (block_scales.h), rounded to whole numbers of a common scale, and the values are rounded for what came of them.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/block_format.h"
#include "base/block_scales.h"
#include "base/dtype.h"

namespace orrery {

namespace {

constexpr int kSmall = 8, kWidth = 32;   // small blocks of q4_k and q5_k, and their values
constexpr int kSixteens = 16;            // of q6_k, of so many values
static_assert(kSmall % kSearched == 0 && kSixteens % kSearched == 0);

void pack_scale(uint8_t* packed, int block, SmallScale small) {
  const auto add = [&](int at, int bits) { packed[at] = uint8_t(packed[at] | bits); };
  if (block < 4) {
    add(block, small.scale);
    add(block + 4, small.min);
  } else {
    add(block + 4, (small.scale & 15) | (small.min & 15) << 4);
    add(block - 4, (small.scale >> 4) << 6);
    add(block, (small.min >> 4) << 6);
  }
}

// d, dmin, scales of the block, and of each value its number, 0 to most.
template <class Block>
void encode_scales(const float* x, int most, const Search& search, Block& block, uint8_t* numbers) {
  ScaleAndMin found[kSmall];
  float max_scale = 0, max_min = 0;
  for (int j = 0; j < kSmall; j += kSearched) search_scales_and_mins(x + kWidth * j, kWidth, most, search, found + j);
  for (int j = 0; j < kSmall; ++j) {
    max_scale = std::max(max_scale, found[j].scale);
    max_min = std::max(max_min, found[j].min);
  }
  block.d = float_to_f16(max_scale / 63);
  block.dmin = float_to_f16(max_min / 63);
  const float inverse_scale = max_scale > 0 ? 63 / max_scale : 0, inverse_min = max_min > 0 ? 63 / max_min : 0;
  std::memset(block.scales, 0, sizeof block.scales);
  for (int j = 0; j < kSmall; ++j) pack_scale(block.scales, j, {rounded(inverse_scale * found[j].scale, 0, 63), rounded(inverse_min * found[j].min, 0, 63)});

  const float d = f16_to_float(block.d), dmin = f16_to_float(block.dmin);
  for (int j = 0; j < kSmall; ++j) {
    const SmallScale small = scales_of(block.scales, j);
    const float scale = d * float(small.scale), min = dmin * float(small.min);
    for (int i = kWidth * j; i < kWidth * (j + 1); ++i) numbers[i] = uint8_t(scale != 0 ? rounded((x[i] + min) / scale, 0, most) : 0);
  }
}

// The low four bits: of each 64 numbers, 32 low and 32 high.
void pack_low(const uint8_t* numbers, uint8_t* q) {
  for (int i = 0; i < 128; ++i) {
    const uint8_t* pair = numbers + 64 * (i / kWidth) + i % kWidth;
    q[i] = uint8_t((pair[0] & 15) | (pair[kWidth] & 15) << 4);
  }
}

// number(j, i): the number of value i of small block j.
template <class Block, class Number>
void decode_scales(const Block& block, float* out, Number number) {
  const float d = f16_to_float(block.d), dmin = f16_to_float(block.dmin);
  for (int j = 0; j < kSmall; ++j) {
    const SmallScale small = scales_of(block.scales, j);
    const float scale = d * float(small.scale), min = dmin * float(small.min);
    for (int i = 0; i < kWidth; ++i) out[kWidth * j + i] = scale * float(number(j, i)) - min;
  }
}
int low_of(const uint8_t* q, int j, int i) {
  const uint8_t byte = q[kWidth * (j / 2) + i];
  return j % 2 == 0 ? byte & 15 : byte >> 4;
}

}  // namespace

// Twelve bytes: of small blocks 0 to 3 the scales, then the mins, with two bits to spare each; there are the upper bits of small blocks 4
// to 7, whose lower four bits share the last four bytes.
SmallScale scales_of(const uint8_t* packed, int block) {
  if (block < 4) return {packed[block] & 63, packed[block + 4] & 63};
  return {(packed[block + 4] & 15) | (packed[block - 4] >> 6) << 4, (packed[block + 4] >> 4) | (packed[block] >> 6) << 4};
}

void decode(const BlockQ4_K& block, float* out) {
  decode_scales(block, out, [&](int j, int i) { return low_of(block.q, j, i); });
}
void encode(const float* x, BlockQ4_K& block) {
  uint8_t numbers[BlockQ4_K::kValues];
  encode_scales(x, 15, {-1.0f, 0.1f, 20}, block, numbers);
  pack_low(numbers, block.q);
}

void decode(const BlockQ5_K& block, float* out) {
  decode_scales(block, out, [&](int j, int i) { return low_of(block.q, j, i) | (block.high[i] >> j & 1) << 4; });
}
void encode(const float* x, BlockQ5_K& block) {
  uint8_t numbers[BlockQ5_K::kValues];
  encode_scales(x, 31, {-0.5f, 0.1f, 15}, block, numbers);
  pack_low(numbers, block.q);
  for (int i = 0; i < kWidth; ++i) {
    int bits = 0;
    for (int j = 0; j < kSmall; ++j) bits |= (numbers[kWidth * j + i] >> 4) << j;
    block.high[i] = uint8_t(bits);
  }
}

void decode(const BlockQ6_K& block, float* out) {
  const float d = f16_to_float(block.d);
  for (int i = 0; i < block.kValues; ++i) {
    const int half = i / 128, at = i % 128;
    const uint8_t low = block.low[64 * half + at % 64], high = block.high[32 * half + at % 32];
    const int number = (at < 64 ? low & 15 : low >> 4) | (high >> (2 * (at / 32)) & 3) << 4;
    out[i] = d * float(block.scales[i / 16]) * float(number - 32);
  }
}
void encode(const float* x, BlockQ6_K& block) {
  std::memset(&block, 0, sizeof block);
  float found[kSixteens], largest = 0;
  for (int j = 0; j < kSixteens; j += kSearched) search_scales(x + 16 * j, 16, 32, found + j);
  for (int j = 0; j < kSixteens; ++j) {
    if (std::fabs(found[j]) > std::fabs(largest)) largest = found[j];
  }
  if (!(std::fabs(largest) >= 1e-15f)) return;
  const float inverse = -128 / largest;
  block.d = float_to_f16(1 / inverse);
  for (int j = 0; j < kSixteens; ++j) block.scales[j] = int8_t(rounded(inverse * found[j], -128, 127));

  const float d = f16_to_float(block.d);
  for (int i = 0; i < block.kValues; ++i) {
    const int half = i / 128, at = i % 128;
    const float scale = d * float(block.scales[i / 16]);
    const int number = 32 + (scale != 0 ? rounded(x[i] / scale, -32, 31) : 0);
    uint8_t &low = block.low[64 * half + at % 64], &high = block.high[32 * half + at % 32];
    low = uint8_t(low | (number & 15) << (at < 64 ? 0 : 4));
    high = uint8_t(high | (number >> 4) << (2 * (at / 32)));
  }
}

}  // namespace orrery
