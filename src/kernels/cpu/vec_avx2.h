// vec.h in 256-bit registers. Included by vec.h only.
#pragma once

namespace orrery::cpu::avx2 {

template <>
struct Mask<float> {
  __m256 bits;  // each lane all ones or all zeros
};
template <>
struct Mask<double> {
  __m256d bits;
};

// The first `lanes` lanes, for any lanes.
inline __m256i lane_bits32(int64_t lanes) {
  const int n = lanes >= 8 ? 8 : lanes <= 0 ? 0 : int(lanes);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
inline __m256i lane_bits64(int64_t lanes) {
  const int n = lanes >= 4 ? 4 : lanes <= 0 ? 0 : int(lanes);
  return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3));
}

template <>
struct Vec<float> {
  static constexpr int64_t kLanes = 8;
  __m256 r;

  static Vec zero() { return {_mm256_setzero_ps()}; }
  static Vec broadcast(float s) { return {_mm256_set1_ps(s)}; }
  static Vec load(const float* p) { return {_mm256_loadu_ps(p)}; }
  static Vec load(const float* p, int64_t lanes) { return {lanes >= kLanes ? _mm256_loadu_ps(p) : _mm256_maskload_ps(p, lane_bits32(lanes))}; }
  void store(float* p) const { _mm256_storeu_ps(p, r); }
  void store(float* p, int64_t lanes) const {
    if (lanes >= kLanes) return store(p);   // parts of a register take some processors as long as 40 whole ones
    _mm256_maskstore_ps(p, lane_bits32(lanes), r);
  }
};

template <>
struct Vec<double> {
  static constexpr int64_t kLanes = 4;
  __m256d r;

  static Vec zero() { return {_mm256_setzero_pd()}; }
  static Vec broadcast(double s) { return {_mm256_set1_pd(s)}; }
  static Vec load(const double* p) { return {_mm256_loadu_pd(p)}; }
  static Vec load(const double* p, int64_t lanes) { return {_mm256_maskload_pd(p, lane_bits64(lanes))}; }
  void store(double* p) const { _mm256_storeu_pd(p, r); }
  void store(double* p, int64_t lanes) const { _mm256_maskstore_pd(p, lane_bits64(lanes), r); }
};

inline Vec<float> operator+(Vec<float> a, Vec<float> b) { return {_mm256_add_ps(a.r, b.r)}; }
inline Vec<float> operator-(Vec<float> a, Vec<float> b) { return {_mm256_sub_ps(a.r, b.r)}; }
inline Vec<float> operator*(Vec<float> a, Vec<float> b) { return {_mm256_mul_ps(a.r, b.r)}; }
inline Vec<float> operator/(Vec<float> a, Vec<float> b) { return {_mm256_div_ps(a.r, b.r)}; }
inline Vec<float> operator-(Vec<float> a) { return {_mm256_xor_ps(a.r, _mm256_set1_ps(-0.0f))}; }
inline Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) { return {_mm256_fmadd_ps(a.r, b.r, c.r)}; }
inline Vec<float> fnma(Vec<float> a, Vec<float> b, Vec<float> c) { return {_mm256_fnmadd_ps(a.r, b.r, c.r)}; }
inline Vec<float> min(Vec<float> a, Vec<float> b) { return {_mm256_min_ps(a.r, b.r)}; }
inline Vec<float> max(Vec<float> a, Vec<float> b) { return {_mm256_max_ps(a.r, b.r)}; }
inline Vec<float> sqrt(Vec<float> a) { return {_mm256_sqrt_ps(a.r)}; }
inline Vec<float> abs(Vec<float> a) { return {_mm256_andnot_ps(_mm256_set1_ps(-0.0f), a.r)}; }
inline Vec<float> round(Vec<float> a) { return {_mm256_round_ps(a.r, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
inline Vec<float> floor(Vec<float> a) { return {_mm256_round_ps(a.r, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)}; }

// 2^n for integral n in [-126, 127].
inline Vec<float> power_of_two(__m256i n) {
  return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23))};
}
// In two steps, for which 2^n itself need not be a float; n is kept to what can still change a result.
inline Vec<float> ldexp(Vec<float> x, Vec<float> n) {
  const __m256 kept = _mm256_max_ps(_mm256_min_ps(n.r, _mm256_set1_ps(252.0f)), _mm256_set1_ps(-252.0f));
  const __m256i whole = _mm256_cvtps_epi32(kept);
  const __m256i half = _mm256_srai_epi32(whole, 1);
  return x * power_of_two(half) * power_of_two(_mm256_sub_epi32(whole, half));
}
// x 2^n for integral n in [-126, 127], of numbers whose product needs no denormal; NaN stays.
inline Vec<float> times_power_of_two(Vec<float> x, Vec<float> n) { return x * power_of_two(_mm256_cvtps_epi32(n.r)); }
inline Vec<float> exponent(Vec<float> x) {
  const __m256i bits = _mm256_and_si256(_mm256_srli_epi32(_mm256_castps_si256(x.r), 23), _mm256_set1_epi32(255));
  return {_mm256_cvtepi32_ps(_mm256_sub_epi32(bits, _mm256_set1_epi32(127)))};
}
inline Vec<float> mantissa(Vec<float> x) {
  const __m256i kept = _mm256_and_si256(_mm256_castps_si256(x.r), _mm256_set1_epi32(int(0x807fffffu)));
  return {_mm256_castsi256_ps(_mm256_or_si256(kept, _mm256_set1_epi32(0x3f800000)))};
}

inline Mask<float> less(Vec<float> a, Vec<float> b) { return {_mm256_cmp_ps(a.r, b.r, _CMP_LT_OQ)}; }
inline Mask<float> equal(Vec<float> a, Vec<float> b) { return {_mm256_cmp_ps(a.r, b.r, _CMP_EQ_OQ)}; }
inline Mask<float> is_nan(Vec<float> a) { return {_mm256_cmp_ps(a.r, a.r, _CMP_UNORD_Q)}; }
inline Mask<float> operator&(Mask<float> a, Mask<float> b) { return {_mm256_and_ps(a.bits, b.bits)}; }
inline Mask<float> operator|(Mask<float> a, Mask<float> b) { return {_mm256_or_ps(a.bits, b.bits)}; }
inline Mask<float> operator~(Mask<float> a) {
  return {_mm256_xor_ps(a.bits, _mm256_castsi256_ps(_mm256_set1_epi32(-1)))};
}
inline bool any(Mask<float> m) { return _mm256_movemask_ps(m.bits) != 0; }
inline Vec<float> select(Mask<float> m, Vec<float> a, Vec<float> b) { return {_mm256_blendv_ps(b.r, a.r, m.bits)}; }
inline Vec<float> mask_lanes(Mask<float> m, Vec<float> a) { return {_mm256_and_ps(m.bits, a.r)}; }
inline Vec<float> clear_lanes(Mask<float> m, Vec<float> a) { return {_mm256_andnot_ps(m.bits, a.r)}; }

inline Vec<double> operator+(Vec<double> a, Vec<double> b) { return {_mm256_add_pd(a.r, b.r)}; }
inline Vec<double> operator-(Vec<double> a, Vec<double> b) { return {_mm256_sub_pd(a.r, b.r)}; }
inline Vec<double> operator*(Vec<double> a, Vec<double> b) { return {_mm256_mul_pd(a.r, b.r)}; }
inline Vec<double> operator/(Vec<double> a, Vec<double> b) { return {_mm256_div_pd(a.r, b.r)}; }
inline Vec<double> operator-(Vec<double> a) { return {_mm256_xor_pd(a.r, _mm256_set1_pd(-0.0))}; }
inline Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) { return {_mm256_fmadd_pd(a.r, b.r, c.r)}; }
inline Vec<double> fnma(Vec<double> a, Vec<double> b, Vec<double> c) { return {_mm256_fnmadd_pd(a.r, b.r, c.r)}; }
inline Vec<double> min(Vec<double> a, Vec<double> b) { return {_mm256_min_pd(a.r, b.r)}; }
inline Vec<double> max(Vec<double> a, Vec<double> b) { return {_mm256_max_pd(a.r, b.r)}; }
inline Vec<double> sqrt(Vec<double> a) { return {_mm256_sqrt_pd(a.r)}; }
inline Vec<double> abs(Vec<double> a) { return {_mm256_andnot_pd(_mm256_set1_pd(-0.0), a.r)}; }
inline Mask<double> less(Vec<double> a, Vec<double> b) { return {_mm256_cmp_pd(a.r, b.r, _CMP_LT_OQ)}; }
inline Vec<double> select(Mask<double> m, Vec<double> a, Vec<double> b) { return {_mm256_blendv_pd(b.r, a.r, m.bits)}; }

template <class T>
Mask<T> first_lanes(int64_t lanes) {
  if constexpr (sizeof(T) == 4)
    return {_mm256_castsi256_ps(lane_bits32(lanes))};
  else
    return {_mm256_castsi256_pd(lane_bits64(lanes))};
}

inline Vec<float> widen(const float* p) { return Vec<float>::load(p); }
inline Vec<float> widen(const float* p, int64_t lanes) { return Vec<float>::load(p, lanes); }
inline Vec<float> widen_bf16(__m128i bits) {
  return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16))};
}
// Eight 16-bit elements of which only the first `lanes` are read.
template <class Element>
__m128i load16(const Element* p, int64_t lanes) {
  if (lanes >= 8) return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  alignas(16) uint16_t kept[8] = {};
  for (int64_t i = 0; i < lanes; ++i) kept[i] = p[i].bits;
  return _mm_load_si128(reinterpret_cast<const __m128i*>(kept));
}
inline Vec<float> widen(const Bf16* p) { return widen_bf16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
inline Vec<float> widen(const Bf16* p, int64_t lanes) { return widen_bf16(load16(p, lanes)); }
inline Vec<float> widen(const F16* p) { return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))}; }
inline Vec<float> widen(const F16* p, int64_t lanes) { return {_mm256_cvtph_ps(load16(p, lanes))}; }

inline Vec<float> round_to_bf16(Vec<float> a) {
  const __m256i bits = _mm256_castps_si256(a.r), odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
  const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000)), nan = _mm256_castps_si256(_mm256_cmp_ps(a.r, a.r, _CMP_UNORD_Q));
  return {_mm256_castsi256_ps(_mm256_and_si256(_mm256_blendv_epi8(rounded, quiet, nan), _mm256_set1_epi32(int(0xffff0000u))))};
}
template <class Element>
void store16(__m128i bits, Element* p, int64_t lanes) {
  if (lanes >= 8) return _mm_storeu_si128(reinterpret_cast<__m128i*>(p), bits);
  alignas(16) uint16_t kept[8];
  _mm_store_si128(reinterpret_cast<__m128i*>(kept), bits);
  for (int64_t i = 0; i < lanes; ++i) p[i].bits = kept[i];
}
inline void store_bf16(Vec<float> a, Bf16* p, int64_t lanes) {
  const __m256i high = _mm256_srli_epi32(_mm256_castps_si256(a.r), 16);
  store16(_mm_packus_epi32(_mm256_castsi256_si128(high), _mm256_extracti128_si256(high, 1)), p, lanes);
}
inline void store_f16(Vec<float> a, F16* p, int64_t lanes) { store16(_mm256_cvtps_ph(a.r, _MM_FROUND_TO_NEAREST_INT), p, lanes); }
inline Vec<float> pairs(const Bf16Pair* p) { return Vec<float>::load(reinterpret_cast<const float*>(p)); }
inline Vec<float> pair_of(Vec<float> low, Vec<float> high) {
  return {_mm256_or_ps(high.r, _mm256_castsi256_ps(_mm256_srli_epi32(_mm256_castps_si256(low.r), 16)))};
}
inline Vec<float> low_of_pairs(Vec<float> a) { return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(a.r), 16))}; }
inline Vec<float> high_of_pairs(Vec<float> a) { return {_mm256_and_ps(a.r, _mm256_castsi256_ps(_mm256_set1_epi32(int(0xffff0000u))))}; }
template <bool kInstruction>   // there is none
[[gnu::always_inline]] inline Vec<float> dot_pairs(Vec<float> a, Vec<float> b, Vec<float> c) {
  return fma(low_of_pairs(a), low_of_pairs(b), fma(high_of_pairs(a), high_of_pairs(b), c));
}

struct Ints {
  static constexpr int64_t kLanes = 8;
  __m256i r;
  static Ints zero() { return {_mm256_setzero_si256()}; }
  static Ints broadcast(int32_t i) { return {_mm256_set1_epi32(i)}; }
  static Ints load(const void* p) { return {_mm256_loadu_si256(static_cast<const __m256i*>(p))}; }
};
inline Ints operator&(Ints a, Ints b) { return {_mm256_and_si256(a.r, b.r)}; }
inline Ints operator|(Ints a, Ints b) { return {_mm256_or_si256(a.r, b.r)}; }
template <int kBits>
inline Ints shift_left(Ints a) {
  if constexpr (kBits >= 0) return {_mm256_slli_epi32(a.r, kBits)};
  else return {_mm256_srli_epi32(a.r, -kBits)};
}
inline Ints widen(const uint8_t* p) { return {_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)))}; }
inline Ints widen(const int8_t* p) { return {_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)))}; }
inline void store(Ints a, void* p) { _mm256_storeu_si256(static_cast<__m256i*>(p), a.r); }
inline Ints dot_shorts(Ints a, Ints b) { return {_mm256_madd_epi16(a.r, b.r)}; }
inline Ints add(Ints a, Ints b) { return {_mm256_add_epi32(a.r, b.r)}; }
inline Ints low_halves(Ints a) { return {_mm256_and_si256(a.r, _mm256_set1_epi8(15))}; }
inline Ints high_halves(Ints a) { return {_mm256_and_si256(_mm256_srli_epi16(a.r, 4), _mm256_set1_epi8(15))}; }
inline Vec<float> to_floats(Ints a) { return {_mm256_cvtepi32_ps(a.r)}; }
inline Ints nearest(Vec<float> a) { return {_mm256_cvtps_epi32(a.r)}; }
inline void store_bytes(Ints a, int8_t* p) {
  const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(a.r), _mm256_extracti128_si256(a.r, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(words, words));
}
inline int32_t sum(Ints a) {
  __m128i x = _mm_add_epi32(_mm256_castsi256_si128(a.r), _mm256_extracti128_si256(a.r, 1));
  x = _mm_add_epi32(x, _mm_shuffle_epi32(x, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(x, _mm_shuffle_epi32(x, 0xb1)));
}

inline Vec<double> low_half(Vec<float> a) { return {_mm256_cvtps_pd(_mm256_castps256_ps128(a.r))}; }
inline Vec<double> high_half(Vec<float> a) { return {_mm256_cvtps_pd(_mm256_extractf128_ps(a.r, 1))}; }

template <class Fold>
[[gnu::always_inline]] inline Vec<float> fold_lanes(const Vec<float>* rows, Fold fold) {
  const auto halves = [&](__m256 a, __m256 b) __attribute__((always_inline)) { return fold(Vec<float>{_mm256_permute2f128_ps(a, b, 0x20)}, Vec<float>{_mm256_permute2f128_ps(a, b, 0x31)}).r; };
  const auto pairs = [&](__m256 a, __m256 b) __attribute__((always_inline)) {
    const __m256d x = _mm256_castps_pd(a), y = _mm256_castps_pd(b);
    return fold(Vec<float>{_mm256_castpd_ps(_mm256_unpacklo_pd(x, y))}, Vec<float>{_mm256_castpd_ps(_mm256_unpackhi_pd(x, y))}).r;
  };
  const __m256 low = pairs(halves(rows[0].r, rows[4].r), halves(rows[1].r, rows[5].r)), high = pairs(halves(rows[2].r, rows[6].r), halves(rows[3].r, rows[7].r));
  return fold(Vec<float>{_mm256_shuffle_ps(low, high, 0x88)}, Vec<float>{_mm256_shuffle_ps(low, high, 0xdd)});
}
inline float sum(Vec<float> a) {
  __m128 y = _mm_add_ps(_mm256_castps256_ps128(a.r), _mm256_extractf128_ps(a.r, 1));
  y = _mm_add_ps(y, _mm_movehl_ps(y, y));
  return _mm_cvtss_f32(_mm_add_ss(y, _mm_movehdup_ps(y)));
}
inline float max_of(Vec<float> a) {
  __m128 y = _mm_max_ps(_mm256_castps256_ps128(a.r), _mm256_extractf128_ps(a.r, 1));
  y = _mm_max_ps(y, _mm_movehl_ps(y, y));
  return _mm_cvtss_f32(_mm_max_ss(y, _mm_movehdup_ps(y)));
}
inline double sum(Vec<double> a) {
  const __m128d y = _mm_add_pd(_mm256_castpd256_pd128(a.r), _mm256_extractf128_pd(a.r, 1));
  return _mm_cvtsd_f64(_mm_add_sd(y, _mm_unpackhi_pd(y, y)));
}

}  // namespace orrery::cpu::avx2
