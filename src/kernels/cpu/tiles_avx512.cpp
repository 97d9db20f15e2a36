#include "kernels/cpu/tiles_avx512.h"

#include "kernels/limits.h"

#include <cpuid.h>

#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace orrery::cpu::avx512 {

namespace {

// Bits of CPUID leaf 7, register EDX.
constexpr unsigned kAmxBf16 = 1u << 22, kAmxTile = 1u << 24, kAmxInt8 = 1u << 25;

unsigned features() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & kAmxTile)) return 0;
#if defined(__linux__) && defined(SYS_arch_prctl)
  // The state of tiles is large: Linux grants it to a process that asks.
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  if (syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0) return d;
#endif
  return 0;
}

void clear_tiles() { clear_tile<0>(), clear_tile<1>(), clear_tile<2>(), clear_tile<3>(), clear_tile<4>(), clear_tile<5>(), clear_tile<6>(), clear_tile<7>(); }

unsigned granted() {
  static const unsigned found = features();
  return found;
}

}  // namespace

peak_bf16_fn<float> peak_bf16_in_tiles;
peak_int8_fn<float> peak_int8_in_tiles;

// Four tiles of sums, as in a product.
double peak_bf16_in_tiles(int64_t rounds) {
  const Tiles tiles;
  clear_tiles();
  for (int64_t i = 0; i < rounds; ++i) multiply_pairs<0, 6, 4>(), multiply_pairs<1, 6, 5>(), multiply_pairs<2, 7, 4>(), multiply_pairs<3, 7, 5>();
  return 4.0 * 2 * 16 * 16 * 32 * double(rounds);
}
double peak_int8_in_tiles(int64_t rounds) {
  if (!has_int8_tiles()) return 0;
  const Tiles tiles;
  clear_tiles();
  for (int64_t i = 0; i < rounds; ++i) multiply_bytes<0, 6, 4>(), multiply_bytes<1, 6, 5>(), multiply_bytes<2, 7, 4>(), multiply_bytes<3, 7, 5>();
  return 4.0 * 2 * 16 * 16 * 64 * double(rounds);
}

bool has_bf16_tiles() { return (granted() & kAmxBf16) && __builtin_cpu_supports("avx512bf16"); }
bool has_int8_tiles() { return granted() & kAmxInt8; }

}  // namespace orrery::cpu::avx512
