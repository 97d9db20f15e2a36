// What products of pairs of bf16 make of a number (kernels/matmul.h).
#pragma once

#include <cfloat>
#include <cmath>
#include <cstdint>

#include "base/dtype.h"

namespace orrery::reference {

// A float below 2^-126 is zero.
template <class T>
T flushed(T x) {
  return sizeof(T) == sizeof(float) && std::fabs(x) < T(FLT_MIN) ? std::copysign(T(0), x) : x;
}
// The nearest bf16, of tiny ones a zero.
template <class T>
uint16_t as_operand(T x) {
  return float_to_bf16(flushed(float(x)));
}

}  // namespace orrery::reference
