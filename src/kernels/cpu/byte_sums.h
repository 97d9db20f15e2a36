// Sums of products of bytes, four to a lane of 32 bits, exact: numbers of b as panels store them (kBits bits, an offset added that makes
// them without a sign) times bytes of a, -127 to 127. They begin with `start` = -offset sum a, which takes the offset off again.
//
//   ByteSums<8, kInstruction> sums(start);
//   for each step: sums.add<step, steps>(ByteFactors<8>(stored), a);
//   sums.whole()
#pragma once

#include "kernels/cpu/vec.h"

namespace orrery::cpu::ORRERY_ISA {

#if defined(ORRERY_ISA_avx512) || defined(ORRERY_ISA_neon)

template <int kBits>
struct ByteFactors {
  Ints stored;
  ByteFactors() = default;
  [[gnu::always_inline]] explicit ByteFactors(Ints stored_) : stored(stored_) {}
};

template <int kBits, bool kInstruction>
class ByteSums {
 public:
  ByteSums() = default;
  [[gnu::always_inline]] explicit ByteSums(int32_t start) : sums_(Ints::broadcast(start)) {}
  template <int step, int steps>
  [[gnu::always_inline]] void add(const ByteFactors<kBits>& b, Ints a) { sums_ = dot_bytes<kInstruction>(sums_, b.stored, a); }
  [[gnu::always_inline]] Ints whole() const { return sums_; }
  // Two sums of 16 bits: the one before goes to the upper half of a lane, the next begins in the lower one, from 2^15 on so that it takes nothing from the
  // upper.
  [[gnu::always_inline]] void next_half() { sums_ = shift_left<16>(sums_) | Ints::broadcast(1 << 15); }
  [[gnu::always_inline]] Ints halves() const { return sums_ ^ Ints::broadcast(1 << 15); }

 private:
  Ints sums_;
};

#else

// There is an instruction for bytes without a sign times bytes with one, neighbours added up in 16 bits, where most sums would not fit.
// Of six bits and fewer they do, several times over. Of eight, the sizes |q| <= 128 times a with q's sign do: 2 * 128 * 127 < 2^15.
template <int kBits>
struct ByteFactors {
  __m256i stored;
  ByteFactors() = default;
  [[gnu::always_inline]] explicit ByteFactors(Ints stored_) : stored(stored_.r) {}
  [[gnu::always_inline]] __m256i times(Ints a) const { return _mm256_maddubs_epi16(stored, a.r); }
};
template <>
struct ByteFactors<8> {
  __m256i number, size;
  ByteFactors() = default;
  [[gnu::always_inline]] explicit ByteFactors(Ints stored) : number(_mm256_xor_si256(stored.r, _mm256_set1_epi8(-128))), size(_mm256_abs_epi8(number)) {}
  [[gnu::always_inline]] __m256i times(Ints a) const { return _mm256_maddubs_epi16(size, _mm256_sign_epi8(a.r, number)); }
};

template <int kBits, bool kInstruction>
class ByteSums {
 public:
  ByteSums() = default;
  [[gnu::always_inline]] explicit ByteSums(int32_t start) : sums_(Ints::broadcast(kBits == 8 ? 0 : start)) {}   // numbers of eight bits have lost their offset
  template <int step, int steps>
  [[gnu::always_inline]] void add(const ByteFactors<kBits>& b, Ints a) {
    const __m256i products = b.times(a);
    in_16_bits_ = step % kTogether == 0 ? products : _mm256_add_epi16(in_16_bits_, products);
    if (step % kTogether == kTogether - 1 || step == steps - 1) {
      sums_.r = _mm256_add_epi32(sums_.r, _mm256_madd_epi16(in_16_bits_, _mm256_set1_epi16(1)));
      asm("" : "+x"(sums_.r));   // now: compilers put such sums off, and the products away to memory
    } else {
      asm("" : "+x"(in_16_bits_));
    }
  }
  [[gnu::always_inline]] Ints whole() const { return sums_; }

 private:
  static constexpr int kTogether = kBits == 8 ? 1 : 32767 / (2 * 127 * ((1 << kBits) - 1));   // products that 16 bits hold the sum of
  Ints sums_;
  __m256i in_16_bits_;
};

#endif

}  // namespace orrery::cpu::ORRERY_ISA
