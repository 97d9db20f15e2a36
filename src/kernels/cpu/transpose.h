// Transposing by blocks of 8 x 8 (on aarch64 4 x 4, slivers with AVX-512 16 x 16) in registers:  to[c * to_stride + r] = from[r * from_stride + c].
// From float, Bf16 or F16 to float (widened), or from a 16-bit type to itself.
#pragma once

#include <algorithm>
#include <type_traits>

#include "kernels/cpu/rows.h"
#include "kernels/cpu/vec.h"

#ifdef ORRERY_ISA_neon
#include "kernels/cpu/transpose_neon.h"  // IWYU pragma: export
#else

namespace orrery::cpu::ORRERY_ISA {

constexpr int64_t kTransposed = 8;   // rows and columns of a block

inline __m256i first_of_8(int64_t lanes) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(int(lanes)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

// Eight elements as eight lanes of 32 bits: a float each, or (16-bit to itself) the bits.
template <class To>
__m256 lanes_of_8(const float* from) {
  return _mm256_loadu_ps(from);
}
template <class To>
__m256 lanes_of_8(const Bf16* from) {
  const __m256i bits = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
  return _mm256_castsi256_ps(sizeof(To) == 2 ? bits : _mm256_slli_epi32(bits, 16));
}
template <class To>
__m256 lanes_of_8(const F16* from) {
  const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  return sizeof(To) == 2 ? _mm256_castsi256_ps(_mm256_cvtepu16_epi32(bits)) : _mm256_cvtph_ps(bits);
}

inline void store_8(__m256 lanes, float* to, int64_t count) {
  if (count >= 8)
    _mm256_storeu_ps(to, lanes);
  else
    _mm256_maskstore_ps(to, first_of_8(count), lanes);
}
template <class To>
void store_8(__m256 lanes, To* to, int64_t count) {
  const __m256i bits = _mm256_castps_si256(lanes);
  const __m128i packed = _mm_packus_epi32(_mm256_castsi256_si128(bits), _mm256_extracti128_si256(bits, 1));
  if (count >= 8) return _mm_storeu_si128(reinterpret_cast<__m128i*>(to), packed);
  alignas(16) To kept[8];
  _mm_store_si128(reinterpret_cast<__m128i*>(kept), packed);
  for (int64_t i = 0; i < count; ++i) to[i] = kept[i];
}

// Row r of the block goes in as half r % 4, r / 4 of four pairs: [row r | row r + 4] of columns 0-3 and of columns 4-7.
struct Block8 {
  __m256 low[4], high[4];
};
inline Block8 paired(const __m256 (&rows)[8]) {
  Block8 block;
#pragma GCC unroll 4
  for (int r = 0; r < 4; ++r) {
    block.low[r] = _mm256_permute2f128_ps(rows[r], rows[r + 4], 0x20);
    block.high[r] = _mm256_permute2f128_ps(rows[r], rows[r + 4], 0x31);
  }
  return block;
}
// Four columns from four pairs.
inline void turn(const __m256 (&pairs)[4], __m256* columns) {
  const __m256 a = _mm256_unpacklo_ps(pairs[0], pairs[1]), b = _mm256_unpackhi_ps(pairs[0], pairs[1]);
  const __m256 c = _mm256_unpacklo_ps(pairs[2], pairs[3]), d = _mm256_unpackhi_ps(pairs[2], pairs[3]);
  columns[0] = _mm256_shuffle_ps(a, c, 0x44);
  columns[1] = _mm256_shuffle_ps(a, c, 0xee);
  columns[2] = _mm256_shuffle_ps(b, d, 0x44);
  columns[3] = _mm256_shuffle_ps(b, d, 0xee);
}

// Eight columns of `rows` rows, the last of which stands for those that are not there. Loading by halves leaves the shuffle port free.
[[gnu::always_inline]] inline Block8 loaded_by_halves(const float* from, int64_t from_stride, int64_t rows) {
  Block8 block;
#pragma GCC unroll 4
  for (int64_t r = 0; r < 4; ++r) {
    const float *upper = from + (r < rows ? r : rows - 1) * from_stride, *lower = from + (r + 4 < rows ? r + 4 : rows - 1) * from_stride;
    block.low[r] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(upper)), _mm_loadu_ps(lower), 1);
    block.high[r] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(upper + 4)), _mm_loadu_ps(lower + 4), 1);
  }
  return block;
}

template <class From, class To>
void transpose_block(const From* from, int64_t from_stride, int64_t rows, int64_t cols, To* to, int64_t to_stride) {
  Block8 block;
  if (std::is_same_v<From, float> && rows >= 8 && cols >= 8) {
    block = loaded_by_halves(reinterpret_cast<const float*>(from), from_stride, 8);
  } else {
    __m256 in[8];
    for (int64_t r = 0; r < 8; ++r) {
      in[r] = _mm256_setzero_ps();
      if (r >= rows) continue;
      if (cols >= 8) {
        in[r] = lanes_of_8<To>(from + r * from_stride);
      } else {
        From kept[8] = {};
        for (int64_t c = 0; c < cols; ++c) kept[c] = from[r * from_stride + c];
        in[r] = lanes_of_8<To>(kept);
      }
    }
    block = paired(in);
  }
  __m256 out[8];
  turn(block.low, out);
  turn(block.high, out + 4);
  if (cols >= 8) {
#pragma GCC unroll 8
    for (int64_t c = 0; c < 8; ++c) store_8(out[c], to + c * to_stride, rows);
  } else {
    for (int64_t c = 0; c < cols; ++c) store_8(out[c], to + c * to_stride, rows);
  }
}

#ifdef ORRERY_ISA_avx512
// 16 rows of 16 numbers, turned: row r's number c becomes row c's number r.
[[gnu::always_inline]] inline void turn_16(Floats (&rows)[16]) {
  __m512 ones[16], fours[16];   // neighbours; then in part l of fours[4 g + c], column 4 l + c of rows 4 g to 4 g + 3
#pragma GCC unroll 8
  for (int r = 0; r < 16; r += 2) {
    ones[r] = _mm512_unpacklo_ps(rows[r].r, rows[r + 1].r);
    ones[r + 1] = _mm512_unpackhi_ps(rows[r].r, rows[r + 1].r);
  }
#pragma GCC unroll 4
  for (int r = 0; r < 16; r += 4)
#pragma GCC unroll 2
    for (int c = 0; c < 2; ++c) {
      const __m512d upper = _mm512_castps_pd(ones[r + c]), lower = _mm512_castps_pd(ones[r + c + 2]);
      fours[r + 2 * c] = _mm512_castpd_ps(_mm512_unpacklo_pd(upper, lower));
      fours[r + 2 * c + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(upper, lower));
    }
#pragma GCC unroll 4
  for (int c = 0; c < 4; ++c) {
    const __m512 even = _mm512_shuffle_f32x4(fours[c], fours[4 + c], 0x88), even_below = _mm512_shuffle_f32x4(fours[8 + c], fours[12 + c], 0x88);
    const __m512 odd = _mm512_shuffle_f32x4(fours[c], fours[4 + c], 0xdd), odd_below = _mm512_shuffle_f32x4(fours[8 + c], fours[12 + c], 0xdd);
    rows[c].r = _mm512_shuffle_f32x4(even, even_below, 0x88);
    rows[4 + c].r = _mm512_shuffle_f32x4(odd, odd_below, 0x88);
    rows[8 + c].r = _mm512_shuffle_f32x4(even, even_below, 0xdd);
    rows[12 + c].r = _mm512_shuffle_f32x4(odd, odd_below, 0xdd);
  }
}

// to[c * rows + r] = number c of row r, of up to 16 rows, where up to 15 floats beyond the last may be overwritten. numbers(r, c, lanes): those of row r
// from c on.
template <class Numbers>
[[gnu::always_inline]] inline void turn_to_sliver(int64_t rows, int64_t cols, float* to, Numbers numbers) {
  each_vector(cols, [&](int64_t c, auto lanes) __attribute__((always_inline)) {
    Floats block[16];
#pragma GCC unroll 16
    for (int64_t r = 0; r < 16; ++r) block[r] = numbers(std::min(r, rows - 1), c, lanes);
    turn_16(block);
#pragma GCC unroll 16
    for (int64_t i = 0; i < 16; ++i)
      if (c + i < cols) block[i].store(to + (c + i) * rows);
  });
}
inline void transpose_to_sliver(const float* from, int64_t from_stride, int64_t rows, int64_t cols, float* to) {
  turn_to_sliver(rows, cols, to, [&](int64_t r, int64_t c, auto lanes) __attribute__((always_inline)) { return load(from + r * from_stride + c, lanes); });
}
#else
// to[c * rows + r] = from[r * from_stride + c], where up to 7 floats beyond the last may be overwritten: whole stores, as some processors are
// very slow to store parts of a register. Each goes on to where a later one begins.
inline void transpose_to_sliver(const float* from, int64_t from_stride, int64_t rows, int64_t cols, float* to) {
  int64_t c = 0;
  for (; c + 8 <= cols; c += 8)
    for (int64_t r = (rows - 1) / 8 * 8; r >= 0; r -= 8) {
      const Block8 block = loaded_by_halves(from + r * from_stride + c, from_stride, rows - r);
      __m256 out[8];
      turn(block.low, out);
      turn(block.high, out + 4);
#pragma GCC unroll 8
      for (int64_t i = 0; i < 8; ++i) _mm256_storeu_ps(to + (c + i) * rows + r, out[i]);
    }
  for (; c < cols; ++c)
    for (int64_t r = 0; r < rows; ++r) to[c * rows + r] = from[r * from_stride + c];
}
#endif

}  // namespace orrery::cpu::ORRERY_ISA

#endif

namespace orrery::cpu::ORRERY_ISA {

template <class From, class To>
void transpose(const From* from, int64_t from_stride, int64_t rows, int64_t cols, To* to, int64_t to_stride) {
  for (int64_t c = 0; c < cols; c += kTransposed)
    for (int64_t r = 0; r < rows; r += kTransposed)
      transpose_block(from + r * from_stride + c, from_stride, rows - r, cols - c, to + c * to_stride + r, to_stride);
}

#ifdef ORRERY_ISA_neon
inline void transpose_to_sliver(const float* from, int64_t from_stride, int64_t rows, int64_t cols, float* to) { transpose(from, from_stride, rows, cols, to, rows); }
#endif

}  // namespace orrery::cpu::ORRERY_ISA
