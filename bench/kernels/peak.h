// The denominators: what one core can do at best.
#pragma once

namespace orrery::bench {

// Time this thread has run, in seconds: on a busy machine it says more than the clock on the wall.
double cpu_seconds();

// Fused multiply-adds in registers, in flop per second, with the registers of a kernel class ("avx2", "avx512"); 0 where
// this program has no such loop.
double fma_peak(const char* kernel_class);

}  // namespace orrery::bench
