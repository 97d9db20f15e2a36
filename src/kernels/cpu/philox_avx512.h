// philox.h in 512-bit registers. Included by philox.h only.
#pragma once

namespace orrery::cpu::avx512 {

// A 32-bit word of each of eight counters, in the lower halves of 64-bit lanes; what the upper halves hold is not used.
struct Words {
  static constexpr int64_t kCounters = 8;
  __m512i r;

  static Words broadcast(uint32_t word) { return {_mm512_set1_epi64(int64_t(word))}; }
  // first + counter. The order of the lanes is the one that interleaving in kept_lanes makes straight.
  static Words consecutive(uint32_t first) {
    return {_mm512_add_epi64(_mm512_set1_epi64(int64_t(first)), _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7))};
  }
};
inline Words operator^(Words a, Words b) { return {_mm512_xor_si512(a.r, b.r)}; }
inline Words operator+(Words a, Words b) { return {_mm512_add_epi64(a.r, b.r)}; }
// All 64 bits; high() is the upper half of them.
inline Words product(Words a, Words b) { return {_mm512_maskz_mul_epu32(__mmask8(0xff), a.r, b.r)}; }
inline Words high(Words a) { return {_mm512_maskz_srli_epi64(__mmask8(0xff), a.r, 32)}; }

inline KeptPair kept_lanes(Words a, Words b, Words c, Words d, uint32_t threshold) {
  const __m512i ab = _mm512_mask_blend_epi32(__mmask16(0xaaaa), a.r, _mm512_maskz_slli_epi64(__mmask8(0xff), b.r, 32));
  const __m512i cd = _mm512_mask_blend_epi32(__mmask16(0xaaaa), c.r, _mm512_maskz_slli_epi64(__mmask8(0xff), d.r, 32));
  const __m512i limit = _mm512_set1_epi32(int(threshold));
  const auto kept = [&](__m512i bits) {
    return Mask<float>{_mm512_cmpge_epi32_mask(_mm512_maskz_srli_epi32(__mmask16(0xffff), bits, 8), limit)};
  };
  return {kept(_mm512_maskz_unpacklo_epi64(__mmask8(0xff), ab, cd)),
          kept(_mm512_maskz_unpackhi_epi64(__mmask8(0xff), ab, cd))};
}

}  // namespace orrery::cpu::avx512
