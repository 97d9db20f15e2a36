// Products of a block of attention in tiles of pairs of bf16 (tiles_avx512.h): 16 rows, of queries or of probabilities.
#pragma once

#include "kernels/attention.h"
#include "kernels/cpu/tiles_avx512.h"

namespace orrery::cpu::avx512 {

constexpr int64_t kTileWords = kTileBytes / 4;   // of a row

// What sums start from: nothing, or what they hold.
template <int t, bool kOnto>
[[gnu::always_inline]] inline void start_tile(const float* sums, int64_t sums_stride) {
  if constexpr (kOnto) load_tile<t>(sums, sums_stride * 4);
  else clear_tile<t>();
}

// sums[16][columns] = rows b, of `steps` pairs (whole tiles of 16): rows [16][steps]; 64 columns of b[steps][b_stride]. With kOnto +=.
template <bool kOnto = false>
inline void multiply_by_tiles(const float* rows, int64_t steps, const float* b, int64_t b_stride, float* sums, int64_t sums_stride) {
  start_tile<0, kOnto>(sums, sums_stride);
  start_tile<1, kOnto>(sums + kTileWords, sums_stride);
  start_tile<2, kOnto>(sums + 2 * kTileWords, sums_stride);
  start_tile<3, kOnto>(sums + 3 * kTileWords, sums_stride);
  for (int64_t s = 0; s < steps; s += kTileWords) {
    const float* at = b + s * b_stride;
    load_tile<6>(rows + s, steps * 4);
    load_tile<4>(at, b_stride * 4);
    multiply_pairs<0, 6, 4>();
    load_tile<5>(at + kTileWords, b_stride * 4);
    multiply_pairs<1, 6, 5>();
    load_tile<4>(at + 2 * kTileWords, b_stride * 4);
    multiply_pairs<2, 6, 4>();
    load_tile<5>(at + 3 * kTileWords, b_stride * 4);
    multiply_pairs<3, 6, 5>();
  }
  store_tile<0>(sums, sums_stride * 4);
  store_tile<1>(sums + kTileWords, sums_stride * 4);
  store_tile<2>(sums + 2 * kTileWords, sums_stride * 4);
  store_tile<3>(sums + 3 * kTileWords, sums_stride * 4);
}
// The same of 16 columns.
template <bool kOnto = false>
inline void multiply_by_tile(const float* rows, int64_t steps, const float* b, int64_t b_stride, float* sums, int64_t sums_stride) {
  start_tile<0, kOnto>(sums, sums_stride);
  for (int64_t s = 0; s < steps; s += kTileWords) {
    load_tile<6>(rows + s, steps * 4);
    load_tile<4>(b + s * b_stride, b_stride * 4);
    multiply_pairs<0, 6, 4>();
  }
  store_tile<0>(sums, sums_stride * 4);
}

// queries [16][words] against the chunk's keys [words][kKeyChunk].
inline void scores_in_tiles(const float* queries, int64_t words, const float* keys, float* scores) {
  static_assert(kKeyChunk == 4 * kTileWords);
  multiply_by_tiles(queries, words, keys, kKeyChunk, scores, kKeyChunk);
}

// rows [16][steps] against b [steps][padded_dim]: of probabilities and values, of gradients and keys or queries.
template <bool kOnto = false>
inline void mix_in_tiles(const float* rows, int64_t steps, const float* b, int64_t padded_dim, float* sums) {
  int64_t x = 0;
  for (; padded_dim - x >= 4 * kTileWords; x += 4 * kTileWords) multiply_by_tiles<kOnto>(rows, steps, b + x, padded_dim, sums + x, padded_dim);
  for (; x < padded_dim; x += kTileWords) multiply_by_tile<kOnto>(rows, steps, b + x, padded_dim, sums + x, padded_dim);
}

}  // namespace orrery::cpu::avx512
