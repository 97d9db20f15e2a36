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
  // `rows` rows of a, tile 6, and of sums, tiles 0 to 5; b in tile 7.
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

// 16 rows of 16 numbers, turned: row r's number c becomes row c's number r.
[[gnu::always_inline]] inline void turn_16(Floats (&rows)[16]) {
  __m512 ones[16], fours[16];   // neighbours; then in part l of fours[4 g + c], column 4 l + c of rows 4 g to 4 g + 3
#pragma GCC unroll 8
  for (int r = 0; r < 16; r += 2) {
    ones[r] = _mm512_unpacklo_ps(rows[r].r, rows[r + 1].r);
    ones[r + 1] = _mm512_unpackhi_ps(rows[r].r, rows[r + 1].r);
  }
#pragma GCC unroll 4
  for (int r = 0; r < 16; r += 4)
#pragma GCC unroll 2
    for (int c = 0; c < 2; ++c) {
      const __m512d upper = _mm512_castps_pd(ones[r + c]), lower = _mm512_castps_pd(ones[r + c + 2]);
      fours[r + 2 * c] = _mm512_castpd_ps(_mm512_unpacklo_pd(upper, lower));
      fours[r + 2 * c + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(upper, lower));
    }
#pragma GCC unroll 4
  for (int c = 0; c < 4; ++c) {
    const __m512 even = _mm512_shuffle_f32x4(fours[c], fours[4 + c], 0x88), even_below = _mm512_shuffle_f32x4(fours[8 + c], fours[12 + c], 0x88);
    const __m512 odd = _mm512_shuffle_f32x4(fours[c], fours[4 + c], 0xdd), odd_below = _mm512_shuffle_f32x4(fours[8 + c], fours[12 + c], 0xdd);
    rows[c].r = _mm512_shuffle_f32x4(even, even_below, 0x88);
    rows[4 + c].r = _mm512_shuffle_f32x4(odd, odd_below, 0x88);
    rows[8 + c].r = _mm512_shuffle_f32x4(even, even_below, 0xdd);
    rows[12 + c].r = _mm512_shuffle_f32x4(odd, odd_below, 0xdd);
  }
}

}  // namespace orrery::cpu::avx512
