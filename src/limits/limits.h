// The machine's limits: what decoding (bytes of weights a second) and prefill or training (operations a second) are
// measured against. A shared machine's limits change from second to second, so measure them beside what they judge.
//
//   ThreadPool pool(2);
//   const Limits limits = measure_limits(pool);
//   limits.all.read_gb_per_second;
#pragma once

#include "base/threads.h"

namespace orrery {

// 10^9 bytes, floating-point operations, integer operations a second; 0 where the class of kernels has no such instruction.
struct Speeds {
  double read_gb_per_second = 0, f32_gflops = 0, bf16_gflops = 0, int8_gops = 0;
};

struct Limits {
  Speeds one, all;   // with one thread, and with all of the pool
  int threads = 1;
};

struct LimitOptions {
  double seconds = 0.1;                          // for each figure; the best of short rounds counts
  int64_t read_bytes = 0;                        // of memory read; 0: so much that the last cache holds no more than half of it
};

// Takes about eight times `seconds`.
Limits measure_limits(ThreadPool& pool, const LimitOptions& options = {});

}  // namespace orrery
