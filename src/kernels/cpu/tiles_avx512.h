// Intel AMX: eight registers of 16 rows of 64 bytes, and products of them. Written out, since this set is built without it and asks at run
// time. A thread's tiles are its own; they are set up for as long as a Tiles lives, so that whoever switches threads need not save them else.
#pragma once

#include <cstdint>

#include "kernels/cpu/vec.h"

namespace orrery::cpu::avx512 {

// Does the processor have tiles with these products (bf16: and AVX-512 BF16), and does the system grant them to this process? Asked once.
bool has_bf16_tiles();
bool has_int8_tiles();

constexpr int64_t kTileHeight = 16, kTileBytes = 64;   // of a row

struct Tiles {
  // `depth` bytes of the inner dimension: in each row of a, tiles 6 and 7, and in each four of rows of b, tiles 4 and 5.
  explicit Tiles(int depth = int(kTileBytes)) {
    const uint16_t bytes = uint16_t(depth);
    const uint8_t fours = uint8_t(depth / 4);
    set_up({1, 0, {}, {64, 64, 64, 64, 64, 64, bytes, bytes}, {16, 16, 16, 16, fours, fours, 16, 16}});
  }
  // `rows` rows of a, tiles 4 to 6 or the last of them, and of sums, those before; b in tile 7.
  static Tiles of_few(int64_t rows) { return Tiles(uint8_t(rows), 0); }
  ~Tiles() { asm volatile("tilerelease"); }
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;

 private:
  struct alignas(64) Shape {
    uint8_t palette, start, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
  };
  Tiles(uint8_t few, int) { set_up({1, 0, {}, {64, 64, 64, 64, 64, 64, 64, 64}, {few, few, few, few, few, few, few, 16}}); }
  static void set_up(const Shape& shape) { asm volatile("ldtilecfg %0" ::"m"(shape)); }
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
// The same of what comes by once: it leaves L1 to what stays there.
template <int t>
[[gnu::always_inline]] inline void stream_tile(const void* from, int64_t stride) {
  asm volatile("tileloaddt1 (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(stride), "i"(t) : "memory");
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
// The same where bytes of b have none.
template <int c, int a, int b>
[[gnu::always_inline]] inline void multiply_signed() {
  asm volatile("tdpbsud %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(c), "i"(a), "i"(b));
}

}  // namespace orrery::cpu::avx512
