// Bytes: one register of text. What scans texts is written over it in the cpu/ folders and built once for each instruction set and once for
// what every processor of the kind has (`baseline`), each in a namespace of its own (ORRERY_ISA), so that the linker never merges two
// builds of a helper. Elsewhere it is the baseline's.
//
//   uint64_t blanks = 0;   // bit i is of byte i
//   each_of_64(text, [&](Bytes bytes, int at) { blanks |= bits(bytes == ' ') << at; });
//
// What every instruction set offers:
//   Bytes::kSize, 64 or a part of it; Bytes::load(p), of any address; b | byte;
//   b == byte, b < byte, b > byte -> Lanes, the order that of signed numbers: bytes beyond ASCII come before it;
//   within(b, from, count): from <= byte < from + count, as unsigned numbers; beyond_ascii(b);
//   l | m, l & m, without(l, m) = l & ~m, bits(l): bit i is of lane i.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#ifndef ORRERY_ISA
#define ORRERY_ISA baseline
#define ORRERY_ISA_baseline
#endif

#if defined(ORRERY_ISA_avx512)
#include "base/cpu/bytes_avx512.h"
#elif defined(ORRERY_ISA_avx2)
#include "base/cpu/bytes_avx2.h"
#elif defined(__SSE2__)
#include "base/cpu/bytes_sse2.h"
#elif defined(__aarch64__)
#include "base/cpu/bytes_neon.h"
#else
#include "base/cpu/bytes_plain.h"
#endif

namespace orrery::cpu::ORRERY_ISA {

// f(Bytes, i) for each register of the 64 bytes from `text` on, i its first byte among them.
template <class F>
[[gnu::always_inline]] inline void each_of_64(const char* text, F f) {
  for (int i = 0; i < 64; i += Bytes::kSize) f(Bytes::load(text + i), i);
}

// So many bytes of a text from `at` on, zeros behind its end.
template <size_t kCount = 64>
class BytesFrom {
 public:
  [[gnu::always_inline]] BytesFrom(std::string_view text, size_t at) : bytes_(text.data() + at) {
    const size_t left = text.size() - at;
    if (left >= kCount) return;
#if defined(ORRERY_ISA_avx512)
    for (size_t i = 0; i < sizeof padded_; i += Bytes::kSize) Bytes::load(bytes_ + i, left > i ? left - i : 0).store(padded_ + i);
#else
    std::memset(padded_, 0, sizeof padded_);
    if (left > 0) std::memcpy(padded_, bytes_, left);
#endif
    bytes_ = padded_;
  }
  BytesFrom(const BytesFrom&) = delete;
  operator const char*() const { return bytes_; }

 private:
  const char* bytes_;
  char padded_[(kCount + 63) / 64 * 64];   // set where it is used
};

// What `f` tells of each of the 64 bytes.
template <class F>
[[gnu::always_inline]] inline uint64_t bits_of_64(const char* text, F f) {
  uint64_t mask = 0;
  each_of_64(text, [&](Bytes bytes, int at) { mask |= bits(f(bytes)) << at; });
  return mask;
}

// Those of 64 bytes at `of` whose six low bits are the number of a bit of `set` that is set.
[[gnu::always_inline]] inline uint64_t in_set_of_64(const char* text, uint64_t of, uint64_t set) {
#if defined(ORRERY_ISA_avx512) || defined(ORRERY_ISA_avx2) || defined(__aarch64__)
  return of & bits_of_64(text, [&](Bytes b) { return SixBits(b).in(set); });
#else   // no instruction looks bytes up
  uint64_t mask = 0;
  for (; of != 0; of &= of - 1) {
    const int i = std::countr_zero(of);
    mask |= (set >> (text[i] & 63) & 1) << i;
  }
  return mask;
#endif
}

}  // namespace orrery::cpu::ORRERY_ISA
