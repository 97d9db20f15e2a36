// Bytes (bytes.h) one by one, for processors without registers for them.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "base/cpu/lanes_of_bits.h"

namespace orrery::cpu::ORRERY_ISA {

struct Bytes {
  static constexpr int kSize = 64;
  std::array<uint8_t, kSize> v;

  static Bytes load(const char* p) {
    Bytes made;
    std::memcpy(made.v.data(), p, kSize);
    return made;
  }
  template <class F>
  Lanes where(F f) const {
    uint64_t mask = 0;
    for (int i = 0; i < kSize; ++i) mask |= uint64_t(f(v[static_cast<size_t>(i)])) << i;
    return {mask};
  }
};

inline Bytes operator|(Bytes b, int byte) {
  for (uint8_t& one : b.v) one = static_cast<uint8_t>(one | byte);
  return b;
}
inline Lanes operator==(const Bytes& b, int byte) {
  return b.where([=](uint8_t one) { return one == static_cast<uint8_t>(byte); });
}
inline Lanes operator<(const Bytes& b, int byte) {
  return b.where([=](uint8_t one) { return static_cast<int8_t>(one) < static_cast<int8_t>(byte); });
}
inline Lanes operator>(const Bytes& b, int byte) {
  return b.where([=](uint8_t one) { return static_cast<int8_t>(one) > static_cast<int8_t>(byte); });
}
inline Lanes within(const Bytes& b, int from, int count) {
  return b.where([=](uint8_t one) { return static_cast<uint8_t>(one - from) < count; });
}
inline Lanes beyond_ascii(const Bytes& b) { return b < 0; }

}  // namespace orrery::cpu::ORRERY_ISA
