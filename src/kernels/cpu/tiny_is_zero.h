// Numbers below 2^-126 are zeros while one lives, operands and results alike, as the products of AVX-512 BF16 take them. What is
// computed meanwhile stands in a function of its own, so that no compiler moves it out.
//
// aarch64 looks at a result before it is rounded: what only rounding makes 2^-126 is a zero there, and 2^-126 on x86-64.
#pragma once

#include "kernels/cpu/vec.h"

namespace orrery::cpu::ORRERY_ISA {

class TinyIsZero {
 public:
  TinyIsZero() { write(kept_ | kFlush); }
  ~TinyIsZero() { write(kept_); }
  TinyIsZero(const TinyIsZero&) = delete;
  TinyIsZero& operator=(const TinyIsZero&) = delete;

 private:
#ifdef ORRERY_ISA_neon
  using Control = uint64_t;
  static constexpr Control kFlush = Control(1) << 24;   // FZ of FPCR
  static Control read() {
    Control control;
    asm volatile("mrs %0, fpcr" : "=r"(control));
    return control;
  }
  static void write(Control control) { asm volatile("msr fpcr, %0" : : "r"(control) : "memory"); }
#else
  using Control = unsigned;
  static constexpr Control kFlush = 0x8040;   // results, and operands
  static Control read() { return _mm_getcsr(); }
  static void write(Control control) { _mm_setcsr(control); }
#endif
  const Control kept_ = read();
};

}  // namespace orrery::cpu::ORRERY_ISA
