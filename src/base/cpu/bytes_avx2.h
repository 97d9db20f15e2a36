// Bytes (bytes.h) in 32 bytes of AVX2.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "base/repeated_bytes.h"

namespace orrery::cpu::ORRERY_ISA {

struct Lanes {
  __m256i v;   // each byte's highest bit tells
};
struct Bytes {
  static constexpr int kSize = 32;
  __m256i v;

  static Bytes load(const char* p) { return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))}; }
};

inline __m256i all(int byte) { return _mm256_load_si256(reinterpret_cast<const __m256i*>(repeated_bytes[byte & 0xFF].bytes.data())); }
inline Bytes operator|(Bytes b, int byte) { return {_mm256_or_si256(b.v, all(byte))}; }
inline Lanes operator==(Bytes b, int byte) { return {_mm256_cmpeq_epi8(b.v, all(byte))}; }
inline Lanes operator<(Bytes b, int byte) { return {_mm256_cmpgt_epi8(all(byte), b.v)}; }
inline Lanes operator>(Bytes b, int byte) { return {_mm256_cmpgt_epi8(b.v, all(byte))}; }
inline Lanes within(Bytes b, int from, int count) { return Bytes{_mm256_sub_epi8(b.v, all(from + 128))} < count - 128; }   // signed: from is at -128
inline Lanes beyond_ascii(Bytes b) { return {b.v}; }

inline Lanes operator|(Lanes l, Lanes m) { return {_mm256_or_si256(l.v, m.v)}; }
inline Lanes operator&(Lanes l, Lanes m) { return {_mm256_and_si256(l.v, m.v)}; }
inline Lanes without(Lanes l, Lanes m) { return {_mm256_andnot_si256(m.v, l.v)}; }
inline uint64_t bits(Lanes l) { return static_cast<uint32_t>(_mm256_movemask_epi8(l.v)); }

// Of bytes whose six low bits are the number of a bit.
class SixBits {
 public:
  explicit SixBits(Bytes b)
      : byte_(_mm256_and_si256(_mm256_srli_epi16(b.v, 3), all(7))), bit_(_mm256_shuffle_epi8(_mm256_set1_epi64x(static_cast<int64_t>(0x8040201008040201u)), _mm256_and_si256(b.v, all(7)))) {}
  Lanes in(uint64_t set) const { return {_mm256_cmpeq_epi8(_mm256_and_si256(_mm256_shuffle_epi8(_mm256_set1_epi64x(static_cast<int64_t>(set)), byte_), bit_), bit_)}; }

 private:
  __m256i byte_, bit_;   // of the set
};

}  // namespace orrery::cpu::ORRERY_ISA
