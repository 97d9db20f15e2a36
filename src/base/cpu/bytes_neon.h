// Bytes (bytes.h) in 16 bytes of NEON, which every aarch64 has.
#pragma once

#include <arm_neon.h>

#include <cstdint>

namespace orrery::cpu::ORRERY_ISA {

struct Lanes {
  uint8x16_t v;   // all bits of a byte, or none
};
struct Bytes {
  static constexpr int kSize = 16;
  uint8x16_t v;

  static Bytes load(const char* p) { return {vld1q_u8(reinterpret_cast<const uint8_t*>(p))}; }
};

inline uint8x16_t all(int byte) { return vdupq_n_u8(static_cast<uint8_t>(byte)); }
inline Bytes operator|(Bytes b, int byte) { return {vorrq_u8(b.v, all(byte))}; }
inline Lanes operator==(Bytes b, int byte) { return {vceqq_u8(b.v, all(byte))}; }
inline Lanes operator<(Bytes b, int byte) { return {vcltq_s8(vreinterpretq_s8_u8(b.v), vreinterpretq_s8_u8(all(byte)))}; }
inline Lanes operator>(Bytes b, int byte) { return {vcgtq_s8(vreinterpretq_s8_u8(b.v), vreinterpretq_s8_u8(all(byte)))}; }
inline Lanes within(Bytes b, int from, int count) { return {vcltq_u8(vsubq_u8(b.v, all(from)), all(count))}; }
inline Lanes beyond_ascii(Bytes b) { return b < 0; }

inline Lanes operator|(Lanes l, Lanes m) { return {vorrq_u8(l.v, m.v)}; }
inline Lanes operator&(Lanes l, Lanes m) { return {vandq_u8(l.v, m.v)}; }
inline Lanes without(Lanes l, Lanes m) { return {vbicq_u8(l.v, m.v)}; }
// Each lane keeps a bit of its own in its half, and a half's are summed.
inline uint64_t bits(Lanes l) {
  const uint8x16_t kept = vandq_u8(l.v, vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201u)));
  return static_cast<uint64_t>(vaddv_u8(vget_low_u8(kept))) | static_cast<uint64_t>(vaddv_u8(vget_high_u8(kept))) << 8;
}

// Of bytes whose six low bits are the number of a bit.
class SixBits {
 public:
  explicit SixBits(Bytes b)
      : byte_(vandq_u8(vshrq_n_u8(b.v, 3), all(7))), bit_(vqtbl1q_u8(vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201u)), vandq_u8(b.v, all(7)))) {}
  Lanes in(uint64_t set) const { return {vtstq_u8(vqtbl1q_u8(vreinterpretq_u8_u64(vdupq_n_u64(set)), byte_), bit_)}; }

 private:
  uint8x16_t byte_, bit_;   // of the set
};

}  // namespace orrery::cpu::ORRERY_ISA
