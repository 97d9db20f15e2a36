// Peaks and reads by plain loops, by the contracts of kernels/limits.h.
#include "kernels/limits.h"

namespace orrery::reference {

template <class T>
double peak_fma(int64_t rounds) {
  constexpr int kChains = 8;
  T sums[kChains] = {};
  for (int64_t i = 0; i < rounds; ++i)
    for (int c = 0; c < kChains; ++c) sums[c] = sums[c] * T(0.5) + T(1);
  volatile T sink = 0;
  for (const T sum : sums) sink = sink + sum;
  return 2.0 * kChains * double(rounds);
}

template <class T>
double peak_bf16(int64_t) {
  return 0;
}

template <class T>
double peak_int8(int64_t) {
  return 0;
}

template <class T>
uint32_t read_bytes(const void* data, int64_t count) {
  const uint32_t* words = static_cast<const uint32_t*>(data);
  uint32_t sum = 0;
  for (int64_t i = 0; i < count / 4; ++i) sum += words[i];
  return sum;
}

#define INSTANTIATE(T)                    \
  template double peak_fma<T>(int64_t);   \
  template double peak_bf16<T>(int64_t);  \
  template double peak_int8<T>(int64_t);  \
  template uint32_t read_bytes<T>(const void*, int64_t);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace orrery::reference
