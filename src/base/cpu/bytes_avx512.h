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

// Of bytes whose six low bits are the number of a bit.
class SixBits {
 public:
  explicit SixBits(Bytes b)
      : byte_(_mm512_and_si512(_mm512_srli_epi16(b.v, 3), all(7))), bit_(_mm512_shuffle_epi8(_mm512_set1_epi64(static_cast<int64_t>(0x8040201008040201u)), _mm512_and_si512(b.v, all(7)))) {}
  Lanes in(uint64_t set) const { return {_mm512_test_epi8_mask(_mm512_shuffle_epi8(_mm512_set1_epi64(static_cast<int64_t>(set)), byte_), bit_)}; }

 private:
  __m512i byte_, bit_;   // of the set
};

}  // namespace orrery::cpu::ORRERY_ISA
