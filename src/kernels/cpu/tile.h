// The register tile under every matrix product here: a few rows of c, a few vectors wide, stay in registers while p runs.
//
//   c[r, j] = start(r, j) + sum over p of a[r, p] * b[p, j]          one chain of fused multiply-adds per element
//
// A step of p costs kVectors loads of b, kRows broadcasts of a and kRows * kVectors multiply-adds. Two of the latter may
// start per cycle and each takes four, so at least eight accumulators are wanted, and fewer loads than multiply-adds.
#pragma once

#include <algorithm>
#include <type_traits>

#include "kernels/cpu/vec.h"

namespace orrery::cpu::ORRERY_ISA {

// Registers for accumulators: of 32 or 16, what is left for b's vectors and one broadcast.
#if defined(ORRERY_ISA_avx512) || defined(ORRERY_ISA_neon)
constexpr int kAccumulators = 28;
#else
constexpr int kAccumulators = 12;
#endif

constexpr int64_t rounded_up(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }

// a[r * row_stride + p * k_stride]. Functions that are called, not inlined, for each tile take it by reference: by value its three words go by memory,
// two of them written apart and read at once, which waits for all stores of the tile before.
struct TileA {
  const float* data;
  int64_t row_stride, k_stride;
  TileA from(int64_t p) const { return {data + p * k_stride, row_stride, k_stride}; }
};

// What a product does with an element of b in memory: makes lanes of it, and a multiply-add of lanes. A step of p takes one
// element, which may hold several p.
template <class Element>
struct StepOf {
  static constexpr int64_t kDepth = 1;
  static Floats lanes(const Element* p) { return widen(p); }
  static Floats multiply_add(Floats a, Floats b, Floats c) { return fma(a, b, c); }
};
// Pairs; a's are pairs too, as the bits of floats. kInstruction as in vec.h.
template <bool kInstruction>
struct Pair : Bf16Pair {};
template <bool kInstruction>
struct StepOf<Pair<kInstruction>> {
  static constexpr int64_t kDepth = 2;
  [[gnu::always_inline]] static Floats lanes(const Pair<kInstruction>* p) { return pairs(p); }
  [[gnu::always_inline]] static Floats multiply_add(Floats a, Floats b, Floats c) { return dot_pairs<kInstruction>(a, b, c); }
};

// Floats that are summed as pairs are, two neighbours of the sum at a time, the later one first: where floats have to multiply pairs.
struct InTwos {
  float value;
};
inline Floats widen(const InTwos* p) { return Floats::load(&p->value); }

// Rows split in slivers of nearly equal height, at most `most`, so that none is thin.
struct Slivers {
  int64_t rows, count;
  Slivers(int64_t n, int64_t most) : rows(n), count((n + most - 1) / most) {}
  int64_t begin(int64_t s) const { return rows / count * s + std::min(s, rows % count); }
  int64_t height(int64_t s) const { return rows / count + (s < rows % count); }
};

// f.template operator()<rows>() for a number of rows known at run time, and kMost for more.
template <int kMost, class F>
void with_rows(int64_t rows, F&& f) {
  if constexpr (kMost > 1) {
    if (rows < kMost) return with_rows<kMost - 1>(rows, f);
  }
  f.template operator()<kMost>();
}

// How far ahead of its use a panel is asked for: memory is some 60 cache lines away.
constexpr int64_t kAheadBytes = 4096;
template <int kVectors, class Element>
[[gnu::always_inline]] inline void prefetch_ahead(const Element* row) {
  const char* at = reinterpret_cast<const char*>(row) + kAheadBytes;
#pragma GCC unroll 4
  for (int64_t line = 0; line < kVectors * Floats::kLanes * int64_t(sizeof(Element)); line += 64)
    __builtin_prefetch(at + line);
}

// Asks for numbers that are read some time later, to L2.
template <class Element>
[[gnu::always_inline]] inline void ask_for(const Element* numbers, int64_t count) {
  for (int64_t i = 0; i < count; i += 64 / int64_t(sizeof(Element))) __builtin_prefetch(numbers + i, 0, 2);
  asm volatile("");   // a function that did nothing else would do nothing, says the compiler, and its calls would go
}

// What comes to the caches while a tile computes, a little at a time, so that no burst of requests holds up its own loads.
struct Ahead {
  static constexpr int64_t kSteps = 8;   // of p; after each so many
  const char* lines = nullptr;           // `each` cache lines of these come to L2
  int64_t each = 0;
  const float* rows = nullptr;           // and at last `count` rows of c, which the next tile begins with, to L1, `rows_each` at a time
  int64_t stride = 0, count = 0, rows_each = 1;

  template <int64_t kBytes, bool kOneByOne>   // kBytes: of a row; kOneByOne: rows_each is 1
  [[gnu::always_inline]] void ask(int64_t step, int64_t steps) const {
    const char* at = lines + step * each * 64;
    for (int64_t i = 0; i < each; ++i) __builtin_prefetch(at + i * 64, 0, 2);
    const int64_t some = kOneByOne ? 1 : rows_each, first = count - (steps - step) * some;
    if (kOneByOne && first < 0) return;
    for (int64_t row = std::max<int64_t>(0, first); row < first + some; ++row)
#pragma GCC unroll 4
      for (int64_t byte = 0; byte < kBytes + 63; byte += 64)   // its last byte may be in a line more
        __builtin_prefetch(reinterpret_cast<const char*>(rows + row * stride) + std::min(byte, kBytes - 1), 1, 3);
  }
};

template <int kRows, int kVectors>
struct Tile {
  Floats acc[kRows][kVectors];

  [[gnu::always_inline]] void zero() {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) acc[r][v] = Floats::zero();
  }

  // The first `columns` columns of each row, the others 0; all rows alike when row_stride is 0.
  [[gnu::always_inline]] void load(const float* c, int64_t row_stride, int64_t columns) {
    if (columns >= kVectors * Floats::kLanes)
      each_row(c, row_stride, [&](int r, const float* at) __attribute__((always_inline)) {
#pragma GCC unroll 8
        for (int v = 0; v < kVectors; ++v) acc[r][v] = Floats::load(at + v * Floats::kLanes);
      });
    else
      each_row(c, row_stride, [&](int r, const float* at) __attribute__((always_inline)) {
#pragma GCC unroll 8
        for (int v = 0; v < kVectors; ++v) acc[r][v] = Floats::load(at + v * Floats::kLanes, columns - v * Floats::kLanes);
      });
  }

  // What sums start from: c where they go on from it, else the bias of the columns from `column` on, or nothing.
  [[gnu::always_inline]] void start(bool onto, const float* c, int64_t row_stride, const float* bias, int64_t column, int64_t columns) {
    if (onto)
      load(c, row_stride, columns);
    else if (bias)
      load(bias + column, 0, columns);
    else
      zero();
  }

  [[gnu::always_inline]] void store(float* c, int64_t row_stride, int64_t columns) const {
    if (columns >= kVectors * Floats::kLanes)
      each_row(c, row_stride, [&](int r, float* at) __attribute__((always_inline)) {
#pragma GCC unroll 8
        for (int v = 0; v < kVectors; ++v) acc[r][v].store(at + v * Floats::kLanes);
      });
    else
      each_row(c, row_stride, [&](int r, float* at) __attribute__((always_inline)) {
#pragma GCC unroll 8
        for (int v = 0; v < kVectors; ++v) acc[r][v].store(at + v * Floats::kLanes, columns - v * Floats::kLanes);
      });
  }

  // f(r, row r of c). Each address comes from the one before: made at once, they are more than there are registers for.
  template <class Float, class F>
  [[gnu::always_inline]] static void each_row(Float* c, int64_t row_stride, F f) {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r, c += row_stride) {
      asm("" : "+r"(c));
      f(r, c);
    }
  }

  // One step of p. `a` points to a[0, p], rows row_stride apart; b[v] is vector v of b[p, :].
  template <class Element = float>
  [[gnu::always_inline]] void step(const float* a, int64_t row_stride, const Floats (&b)[kVectors]) {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const Floats x = Floats::broadcast(a[r * row_stride]);
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) acc[r][v] = StepOf<Element>::multiply_add(x, b[v], acc[r][v]);
    }
  }

  // Steps p = 0 .. k-1. Rows of b are b_stride elements apart, stored as float, Bf16, F16 or pairs. kFar: b may be out of cache.
  // In twos k is even.
  template <bool kFar = false, class Element>
  [[gnu::always_inline]] void multiply(TileA a, const Element* b, int64_t b_stride, int64_t k) {
    const float* at = a.data;
    constexpr int64_t kTogether = std::is_same_v<Element, InTwos> ? 2 : 1;
    for (int64_t p = 0; p < k; p += kTogether, at += kTogether * a.k_stride, b += kTogether * b_stride) {
      if constexpr (kFar) prefetch_ahead<kVectors>(b);
#pragma GCC unroll 2
      for (int64_t i = kTogether - 1; i >= 0; --i) {
        Floats row[kVectors];
#pragma GCC unroll 8
        for (int v = 0; v < kVectors; ++v) row[v] = StepOf<Element>::lanes(b + i * b_stride + v * Floats::kLanes);
        step<Element>(at + i * a.k_stride, a.row_stride, row);
      }
    }
  }
  template <class Element>
  [[gnu::always_inline]] void multiply(TileA a, const Element* b, int64_t b_stride, int64_t k, const Ahead& ahead) {
    const int64_t asked = k / Ahead::kSteps;
    for (int64_t i = 0; i < asked; ++i, a.data += Ahead::kSteps * a.k_stride, b += Ahead::kSteps * b_stride) {
      ahead.ask<kVectors * Floats::kLanes * int64_t(sizeof(float)), true>(i, asked);
      multiply(a, b, b_stride, Ahead::kSteps);
    }
    multiply(a, b, b_stride, k % Ahead::kSteps);
  }
};

}  // namespace orrery::cpu::ORRERY_ISA
