// philox.h in 128-bit registers of aarch64. Included by philox.h only.
#pragma once

namespace orrery::cpu::neon {

// A 32-bit word of each of two counters, in the lower halves of 64-bit lanes; what the upper halves hold is not used.
struct Words {
  static constexpr int64_t kCounters = 2;
  uint64x2_t r;

  static Words broadcast(uint32_t word) { return {vdupq_n_u64(word)}; }
  static Words consecutive(uint32_t first) { return {vaddq_u64(vdupq_n_u64(first), uint64x2_t{0, 1})}; }
};
inline Words operator^(Words a, Words b) { return {veorq_u64(a.r, b.r)}; }
inline Words operator+(Words a, Words b) { return {vaddq_u64(a.r, b.r)}; }
// All 64 bits; high() is the upper half of them.
inline Words product(Words a, Words b) { return {vmull_u32(vmovn_u64(a.r), vmovn_u64(b.r))}; }
inline Words high(Words a) { return {vshrq_n_u64(a.r, 32)}; }

inline KeptPair kept_lanes(Words a, Words b, Words c, Words d, uint32_t threshold) {
  const uint64x2_t ab = vsliq_n_u64(a.r, b.r, 32), cd = vsliq_n_u64(c.r, d.r, 32);
  const auto kept = [&](uint64x2_t bits) {
    return Mask<float>{vcgeq_u32(vshrq_n_u32(vreinterpretq_u32_u64(bits), 8), vdupq_n_u32(threshold))};
  };
  return {kept(vzip1q_u64(ab, cd)), kept(vzip2q_u64(ab, cd))};
}

}  // namespace orrery::cpu::neon
