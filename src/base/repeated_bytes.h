// Each byte 64 times, for registers that have to hold one in all places. In memory, for GCC makes such a register of a number it knows by
// three instructions each time, where a comparison reads memory by none.
#pragma once

#include <array>

namespace orrery::cpu {

struct alignas(64) RepeatedByte {
  std::array<char, 64> bytes;
};
extern const std::array<RepeatedByte, 256> repeated_bytes;

}  // namespace orrery::cpu
