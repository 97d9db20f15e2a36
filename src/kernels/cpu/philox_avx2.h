// philox.h in 256-bit registers. Included by philox.h only.
#pragma once

namespace orrery::cpu::avx2 {

// A 32-bit word of each of four counters, in the lower halves of 64-bit lanes; what the upper halves hold is not used.
struct Words {
  static constexpr int64_t kCounters = 4;
  __m256i r;

  static Words broadcast(uint32_t word) { return {_mm256_set1_epi64x(int64_t(word))}; }
  // first + counter. The order of the lanes is the one that interleaving in kept_lanes makes straight.
  static Words consecutive(uint32_t first) {
    return {_mm256_add_epi64(_mm256_set1_epi64x(int64_t(first)), _mm256_setr_epi64x(0, 2, 1, 3))};
  }
};
inline Words operator^(Words a, Words b) { return {_mm256_xor_si256(a.r, b.r)}; }
inline Words operator+(Words a, Words b) { return {_mm256_add_epi64(a.r, b.r)}; }
// All 64 bits; high() is the upper half of them.
inline Words product(Words a, Words b) { return {_mm256_mul_epu32(a.r, b.r)}; }
inline Words high(Words a) { return {_mm256_srli_epi64(a.r, 32)}; }

inline KeptPair kept_lanes(Words a, Words b, Words c, Words d, uint32_t threshold) {
  const __m256i ab = _mm256_blend_epi32(a.r, _mm256_slli_epi64(b.r, 32), 0xaa);
  const __m256i cd = _mm256_blend_epi32(c.r, _mm256_slli_epi64(d.r, 32), 0xaa);
  const __m256i limit = _mm256_set1_epi32(int(threshold));
  const auto kept = [&](__m256i bits) {
    return ~Mask<float>{_mm256_castsi256_ps(_mm256_cmpgt_epi32(limit, _mm256_srli_epi32(bits, 8)))};
  };
  return {kept(_mm256_unpacklo_epi64(ab, cd)), kept(_mm256_unpackhi_epi64(ab, cd))};
}

}  // namespace orrery::cpu::avx2
