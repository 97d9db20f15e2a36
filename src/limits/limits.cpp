#include "limits/limits.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "kernels/kernels.h"
#include "tensor/tensor.h"

namespace orrery {

namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// The best rate, in units of `work()`'s result a second, of as many rounds as fit; two rounds at least.
template <class Work>
double best_rate(double seconds, Work&& work) {
  double best = 0;
  const double begin = now();
  for (int round = 0; round < 2 || now() - begin < seconds; ++round) {
    const double start = now(), done = work();
    best = std::max(best, done / (now() - start));
  }
  return best;
}

// Twice the last cache, 256 MiB at least, an eighth of the machine's memory at most.
int64_t bytes_beyond_the_cache() {
  int64_t cache = 0;
#ifdef _SC_LEVEL3_CACHE_SIZE
  cache = ::sysconf(_SC_LEVEL3_CACHE_SIZE);
#endif
  const int64_t memory = int64_t(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGESIZE);
  return std::min(std::max(2 * cache, int64_t(256) << 20), memory / 8);
}

// Rounds of a peak that take about two milliseconds.
int64_t rounds_of(double (*peak)(int64_t)) {
  int64_t rounds = 1000;
  for (;;) {
    const double start = now();
    if (peak(rounds) == 0) return rounds;
    if (now() - start >= 2e-3) return rounds;
    rounds *= 2;
  }
}

double peak_of(double (*peak)(int64_t), ThreadPool& pool, double seconds) {
  const int64_t rounds = rounds_of(peak);
  return best_rate(seconds, [&] {
           double done[1] = {0};
           pool.parallel(pool.num_threads(), [&](int64_t task) {
             const double one = peak(rounds);
             if (task == 0) done[0] = one;
           });
           return done[0] * pool.num_threads();
         }) / 1e9;
}

Speeds speeds_of(ThreadPool& pool, const LimitOptions& options, const Tensor& memory) {
  const Kernels<float>& k = kernels();
  Speeds speeds;
  const std::byte* bytes = memory.raw();
  constexpr int64_t kPart = int64_t(1) << 20;
  const int64_t parts = int64_t(memory.bytes()) / kPart;
  speeds.read_gb_per_second = best_rate(options.seconds, [&] {
                                pool.parallel(parts, [&](int64_t part) { k.read_bytes(bytes + part * kPart, kPart); });
                                return double(parts * kPart);
                              }) / 1e9;
  speeds.f32_gflops = peak_of(k.peak_fma, pool, options.seconds);
  speeds.bf16_gflops = peak_of(k.peak_bf16, pool, options.seconds);
  speeds.int8_gops = peak_of(k.peak_int8, pool, options.seconds);
  return speeds;
}

}  // namespace

Limits measure_limits(ThreadPool& pool, const LimitOptions& options) {
  const int64_t bytes = options.read_bytes > 0 ? options.read_bytes : bytes_beyond_the_cache();
  const int64_t count = std::max<int64_t>(bytes, int64_t(1) << 20) / 4;
  Tensor memory = Tensor::zeros(DType::f32, {count});
  std::fill_n(memory.mutable_data<float>(), count, 1.0f);   // each page its own, not the one page of zeros
  ThreadPool alone(1);
  Limits limits;
  limits.threads = pool.num_threads();
  limits.one = speeds_of(alone, options, memory);
  limits.all = pool.num_threads() == 1 ? limits.one : speeds_of(pool, options, memory);
  return limits;
}

}  // namespace orrery
