// Intel AMX: eight registers of 16 rows of 64 bytes, and products of them. Written out, since this set is built without it and asks at run
// time. A thread's tiles are its own; they are set up for as long as a Tiles lives, so that whoever switches threads need not save them else.
#pragma once

#include <cstdint>

namespace orrery::cpu::avx512 {

// Does the processor have tiles with these products, and does the system grant them to this process? Asked once.
bool has_bf16_tiles();
bool has_int8_tiles();

constexpr int64_t kTileHeight = 16, kTileBytes = 64;   // of a row

struct Tiles {
  Tiles() {
    alignas(64) struct {
      uint8_t palette = 1, start = 0, reserved[14] = {};
      uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
      uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
    } whole;
    asm volatile("ldtilecfg %0" ::"m"(whole));
  }
  ~Tiles() { asm volatile("tilerelease"); }
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;
};

template <int t>
[[gnu::always_inline]] inline void clear_tile() {
  asm volatile("tilezero %%tmm%c0" ::"i"(t));
}
// Rows are `stride` bytes apart.
template <int t>
[[gnu::always_inline]] inline void load_tile(const void* from, int64_t stride) {
  asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(stride), "i"(t) : "memory");
}
template <int t>
[[gnu::always_inline]] inline void store_tile(void* to, int64_t stride) {
  asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(stride), "i"(t) : "memory");
}
// c += a b, of pairs of bf16: kernels/matmul.h.
template <int c, int a, int b>
[[gnu::always_inline]] inline void multiply_pairs() {
  asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(c), "i"(a), "i"(b));
}
// c += a b, of fours of bytes with a sign.
template <int c, int a, int b>
[[gnu::always_inline]] inline void multiply_bytes() {
  asm volatile("tdpbssd %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(c), "i"(a), "i"(b));
}

}  // namespace orrery::cpu::avx512
