// vec.h in 512-bit registers. Included by vec.h only.
#pragma once

namespace orrery::cpu::avx512 {

// The first `lanes` bits set, for any lanes.
inline __mmask16 lane_bits16(int64_t lanes) {
  return lanes >= 16 ? __mmask16(0xffff) : lanes <= 0 ? __mmask16(0) : __mmask16((1u << lanes) - 1);
}
inline __mmask8 lane_bits8(int64_t lanes) {
  return lanes >= 8 ? __mmask8(0xff) : lanes <= 0 ? __mmask8(0) : __mmask8((1u << lanes) - 1);
}

template <>
struct Mask<float> {
  __mmask16 bits;
};
template <>
struct Mask<double> {
  __mmask8 bits;
};

template <>
struct Vec<float> {
  static constexpr int64_t kLanes = 16;
  __m512 r;

  static Vec zero() { return {_mm512_setzero_ps()}; }
  static Vec broadcast(float s) { return {_mm512_set1_ps(s)}; }
  static Vec load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static Vec load(const float* p, int64_t lanes) { return {_mm512_maskz_loadu_ps(lane_bits16(lanes), p)}; }
  void store(float* p) const { _mm512_storeu_ps(p, r); }
  void store(float* p, int64_t lanes) const { _mm512_mask_storeu_ps(p, lane_bits16(lanes), r); }
};

template <>
struct Vec<double> {
  static constexpr int64_t kLanes = 8;
  __m512d r;

  static Vec zero() { return {_mm512_setzero_pd()}; }
  static Vec broadcast(double s) { return {_mm512_set1_pd(s)}; }
  static Vec load(const double* p) { return {_mm512_loadu_pd(p)}; }
  static Vec load(const double* p, int64_t lanes) { return {_mm512_maskz_loadu_pd(lane_bits8(lanes), p)}; }
  void store(double* p) const { _mm512_storeu_pd(p, r); }
  void store(double* p, int64_t lanes) const { _mm512_mask_storeu_pd(p, lane_bits8(lanes), r); }
};

inline Vec<float> operator+(Vec<float> a, Vec<float> b) { return {_mm512_add_ps(a.r, b.r)}; }
inline Vec<float> operator-(Vec<float> a, Vec<float> b) { return {_mm512_sub_ps(a.r, b.r)}; }
inline Vec<float> operator*(Vec<float> a, Vec<float> b) { return {_mm512_mul_ps(a.r, b.r)}; }
inline Vec<float> operator/(Vec<float> a, Vec<float> b) { return {_mm512_div_ps(a.r, b.r)}; }
inline Vec<float> operator-(Vec<float> a) { return {_mm512_xor_ps(a.r, _mm512_set1_ps(-0.0f))}; }
inline Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) { return {_mm512_fmadd_ps(a.r, b.r, c.r)}; }
inline Vec<float> fnma(Vec<float> a, Vec<float> b, Vec<float> c) { return {_mm512_fnmadd_ps(a.r, b.r, c.r)}; }
inline Vec<float> min(Vec<float> a, Vec<float> b) { return {_mm512_min_ps(a.r, b.r)}; }
inline Vec<float> max(Vec<float> a, Vec<float> b) { return {_mm512_max_ps(a.r, b.r)}; }
inline Vec<float> sqrt(Vec<float> a) { return {_mm512_sqrt_ps(a.r)}; }
inline Vec<float> abs(Vec<float> a) { return {_mm512_andnot_ps(_mm512_set1_ps(-0.0f), a.r)}; }
inline Vec<float> round(Vec<float> a) {
  return {_mm512_roundscale_ps(a.r, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
inline Vec<float> floor(Vec<float> a) { return {_mm512_roundscale_ps(a.r, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)}; }
inline Vec<float> ldexp(Vec<float> x, Vec<float> n) { return {_mm512_scalef_ps(x.r, n.r)}; }
// x 2^n for integral n in [-126, 127]; NaN stays.
inline Vec<float> times_power_of_two(Vec<float> x, Vec<float> n) { return ldexp(x, n); }
inline Vec<float> exponent(Vec<float> x) { return {_mm512_getexp_ps(x.r)}; }
inline Vec<float> mantissa(Vec<float> x) { return {_mm512_getmant_ps(x.r, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src)}; }

inline Mask<float> less(Vec<float> a, Vec<float> b) { return {_mm512_cmp_ps_mask(a.r, b.r, _CMP_LT_OQ)}; }
inline Mask<float> equal(Vec<float> a, Vec<float> b) { return {_mm512_cmp_ps_mask(a.r, b.r, _CMP_EQ_OQ)}; }
inline Mask<float> is_nan(Vec<float> a) { return {_mm512_cmp_ps_mask(a.r, a.r, _CMP_UNORD_Q)}; }
inline Mask<float> operator&(Mask<float> a, Mask<float> b) { return {__mmask16(a.bits & b.bits)}; }
inline Mask<float> operator|(Mask<float> a, Mask<float> b) { return {__mmask16(a.bits | b.bits)}; }
inline Mask<float> operator~(Mask<float> a) { return {__mmask16(~a.bits)}; }
inline bool any(Mask<float> m) { return m.bits != 0; }
inline Vec<float> select(Mask<float> m, Vec<float> a, Vec<float> b) { return {_mm512_mask_blend_ps(m.bits, b.r, a.r)}; }
inline Vec<float> mask_lanes(Mask<float> m, Vec<float> a) { return {_mm512_maskz_mov_ps(m.bits, a.r)}; }
inline Vec<float> clear_lanes(Mask<float> m, Vec<float> a) { return mask_lanes(~m, a); }

inline Vec<double> operator+(Vec<double> a, Vec<double> b) { return {_mm512_add_pd(a.r, b.r)}; }
inline Vec<double> operator-(Vec<double> a, Vec<double> b) { return {_mm512_sub_pd(a.r, b.r)}; }
inline Vec<double> operator*(Vec<double> a, Vec<double> b) { return {_mm512_mul_pd(a.r, b.r)}; }
inline Vec<double> operator/(Vec<double> a, Vec<double> b) { return {_mm512_div_pd(a.r, b.r)}; }
inline Vec<double> operator-(Vec<double> a) { return {_mm512_xor_pd(a.r, _mm512_set1_pd(-0.0))}; }
inline Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) { return {_mm512_fmadd_pd(a.r, b.r, c.r)}; }
inline Vec<double> fnma(Vec<double> a, Vec<double> b, Vec<double> c) { return {_mm512_fnmadd_pd(a.r, b.r, c.r)}; }
inline Vec<double> min(Vec<double> a, Vec<double> b) { return {_mm512_min_pd(a.r, b.r)}; }
inline Vec<double> max(Vec<double> a, Vec<double> b) { return {_mm512_max_pd(a.r, b.r)}; }
inline Vec<double> sqrt(Vec<double> a) { return {_mm512_sqrt_pd(a.r)}; }
inline Vec<double> abs(Vec<double> a) { return {_mm512_andnot_pd(_mm512_set1_pd(-0.0), a.r)}; }
inline Mask<double> less(Vec<double> a, Vec<double> b) { return {_mm512_cmp_pd_mask(a.r, b.r, _CMP_LT_OQ)}; }
inline Vec<double> select(Mask<double> m, Vec<double> a, Vec<double> b) {
  return {_mm512_mask_blend_pd(m.bits, b.r, a.r)};
}

template <class T>
Mask<T> first_lanes(int64_t lanes) {
  if constexpr (sizeof(T) == 4)
    return {lane_bits16(lanes)};
  else
    return {lane_bits8(lanes)};
}

inline Vec<float> widen(const float* p) { return Vec<float>::load(p); }
inline Vec<float> widen(const float* p, int64_t lanes) { return Vec<float>::load(p, lanes); }
inline Vec<float> widen_bf16(__m256i bits) {
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16))};
}
inline Vec<float> widen(const Bf16* p) { return widen_bf16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
inline Vec<float> widen(const Bf16* p, int64_t lanes) {
  return widen_bf16(_mm256_maskz_loadu_epi16(lane_bits16(lanes), p));
}
inline Vec<float> widen(const F16* p) {
  return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}
inline Vec<float> widen(const F16* p, int64_t lanes) {
  return {_mm512_cvtph_ps(_mm256_maskz_loadu_epi16(lane_bits16(lanes), p))};
}

inline Vec<float> round_to_bf16(Vec<float> a) {
  const __m512i bits = _mm512_castps_si512(a.r), odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
  const __mmask16 nan = _mm512_cmp_ps_mask(a.r, a.r, _CMP_UNORD_Q);
  const __m512i kept = _mm512_mask_or_epi32(rounded, nan, bits, _mm512_set1_epi32(0x400000));
  return {_mm512_castsi512_ps(_mm512_and_si512(kept, _mm512_set1_epi32(int(0xffff0000u))))};
}
inline void store_bf16(Vec<float> a, Bf16* p, int64_t lanes) {
  _mm256_mask_storeu_epi16(p, lane_bits16(lanes), _mm512_cvtepi32_epi16(_mm512_srli_epi32(_mm512_castps_si512(a.r), 16)));
}
inline void store_f16(Vec<float> a, F16* p, int64_t lanes) {
  _mm256_mask_storeu_epi16(p, lane_bits16(lanes), _mm512_cvtps_ph(a.r, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
inline Vec<float> pairs(const Bf16Pair* p) { return {_mm512_castsi512_ps(_mm512_loadu_si512(p))}; }
inline Vec<float> pair_of(Vec<float> low, Vec<float> high) {
  return {_mm512_or_ps(high.r, _mm512_castsi512_ps(_mm512_srli_epi32(_mm512_castps_si512(low.r), 16)))};
}
inline Vec<float> low_of_pairs(Vec<float> a) { return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(a.r), 16))}; }
inline Vec<float> high_of_pairs(Vec<float> a) { return {_mm512_and_ps(a.r, _mm512_castsi512_ps(_mm512_set1_epi32(int(0xffff0000u))))}; }
// Where the processor has AVX-512 BF16: the nearest bf16 of 32 numbers, as round_to_bf16 gives them, one behind the other; those below 2^-126 are zeros.
[[gnu::always_inline]] inline Vec<float> bf16_of(Vec<float> first, Vec<float> second) {
  Vec<float> both;
  asm("vcvtne2ps2bf16 %1, %2, %0" : "=v"(both.r) : "v"(first.r), "v"(second.r));
  return both;
}
// And back.
[[gnu::always_inline]] inline Vec<float> first_of_bf16(Vec<float> both) {
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm512_castsi512_si256(_mm512_castps_si512(both.r))), 16))};
}
[[gnu::always_inline]] inline Vec<float> second_of_bf16(Vec<float> both) {
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(_mm512_castps_si512(both.r), 1)), 16))};
}
// The same as pairs: pair_of both, rounded.
[[gnu::always_inline]] inline Vec<float> bf16_pairs_of(Vec<float> low, Vec<float> high) {
  const __m512i places = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return {_mm512_castsi512_ps(_mm512_permutexvar_epi16(places, _mm512_castps_si512(bf16_of(low, high).r)))};
}

// kInstruction: the processor has AVX-512 BF16. Written out, since this set is built without it and asks at run time.
template <bool kInstruction>
[[gnu::always_inline]] inline Vec<float> dot_pairs(Vec<float> a, Vec<float> b, Vec<float> c) {
  if constexpr (kInstruction)
    asm("vdpbf16ps %2, %1, %0" : "+v"(c.r) : "v"(a.r), "v"(b.r));
  else
    c = fma(low_of_pairs(a), low_of_pairs(b), fma(high_of_pairs(a), high_of_pairs(b), c));
  return c;
}

struct Ints {
  static constexpr int64_t kLanes = 16;
  __m512i r;
  static Ints zero() { return {_mm512_setzero_si512()}; }
  static Ints broadcast(int32_t i) { return {_mm512_set1_epi32(i)}; }
  static Ints load(const void* p) { return {_mm512_loadu_si512(p)}; }
};
// kInstruction: the processor has AVX-512 VNNI.
template <bool kInstruction>
[[gnu::always_inline]] inline Ints dot_bytes(Ints sums, Ints a, Ints b) {
  if constexpr (kInstruction) {
    asm("vpdpbusd %2, %1, %0" : "+v"(sums.r) : "v"(a.r), "v"(b.r));
    return sums;
  }
  const __m512i even = _mm512_madd_epi16(_mm512_and_si512(a.r, _mm512_set1_epi16(0xff)), _mm512_srai_epi16(_mm512_slli_epi16(b.r, 8), 8));
  const __m512i odd = _mm512_madd_epi16(_mm512_srli_epi16(a.r, 8), _mm512_srai_epi16(b.r, 8));
  return {_mm512_add_epi32(sums.r, _mm512_add_epi32(even, odd))};
}
inline Ints operator&(Ints a, Ints b) { return {_mm512_and_si512(a.r, b.r)}; }
inline Ints operator|(Ints a, Ints b) { return {_mm512_or_si512(a.r, b.r)}; }
inline Ints operator^(Ints a, Ints b) { return {_mm512_xor_si512(a.r, b.r)}; }
template <int kBits>
inline Ints shift_left(Ints a) {
  if constexpr (kBits >= 0) return {_mm512_slli_epi32(a.r, kBits)};
  else return {_mm512_srli_epi32(a.r, -kBits)};
}
inline Ints widen(const uint8_t* p) { return {_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))}; }
inline Ints widen(const int8_t* p) { return {_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))}; }
inline void store(Ints a, void* p) { _mm512_storeu_si512(p, a.r); }
inline Ints dot_shorts(Ints a, Ints b) { return {_mm512_madd_epi16(a.r, b.r)}; }
inline Ints add(Ints a, Ints b) { return {_mm512_add_epi32(a.r, b.r)}; }
inline Ints low_halves(Ints a) { return {_mm512_and_si512(a.r, _mm512_set1_epi8(15))}; }
inline Ints high_halves(Ints a) { return {_mm512_and_si512(_mm512_srli_epi16(a.r, 4), _mm512_set1_epi8(15))}; }
inline Vec<float> to_floats(Ints a) { return {_mm512_cvtepi32_ps(a.r)}; }
inline Ints nearest(Vec<float> a) { return {_mm512_cvtps_epi32(a.r)}; }
inline void store_bytes(Ints a, int8_t* p) { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(a.r)); }
inline int32_t sum(Ints a) { return _mm512_reduce_add_epi32(a.r); }

inline __m256 low_floats(Vec<float> a) { return _mm512_castps512_ps256(a.r); }
inline __m256 high_floats(Vec<float> a) { return _mm512_extractf32x8_ps(a.r, 1); }
inline Vec<double> low_half(Vec<float> a) { return {_mm512_cvtps_pd(low_floats(a))}; }
inline Vec<double> high_half(Vec<float> a) { return {_mm512_cvtps_pd(high_floats(a))}; }

template <class Fold>
[[gnu::always_inline]] inline Vec<float> fold_lanes(const Vec<float>* rows, Fold fold) {
  const auto halves = [&](__m512 a, __m512 b) __attribute__((always_inline)) { return fold(Vec<float>{_mm512_shuffle_f32x4(a, b, 0x44)}, Vec<float>{_mm512_shuffle_f32x4(a, b, 0xee)}).r; };
  const auto quarters = [&](__m512 a, __m512 b) __attribute__((always_inline)) { return fold(Vec<float>{_mm512_shuffle_f32x4(a, b, 0x88)}, Vec<float>{_mm512_shuffle_f32x4(a, b, 0xdd)}).r; };
  const auto pairs = [&](__m512 a, __m512 b) __attribute__((always_inline)) {
    const __m512d x = _mm512_castps_pd(a), y = _mm512_castps_pd(b);
    return fold(Vec<float>{_mm512_castpd_ps(_mm512_unpacklo_pd(x, y))}, Vec<float>{_mm512_castpd_ps(_mm512_unpackhi_pd(x, y))}).r;
  };
  __m512 of[4];   // rows i, i + 4, i + 8, i + 12, four lanes of each
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) of[i] = quarters(halves(rows[i].r, rows[i + 4].r), halves(rows[i + 8].r, rows[i + 12].r));
  const __m512 low = pairs(of[0], of[1]), high = pairs(of[2], of[3]);
  return fold(Vec<float>{_mm512_shuffle_ps(low, high, 0x88)}, Vec<float>{_mm512_shuffle_ps(low, high, 0xdd)});
}
inline float sum(Vec<float> a) {
  const __m256 x = _mm256_add_ps(low_floats(a), high_floats(a));
  __m128 y = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  y = _mm_add_ps(y, _mm_movehl_ps(y, y));
  return _mm_cvtss_f32(_mm_add_ss(y, _mm_movehdup_ps(y)));
}
inline float max_of(Vec<float> a) {
  const __m256 x = _mm256_max_ps(low_floats(a), high_floats(a));
  __m128 y = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  y = _mm_max_ps(y, _mm_movehl_ps(y, y));
  return _mm_cvtss_f32(_mm_max_ss(y, _mm_movehdup_ps(y)));
}
inline double sum(Vec<double> a) {
  const __m256d x = _mm256_add_pd(_mm512_castpd512_pd256(a.r), _mm512_extractf64x4_pd(a.r, 1));
  const __m128d y = _mm_add_pd(_mm256_castpd256_pd128(x), _mm256_extractf128_pd(x, 1));
  return _mm_cvtsd_f64(_mm_add_sd(y, _mm_unpackhi_pd(y, y)));
}

}  // namespace orrery::cpu::avx512
