// Philox4x32-10 (base/random.h) for kCounters neighbouring counters at once: the masks of dropout.
//
//   // columns i .. i + 2 Floats::kLanes - 1, i a multiple of 2 Floats::kLanes
//   const KeptPair kept = kept_lanes(seed, stream, sequence, position, uint32_t(i / 4), drop_below(probability));
//   store(y + i, mask_lanes(kept.first, x * factor), lanes);
#pragma once

#include "kernels/cpu/vec.h"

namespace orrery::cpu::ORRERY_ISA {

// Which lanes of two neighbouring vectors of floats are kept.
struct KeptPair {
  Mask<float> first, second;
};

}  // namespace orrery::cpu::ORRERY_ISA

#ifdef ORRERY_ISA_avx512
#include "kernels/cpu/philox_avx512.h"  // IWYU pragma: export
#elif defined(ORRERY_ISA_neon)
#include "kernels/cpu/philox_neon.h"  // IWYU pragma: export
#else
#include "kernels/cpu/philox_avx2.h"  // IWYU pragma: export
#endif

namespace orrery::cpu::ORRERY_ISA {

// uniform(bits) < probability exactly where the upper 24 of the bits are below this.
inline uint32_t drop_below(float probability) {
  const float scaled = probability * 0x1p24f;
  const uint32_t whole = uint32_t(scaled);
  return whole + (float(whole) < scaled ? 1 : 0);
}

// Element e of the pair has the bits philox(key, {c0, c1, c2, c3 + e / 4})[e % 4].
inline KeptPair kept_lanes(uint64_t key, uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3, uint32_t threshold) {
  const Words factor0 = Words::broadcast(0xD2511F53u), factor1 = Words::broadcast(0xCD9E8D57u);
  const Words step0 = Words::broadcast(0x9E3779B9u), step1 = Words::broadcast(0xBB67AE85u);
  Words key0 = Words::broadcast(uint32_t(key)), key1 = Words::broadcast(uint32_t(key >> 32));
  Words a = Words::broadcast(c0), b = Words::broadcast(c1), c = Words::broadcast(c2), d = Words::consecutive(c3);
  for (int round = 0; round < 10; ++round) {
    const Words p0 = product(factor0, a), p1 = product(factor1, c);
    a = high(p1) ^ b ^ key0;
    b = p1;
    c = high(p0) ^ d ^ key1;
    d = p0;
    key0 = key0 + step0;
    key1 = key1 + step1;
  }
  return kept_lanes(a, b, c, d, threshold);
}

}  // namespace orrery::cpu::ORRERY_ISA
