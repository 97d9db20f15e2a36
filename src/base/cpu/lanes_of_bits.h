// Lanes (bytes.h) of 64 bytes as they are told: a bit each.
#pragma once

#include <cstdint>

namespace orrery::cpu::ORRERY_ISA {

struct Lanes {
  uint64_t v;
};
inline Lanes operator|(Lanes l, Lanes m) { return {l.v | m.v}; }
inline Lanes operator&(Lanes l, Lanes m) { return {l.v & m.v}; }
inline Lanes without(Lanes l, Lanes m) { return {l.v & ~m.v}; }
inline uint64_t bits(Lanes l) { return l.v; }

}  // namespace orrery::cpu::ORRERY_ISA
