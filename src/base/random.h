// Counter-based random numbers: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
// A number is a pure function of (key, counter), so it depends neither on how many were drawn before
// nor on which thread draws it.
//
//   float u = uniform(random_bits(seed, {stream, sequence, position, index}));
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

namespace orrery {

using Counter = std::array<uint32_t, 4>;

inline Counter philox(uint64_t key, Counter c) {
  uint32_t k0 = uint32_t(key), k1 = uint32_t(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t(0xD2511F53u) * c[0], p1 = uint64_t(0xCD9E8D57u) * c[2];
    c = {uint32_t(p1 >> 32) ^ c[1] ^ k0, uint32_t(p1), uint32_t(p0 >> 32) ^ c[3] ^ k1, uint32_t(p0)};
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return c;
}

// 24 random bits as a float in [0, 1).
inline float uniform(uint32_t bits) { return float(bits >> 8) * 0x1p-24f; }
// 53 random bits as a double in [0, 1).
inline double uniform53(uint32_t high, uint32_t low) {
  return double(((uint64_t(high) << 32) | low) >> 11) * 0x1p-53;
}

// A sequence of numbers for places where order is natural (a corpus generator, shuffling, initialisation).
class Random {
 public:
  explicit Random(uint64_t seed, uint64_t stream = 0) : key_(seed), stream_(stream) {}

  uint32_t bits() {
    if (used_ == 4) {
      block_ = philox(key_, {uint32_t(count_), uint32_t(count_ >> 32), uint32_t(stream_), uint32_t(stream_ >> 32)});
      ++count_;
      used_ = 0;
    }
    return block_[size_t(used_++)];
  }
  double uniform() {
    const uint32_t high = bits();
    return uniform53(high, bits());
  }
  // An integer in [0, n), unbiased; n > 0.
  uint64_t below(uint64_t n) {
    const uint64_t limit = ~uint64_t(0) - (~uint64_t(0) % n + 1) % n;  // the last value of the last whole run of n
    for (;;) {
      const uint64_t high = bits();
      const uint64_t draw = (high << 32) | bits();
      if (draw <= limit) return draw % n;
    }
  }
  // Standard normal, by Box and Muller.
  double normal() {
    const double u = 1.0 - uniform(), v = uniform();
    return std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586476925 * v);
  }

 private:
  uint64_t key_, stream_, count_ = 0;
  Counter block_{};
  int used_ = 4;
};

}  // namespace orrery
