// transpose.h by blocks of 4 x 4. Included by transpose.h only.
#pragma once

namespace orrery::cpu::neon {

constexpr int64_t kTransposed = 4;

// Four elements as four lanes of 32 bits: a float each, or (16-bit to itself) the bits.
template <class To>
Floats lanes_of_4(const float* from, int64_t count) { return Floats::load(from, count); }
template <class To, class From>
Floats lanes_of_4(const From* from, int64_t count) {
  if constexpr (sizeof(To) == 2) return {as_floats(vmovl_u16(load16(from, count)))};
  else return widen(from, count);
}
inline void store_4(Floats lanes, float* to, int64_t count) { lanes.store(to, count); }
template <class To>
void store_4(Floats lanes, To* to, int64_t count) {
  uint16_t kept[4];
  vst1_u16(kept, vmovn_u32(as_bits(lanes)));
  for (int64_t i = 0; i < count && i < 4; ++i) to[i].bits = kept[i];
}

template <class From, class To>
void transpose_block(const From* from, int64_t from_stride, int64_t rows, int64_t cols, To* to, int64_t to_stride) {
  Floats in[4];
#pragma GCC unroll 4
  for (int64_t r = 0; r < 4; ++r) in[r] = r < rows ? lanes_of_4<To>(from + r * from_stride, cols) : Floats::zero();
  const float32x4_t a = vzip1q_f32(in[0].r, in[2].r), b = vzip2q_f32(in[0].r, in[2].r);
  const float32x4_t c = vzip1q_f32(in[1].r, in[3].r), d = vzip2q_f32(in[1].r, in[3].r);
  const Floats out[4] = {{vzip1q_f32(a, c)}, {vzip2q_f32(a, c)}, {vzip1q_f32(b, d)}, {vzip2q_f32(b, d)}};
#pragma GCC unroll 4
  for (int64_t x = 0; x < 4; ++x)
    if (x < cols) store_4(out[x], to + x * to_stride, rows);
}

}  // namespace orrery::cpu::neon
