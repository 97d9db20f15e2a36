#include "peak.h"

#include <cstdint>
#include <string_view>

#include <time.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace orrery::bench {

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return double(now.tv_sec) + double(now.tv_nsec) * 1e-9;
}

namespace {

#if defined(__x86_64__)
volatile float sink;

__attribute__((target("avx512f"))) void loop512(int64_t steps) {
  __m512 acc[12];
  for (int i = 0; i < 12; ++i) acc[i] = _mm512_set1_ps(float(i));
  const __m512 a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(0.001f);
  for (int64_t s = 0; s < steps; ++s) {
#pragma GCC unroll 12
    for (int i = 0; i < 12; ++i) acc[i] = _mm512_fmadd_ps(acc[i], a, b);
  }
  __m512 sum = acc[0];
  for (int i = 1; i < 12; ++i) sum = _mm512_add_ps(sum, acc[i]);
  sink = _mm512_cvtss_f32(sum);
}

__attribute__((target("avx2,fma"))) void loop256(int64_t steps) {
  __m256 acc[12];
  for (int i = 0; i < 12; ++i) acc[i] = _mm256_set1_ps(float(i));
  const __m256 a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(0.001f);
  for (int64_t s = 0; s < steps; ++s) {
#pragma GCC unroll 12
    for (int i = 0; i < 12; ++i) acc[i] = _mm256_fmadd_ps(acc[i], a, b);
  }
  __m256 sum = acc[0];
  for (int i = 1; i < 12; ++i) sum = _mm256_add_ps(sum, acc[i]);
  sink = _mm256_cvtss_f32(sum);
}

double best_rate(void (*loop)(int64_t), double flop_per_step) {
  const int64_t steps = 2'000'000;
  double best = 0;
  for (int run = 0; run < 7; ++run) {
    const double begin = cpu_seconds();
    loop(steps);
    const double rate = double(steps) * flop_per_step / (cpu_seconds() - begin);
    if (rate > best) best = rate;
  }
  return best;
}
#endif

}  // namespace

double fma_peak([[maybe_unused]] const char* kernel_class) {
#if defined(__x86_64__)
  if (std::string_view(kernel_class) == "avx512" || std::string_view(kernel_class) == "amx") return best_rate(loop512, 12 * 16 * 2);
  if (std::string_view(kernel_class) == "avx2") return best_rate(loop256, 12 * 8 * 2);
#endif
  return 0;
}

}  // namespace orrery::bench
