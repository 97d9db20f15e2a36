// vec.h in 128-bit registers of aarch64. Included by vec.h only.
#pragma once

namespace orrery::cpu::neon {

template <>
struct Mask<float> {
  uint32x4_t bits;  // each lane all ones or all zeros
};
template <>
struct Mask<double> {
  uint64x2_t bits;
};

// The first `lanes` lanes, for any lanes.
inline uint32x4_t lane_bits32(int64_t lanes) {
  const int32_t n = lanes >= 4 ? 4 : lanes <= 0 ? 0 : int32_t(lanes);
  return vcgtq_s32(vdupq_n_s32(n), int32x4_t{0, 1, 2, 3});
}
inline uint64x2_t lane_bits64(int64_t lanes) { return vcgtq_s64(vdupq_n_s64(lanes), int64x2_t{0, 1}); }

template <>
struct Vec<float> {
  static constexpr int64_t kLanes = 4;
  float32x4_t r;

  static Vec zero() { return {vdupq_n_f32(0)}; }
  static Vec broadcast(float s) { return {vdupq_n_f32(s)}; }
  static Vec load(const float* p) { return {vld1q_f32(p)}; }
  static Vec load(const float* p, int64_t lanes) {
    if (lanes >= 4) return load(p);
    float kept[4] = {};
    for (int64_t i = 0; i < lanes; ++i) kept[i] = p[i];
    return load(kept);
  }
  void store(float* p) const { vst1q_f32(p, r); }
  void store(float* p, int64_t lanes) const {
    if (lanes >= 4) return store(p);
    float kept[4];
    store(kept);
    for (int64_t i = 0; i < lanes; ++i) p[i] = kept[i];
  }
};

template <>
struct Vec<double> {
  static constexpr int64_t kLanes = 2;
  float64x2_t r;

  static Vec zero() { return {vdupq_n_f64(0)}; }
  static Vec broadcast(double s) { return {vdupq_n_f64(s)}; }
  static Vec load(const double* p) { return {vld1q_f64(p)}; }
  static Vec load(const double* p, int64_t lanes) {
    if (lanes >= 2) return load(p);
    const double kept[2] = {lanes > 0 ? *p : 0.0, 0.0};
    return load(kept);
  }
  void store(double* p) const { vst1q_f64(p, r); }
  void store(double* p, int64_t lanes) const {
    if (lanes >= 2) return store(p);
    if (lanes > 0) vst1q_lane_f64(p, r, 0);
  }
};

inline float32x4_t as_floats(uint32x4_t bits) { return vreinterpretq_f32_u32(bits); }
inline uint32x4_t as_bits(Vec<float> a) { return vreinterpretq_u32_f32(a.r); }

inline Vec<float> operator+(Vec<float> a, Vec<float> b) { return {vaddq_f32(a.r, b.r)}; }
inline Vec<float> operator-(Vec<float> a, Vec<float> b) { return {vsubq_f32(a.r, b.r)}; }
inline Vec<float> operator*(Vec<float> a, Vec<float> b) { return {vmulq_f32(a.r, b.r)}; }
inline Vec<float> operator/(Vec<float> a, Vec<float> b) { return {vdivq_f32(a.r, b.r)}; }
inline Vec<float> operator-(Vec<float> a) { return {vnegq_f32(a.r)}; }
inline Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) { return {vfmaq_f32(c.r, a.r, b.r)}; }
inline Vec<float> fnma(Vec<float> a, Vec<float> b, Vec<float> c) { return {vfmsq_f32(c.r, a.r, b.r)}; }
// Not vminq and vmaxq, which give NaN where either side is one.
inline Vec<float> min(Vec<float> a, Vec<float> b) { return {vbslq_f32(vcltq_f32(a.r, b.r), a.r, b.r)}; }
inline Vec<float> max(Vec<float> a, Vec<float> b) { return {vbslq_f32(vcgtq_f32(a.r, b.r), a.r, b.r)}; }
inline Vec<float> sqrt(Vec<float> a) { return {vsqrtq_f32(a.r)}; }
inline Vec<float> abs(Vec<float> a) { return {vabsq_f32(a.r)}; }
inline Vec<float> round(Vec<float> a) { return {vrndnq_f32(a.r)}; }
inline Vec<float> floor(Vec<float> a) { return {vrndmq_f32(a.r)}; }

// 2^n for integral n in [-126, 127].
inline Vec<float> power_of_two(int32x4_t n) { return {vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(n, vdupq_n_s32(127)), 23))}; }
// In two steps, for which 2^n itself need not be a float; n is kept to what can still change a result.
inline Vec<float> ldexp(Vec<float> x, Vec<float> n) {
  const Vec<float> kept = max(min(n, Vec<float>::broadcast(252.0f)), Vec<float>::broadcast(-252.0f));
  const int32x4_t whole = vcvtnq_s32_f32(kept.r), half = vshrq_n_s32(whole, 1);
  return x * power_of_two(half) * power_of_two(vsubq_s32(whole, half));
}
// x 2^n for integral n in [-126, 127], of numbers whose product needs no denormal; NaN stays.
inline Vec<float> times_power_of_two(Vec<float> x, Vec<float> n) { return x * power_of_two(vcvtnq_s32_f32(n.r)); }
inline Vec<float> exponent(Vec<float> x) {
  const uint32x4_t bits = vandq_u32(vshrq_n_u32(as_bits(x), 23), vdupq_n_u32(255));
  return {vcvtq_f32_s32(vsubq_s32(vreinterpretq_s32_u32(bits), vdupq_n_s32(127)))};
}
inline Vec<float> mantissa(Vec<float> x) {
  return {as_floats(vorrq_u32(vandq_u32(as_bits(x), vdupq_n_u32(0x807fffffu)), vdupq_n_u32(0x3f800000u)))};
}

inline Mask<float> less(Vec<float> a, Vec<float> b) { return {vcltq_f32(a.r, b.r)}; }
inline Mask<float> equal(Vec<float> a, Vec<float> b) { return {vceqq_f32(a.r, b.r)}; }
inline Mask<float> is_nan(Vec<float> a) { return {vmvnq_u32(vceqq_f32(a.r, a.r))}; }
inline Mask<float> operator&(Mask<float> a, Mask<float> b) { return {vandq_u32(a.bits, b.bits)}; }
inline Mask<float> operator|(Mask<float> a, Mask<float> b) { return {vorrq_u32(a.bits, b.bits)}; }
inline Mask<float> operator~(Mask<float> a) { return {vmvnq_u32(a.bits)}; }
inline bool any(Mask<float> m) { return vmaxvq_u32(m.bits) != 0; }
inline Vec<float> select(Mask<float> m, Vec<float> a, Vec<float> b) { return {vbslq_f32(m.bits, a.r, b.r)}; }
inline Vec<float> mask_lanes(Mask<float> m, Vec<float> a) { return {as_floats(vandq_u32(m.bits, as_bits(a)))}; }
inline Vec<float> clear_lanes(Mask<float> m, Vec<float> a) { return {as_floats(vbicq_u32(as_bits(a), m.bits))}; }

inline Vec<double> operator+(Vec<double> a, Vec<double> b) { return {vaddq_f64(a.r, b.r)}; }
inline Vec<double> operator-(Vec<double> a, Vec<double> b) { return {vsubq_f64(a.r, b.r)}; }
inline Vec<double> operator*(Vec<double> a, Vec<double> b) { return {vmulq_f64(a.r, b.r)}; }
inline Vec<double> operator/(Vec<double> a, Vec<double> b) { return {vdivq_f64(a.r, b.r)}; }
inline Vec<double> operator-(Vec<double> a) { return {vnegq_f64(a.r)}; }
inline Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) { return {vfmaq_f64(c.r, a.r, b.r)}; }
inline Vec<double> fnma(Vec<double> a, Vec<double> b, Vec<double> c) { return {vfmsq_f64(c.r, a.r, b.r)}; }
inline Vec<double> min(Vec<double> a, Vec<double> b) { return {vbslq_f64(vcltq_f64(a.r, b.r), a.r, b.r)}; }
inline Vec<double> max(Vec<double> a, Vec<double> b) { return {vbslq_f64(vcgtq_f64(a.r, b.r), a.r, b.r)}; }
inline Vec<double> sqrt(Vec<double> a) { return {vsqrtq_f64(a.r)}; }
inline Vec<double> abs(Vec<double> a) { return {vabsq_f64(a.r)}; }
inline Mask<double> less(Vec<double> a, Vec<double> b) { return {vcltq_f64(a.r, b.r)}; }
inline Vec<double> select(Mask<double> m, Vec<double> a, Vec<double> b) { return {vbslq_f64(m.bits, a.r, b.r)}; }

template <class T>
Mask<T> first_lanes(int64_t lanes) {
  if constexpr (sizeof(T) == 4)
    return {lane_bits32(lanes)};
  else
    return {lane_bits64(lanes)};
}

inline Vec<float> widen(const float* p) { return Vec<float>::load(p); }
inline Vec<float> widen(const float* p, int64_t lanes) { return Vec<float>::load(p, lanes); }
inline Vec<float> widen_bf16(uint16x4_t bits) { return {as_floats(vshll_n_u16(bits, 16))}; }
inline Vec<float> widen_f16(uint16x4_t bits) { return {vcvt_f32_f16(vreinterpret_f16_u16(bits))}; }
// Four 16-bit elements of which only the first `lanes` are read.
template <class Element>
uint16x4_t load16(const Element* p, int64_t lanes = 4) {
  if (lanes >= 4) return vld1_u16(&p->bits);
  uint16_t kept[4] = {};
  for (int64_t i = 0; i < lanes; ++i) kept[i] = p[i].bits;
  return vld1_u16(kept);
}
inline Vec<float> widen(const Bf16* p) { return widen_bf16(load16(p)); }
inline Vec<float> widen(const Bf16* p, int64_t lanes) { return widen_bf16(load16(p, lanes)); }
inline Vec<float> widen(const F16* p) { return widen_f16(load16(p)); }
inline Vec<float> widen(const F16* p, int64_t lanes) { return widen_f16(load16(p, lanes)); }

inline Vec<float> round_to_bf16(Vec<float> a) {
  const uint32x4_t bits = as_bits(a), odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
  const uint32x4_t rounded = vaddq_u32(bits, vaddq_u32(odd, vdupq_n_u32(0x7fff))), quiet = vorrq_u32(bits, vdupq_n_u32(0x400000));
  return {as_floats(vandq_u32(vbslq_u32(is_nan(a).bits, quiet, rounded), vdupq_n_u32(0xffff0000u)))};
}
template <class Element>
void store16(uint16x4_t bits, Element* p, int64_t lanes) {
  if (lanes >= 4) return vst1_u16(&p->bits, bits);
  uint16_t kept[4];
  vst1_u16(kept, bits);
  for (int64_t i = 0; i < lanes; ++i) p[i].bits = kept[i];
}
inline void store_bf16(Vec<float> a, Bf16* p, int64_t lanes) { store16(vshrn_n_u32(as_bits(a), 16), p, lanes); }
inline void store_f16(Vec<float> a, F16* p, int64_t lanes) { store16(vreinterpret_u16_f16(vcvt_f16_f32(a.r)), p, lanes); }
inline Vec<float> pairs(const Bf16Pair* p) { return {as_floats(vld1q_u32(&p->bits))}; }
inline Vec<float> pair_of(Vec<float> low, Vec<float> high) { return {as_floats(vorrq_u32(as_bits(high), vshrq_n_u32(as_bits(low), 16)))}; }
inline Vec<float> low_of_pairs(Vec<float> a) { return {as_floats(vshlq_n_u32(as_bits(a), 16))}; }
inline Vec<float> high_of_pairs(Vec<float> a) { return {as_floats(vandq_u32(as_bits(a), vdupq_n_u32(0xffff0000u)))}; }
template <bool kInstruction>   // there is one, but it rounds otherwise
[[gnu::always_inline]] inline Vec<float> dot_pairs(Vec<float> a, Vec<float> b, Vec<float> c) {
  return fma(low_of_pairs(a), low_of_pairs(b), fma(high_of_pairs(a), high_of_pairs(b), c));
}

struct Ints {
  static constexpr int64_t kLanes = 4;
  int32x4_t r;
  static Ints zero() { return {vdupq_n_s32(0)}; }
  static Ints broadcast(int32_t i) { return {vdupq_n_s32(i)}; }
  static Ints load(const void* p) { return {vreinterpretq_s32_u8(vld1q_u8(static_cast<const uint8_t*>(p)))}; }
};
template <bool kInstruction>   // not used, so that every processor of this class takes the same way
[[gnu::always_inline]] inline Ints dot_bytes(Ints sums, Ints a, Ints b) {
  const uint8x16_t u = vreinterpretq_u8_s32(a.r);
  const int8x16_t s = vreinterpretq_s8_s32(b.r);
  const auto fours = [](uint8x8_t x, int8x8_t y) {   // sums of two neighbouring products
    const int16x8_t wide = vreinterpretq_s16_u16(vmovl_u8(x)), other = vmovl_s8(y);
    return vpaddq_s32(vmull_s16(vget_low_s16(wide), vget_low_s16(other)), vmull_high_s16(wide, other));
  };
  return {vaddq_s32(sums.r, vpaddq_s32(fours(vget_low_u8(u), vget_low_s8(s)), fours(vget_high_u8(u), vget_high_s8(s))))};
}
inline Ints operator&(Ints a, Ints b) { return {vandq_s32(a.r, b.r)}; }
inline Ints operator|(Ints a, Ints b) { return {vorrq_s32(a.r, b.r)}; }
inline Ints operator^(Ints a, Ints b) { return {veorq_s32(a.r, b.r)}; }
template <int kBits>
inline Ints shift_left(Ints a) {
  if constexpr (kBits >= 0) return {vshlq_n_s32(a.r, kBits)};
  else return {vreinterpretq_s32_u32(vshrq_n_u32(vreinterpretq_u32_s32(a.r), -kBits))};
}
inline uint8x8_t four_bytes(const void* p) {
  uint32_t bytes;
  __builtin_memcpy(&bytes, p, 4);
  return vcreate_u8(bytes);
}
inline Ints widen(const uint8_t* p) { return {vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(vmovl_u8(four_bytes(p)))))}; }
inline Ints widen(const int8_t* p) { return {vmovl_s16(vget_low_s16(vmovl_s8(vreinterpret_s8_u8(four_bytes(p)))))}; }
inline void store(Ints a, void* p) { vst1q_u8(static_cast<uint8_t*>(p), vreinterpretq_u8_s32(a.r)); }
inline Ints dot_shorts(Ints a, Ints b) {
  const int16x8_t x = vreinterpretq_s16_s32(a.r), y = vreinterpretq_s16_s32(b.r);
  return {vpaddq_s32(vmull_s16(vget_low_s16(x), vget_low_s16(y)), vmull_high_s16(x, y))};
}
inline Ints add(Ints a, Ints b) { return {vaddq_s32(a.r, b.r)}; }
inline Ints low_halves(Ints a) { return {vreinterpretq_s32_u8(vandq_u8(vreinterpretq_u8_s32(a.r), vdupq_n_u8(15)))}; }
inline Ints high_halves(Ints a) { return {vreinterpretq_s32_u8(vshrq_n_u8(vreinterpretq_u8_s32(a.r), 4))}; }
inline Vec<float> to_floats(Ints a) { return {vcvtq_f32_s32(a.r)}; }
inline Ints nearest(Vec<float> a) { return {vcvtnq_s32_f32(a.r)}; }
inline void store_bytes(Ints a, int8_t* p) {
  const int16x4_t words = vqmovn_s32(a.r);
  const uint32_t bytes = vget_lane_u32(vreinterpret_u32_s8(vqmovn_s16(vcombine_s16(words, words))), 0);
  __builtin_memcpy(p, &bytes, 4);
}
inline int32_t sum(Ints a) { return vaddvq_s32(a.r); }

inline Vec<double> low_half(Vec<float> a) { return {vcvt_f64_f32(vget_low_f32(a.r))}; }
inline Vec<double> high_half(Vec<float> a) { return {vcvt_high_f64_f32(a.r)}; }

template <class Fold>
[[gnu::always_inline]] inline Vec<float> fold_lanes(const Vec<float>* rows, Fold fold) {
  const auto halves = [&](float32x4_t a, float32x4_t b) __attribute__((always_inline)) {
    return fold(Vec<float>{vcombine_f32(vget_low_f32(a), vget_low_f32(b))}, Vec<float>{vcombine_f32(vget_high_f32(a), vget_high_f32(b))}).r;
  };
  const float32x4_t low = halves(rows[0].r, rows[1].r), high = halves(rows[2].r, rows[3].r);
  return fold(Vec<float>{vuzp1q_f32(low, high)}, Vec<float>{vuzp2q_f32(low, high)});
}
inline float sum(Vec<float> a) {
  const float32x2_t y = vadd_f32(vget_low_f32(a.r), vget_high_f32(a.r));
  return vget_lane_f32(y, 0) + vget_lane_f32(y, 1);
}
inline float max_of(Vec<float> a) {
  const auto larger_of = [](float x, float y) { return x > y ? x : y; };   // y where either is NaN
  return larger_of(larger_of(vgetq_lane_f32(a.r, 0), vgetq_lane_f32(a.r, 2)), larger_of(vgetq_lane_f32(a.r, 1), vgetq_lane_f32(a.r, 3)));
}
inline double sum(Vec<double> a) { return vgetq_lane_f64(a.r, 0) + vgetq_lane_f64(a.r, 1); }

}  // namespace orrery::cpu::neon
