// Bytes (bytes.h) in 64 bytes of AVX-512, whose comparisons tell bits.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "base/cpu/lanes_of_bits.h"
#include "base/repeated_bytes.h"

namespace orrery::cpu::ORRERY_ISA {

struct Bytes {
  static constexpr int kSize = 64;
  __m512i v;

  static Bytes load(const char* p) { return {_mm512_loadu_si512(p)}; }
  static Bytes load(const char* p, size_t count) { return {_mm512_maskz_loadu_epi8(_bzhi_u64(~uint64_t(0), static_cast<unsigned>(count < 64 ? count : 64)), p)}; }   // zeros behind
  void store(char* p) const { _mm512_storeu_si512(p, v); }
};

inline __m512i all(int byte) { return _mm512_load_si512(repeated_bytes[byte & 0xFF].bytes.data()); }
inline Bytes operator|(Bytes b, int byte) { return {_mm512_or_si512(b.v, all(byte))}; }
inline Lanes operator==(Bytes b, int byte) { return {_mm512_cmpeq_epi8_mask(b.v, all(byte))}; }
inline Lanes operator<(Bytes b, int byte) { return {_mm512_cmplt_epi8_mask(b.v, all(byte))}; }
inline Lanes operator>(Bytes b, int byte) { return {_mm512_cmpgt_epi8_mask(b.v, all(byte))}; }
inline Lanes within(Bytes b, int from, int count) { return {_mm512_cmplt_epu8_mask(_mm512_sub_epi8(b.v, all(from)), all(count))}; }
inline Lanes beyond_ascii(Bytes b) { return {_mm512_movepi8_mask(b.v)}; }

}  // namespace orrery::cpu::ORRERY_ISA
