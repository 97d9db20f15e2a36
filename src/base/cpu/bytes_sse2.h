// Bytes (bytes.h) in 16 bytes of SSE2, which every x86-64 has.
#pragma once

#include <emmintrin.h>

#include <cstdint>

namespace orrery::cpu::ORRERY_ISA {

struct Lanes {
  __m128i v;   // each byte's highest bit tells
};
struct Bytes {
  static constexpr int kSize = 16;
  __m128i v;

  static Bytes load(const char* p) { return {_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))}; }
};

inline __m128i all(int byte) { return _mm_set1_epi8(static_cast<char>(byte)); }
inline Bytes operator|(Bytes b, int byte) { return {_mm_or_si128(b.v, all(byte))}; }
inline Lanes operator==(Bytes b, int byte) { return {_mm_cmpeq_epi8(b.v, all(byte))}; }
inline Lanes operator<(Bytes b, int byte) { return {_mm_cmplt_epi8(b.v, all(byte))}; }
inline Lanes operator>(Bytes b, int byte) { return {_mm_cmpgt_epi8(b.v, all(byte))}; }
inline Lanes within(Bytes b, int from, int count) { return Bytes{_mm_sub_epi8(b.v, all(from + 128))} < count - 128; }   // signed: from is at -128
inline Lanes beyond_ascii(Bytes b) { return {b.v}; }

inline Lanes operator|(Lanes l, Lanes m) { return {_mm_or_si128(l.v, m.v)}; }
inline Lanes operator&(Lanes l, Lanes m) { return {_mm_and_si128(l.v, m.v)}; }
inline Lanes without(Lanes l, Lanes m) { return {_mm_andnot_si128(m.v, l.v)}; }
inline uint64_t bits(Lanes l) { return static_cast<uint32_t>(_mm_movemask_epi8(l.v)); }

}  // namespace orrery::cpu::ORRERY_ISA
