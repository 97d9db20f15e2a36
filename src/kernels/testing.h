// For the tests and benches of kernels only.
#pragma once

#include <sys/mman.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "base/random.h"

namespace orrery {

// Zeroed memory at the alignment kernels ask of panels and scratch: 64 bytes.
class AlignedBytes {
 public:
  explicit AlignedBytes(int64_t bytes = 0)
      : memory_(std::aligned_alloc(size_t(page_of(bytes)), size_t((bytes / page_of(bytes) + 1) * page_of(bytes))), &std::free) {
    char* begin = static_cast<char*>(memory_.get());
    if (bytes >= kHuge) madvise(begin, size_t(bytes), MADV_HUGEPAGE);   // as weights lie
    std::memset(begin, 0, size_t(bytes));
  }
  void* data() const { return memory_.get(); }

 private:
  static int64_t page_of(int64_t bytes) { return bytes >= kHuge ? kHuge : 64; }
  static constexpr int64_t kHuge = int64_t(2) << 20;
  std::unique_ptr<void, void (*)(void*)> memory_;
};

// Standard normal numbers.
inline std::vector<float> random_floats(Random& random, int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = float(random.normal());
  return values;
}

// Equal to the bit; any NaN is any other.
inline bool same_bits(float a, float b) {
  return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b) || (std::isnan(a) && std::isnan(b));
}

}  // namespace orrery
