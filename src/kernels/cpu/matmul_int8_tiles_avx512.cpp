// Products of int8 by AMX tiles, for rows enough to fill them (contract and layouts: kernels/matmul.h).
//
// Rows, rounded, and panels lie as tiles; four tiles of sums, of 32 rows and 32 columns, stay in registers over all p. They leave through
// memory, since nothing else can read a tile, and are scaled there.
#include <algorithm>

#include "kernels/cpu/matmul_int8.h"
#include "kernels/cpu/tiles_avx512.h"

namespace orrery::cpu::avx512 {
namespace {

constexpr int64_t kTileColumns = 16, kPanelRow = kPanel * 4;
constexpr int64_t kRowsTile = kInt8Rows * kInt8Step, kPanelStep = kInt8Step * kPanel;   // bytes
static_assert(kInt8Rows == kTileHeight && kInt8Step == kTileBytes);

struct alignas(64) Scratch {
  int32_t sums[2 * kTileHeight][kPanel];
};
static_assert(int8_group_bytes(kInt8Depth) <= kMatmulScratchBytes - int64_t(sizeof(Scratch)));

// What comes to L2 meanwhile: `lines` of 64 bytes with each step.
struct Ahead {
  const std::byte* from;
  int64_t lines;
};

// Sums of kRowTiles groups and a panel's columns. A panel that comes from memory, for 16 rows alone, is asked for some steps ahead.
constexpr int64_t kAheadBytes = 4 * kPanelStep;
template <int kRowTiles>
[[gnu::always_inline]] inline void multiply(const int8_t* a, int64_t next_group, const uint8_t* b, int64_t steps, Ahead ahead) {
  clear_tile<0>(), clear_tile<1>();
  if constexpr (kRowTiles == 2) clear_tile<2>(), clear_tile<3>();
  for (int64_t t = 0; t < steps; ++t, a += kRowsTile, b += kPanelStep) {
    if constexpr (kRowTiles == 1)
#pragma GCC unroll 32
      for (int64_t line = 0; line < kPanelStep; line += 64) __builtin_prefetch(b + kAheadBytes + line);
    for (int64_t line = 0; line < ahead.lines; ++line, ahead.from += 64) __builtin_prefetch(ahead.from, 0, 2);
    load_tile<4>(b, kPanelRow);
    load_tile<6>(a, kTileBytes);
    multiply_signed<0, 6, 4>();
    load_tile<5>(b + kTileBytes, kPanelRow);
    multiply_signed<1, 6, 5>();
    if constexpr (kRowTiles == 2) {
      load_tile<7>(a + next_group, kTileBytes);
      multiply_signed<2, 7, 4>();
      multiply_signed<3, 7, 5>();
    }
  }
}

template <int kRowTiles>
[[gnu::always_inline]] inline void store_sums(Scratch& scratch) {
  store_tile<0>(&scratch.sums[0][0], kPanelRow);
  store_tile<1>(&scratch.sums[0][kTileColumns], kPanelRow);
  if constexpr (kRowTiles == 2) {
    store_tile<2>(&scratch.sums[kTileHeight][0], kPanelRow);
    store_tile<3>(&scratch.sums[kTileHeight][kTileColumns], kPanelRow);
  }
}

// 16 rows of sums, scaled, become rows of c; kWhole: all rows and columns of it are there.
template <bool kWhole>
[[gnu::always_inline]] inline void scale_sums(const Matmul<float>& product, int64_t row, int64_t rows, int64_t column, const Int8Head& head, const Int8Panel& panel,
                                              const int32_t (*sums)[kPanel]) {
  const auto left = [&](int64_t v) { return kWhole ? Floats::kLanes : product.n - column - v * Floats::kLanes; };
  const auto load = [&](const float* from, int64_t v) { return kWhole ? Floats::load(from + v * Floats::kLanes) : Floats::load(from + v * Floats::kLanes, left(v)); };
  Floats scales[2], bias[2];
#pragma GCC unroll 2
  for (int64_t v = 0; v < 2; ++v) {
    scales[v] = Floats::load(panel.scale + v * Floats::kLanes);
    bias[v] = product.bias ? load(product.bias + column, v) : Floats::zero();
  }
  float* c = product.c + row * product.c_stride + column;
  const auto scale_rows = [&](auto&& start) __attribute__((always_inline)) {
#pragma GCC unroll 4
    for (int64_t r = 0; r < rows; ++r) {
      const Ints first = Ints::broadcast(head.start[r]);
      const Floats scale = Floats::broadcast(head.scale[r]);
      float* at = c + r * product.c_stride;
#pragma GCC unroll 2
      for (int64_t v = 0; v < 2; ++v) {
        const Floats scaled = fma(to_floats(add(Ints::load(sums[r] + v * Floats::kLanes), first)), scale * scales[v], start(at, v));
        if constexpr (kWhole) scaled.store(at + v * Floats::kLanes);
        else scaled.store(at + v * Floats::kLanes, left(v));
      }
    }
  };
  if (product.accumulate) scale_rows(load);
  else scale_rows([&](const float*, int64_t v) { return bias[v]; });
}

// Rows [row, row + rows) of c, of groups from `group` on, and the columns of the panel from `column` on.
template <int kRowTiles>
void run_tile(const Matmul<float>& product, int64_t row, int64_t rows, int64_t column, const Int8Group& group, const Int8Panel& panel, Ahead ahead, Scratch& scratch) {
  const int64_t next_group = int8_group_bytes(product.k);
  multiply<kRowTiles>(group.numbers, next_group, panel.numbers, int8_depth(product.k) / kInt8Step, ahead);
  store_sums<kRowTiles>(scratch);
  const bool whole = rows == kRowTiles * kTileHeight && column + kPanel <= product.n;
  for (int64_t r = 0; r < rows; r += kTileHeight) {
    const auto& head = *reinterpret_cast<const Int8Head*>(reinterpret_cast<const std::byte*>(group.head) + r / kTileHeight * next_group);
    if (whole) scale_sums<true>(product, row + r, kTileHeight, column, head, panel, scratch.sums + r);
    else scale_sums<false>(product, row + r, std::min(rows - r, kTileHeight), column, head, panel, scratch.sums + r);
  }
}

}  // namespace

void matmul_of_int8_in_tiles(const Matmul<float>& product) {
  Scratch& scratch = *static_cast<Scratch*>(product.scratch);
  std::byte* memory = static_cast<std::byte*>(product.scratch) + sizeof(Scratch);
  const int64_t steps = int8_depth(product.k) / kInt8Step;
  const Tiles configured;
  with_int8_rows(product, memory, kMatmulScratchBytes - int64_t(sizeof(Scratch)), [&](int64_t begin, int64_t rows, const void* rounded) {
    for (int64_t j = 0; j < product.n; j += kPanel) {
      const Int8Panel panel(product.panels, j, product.k);
      // The panel that follows, in as many parts as tiles pass over this one.
      const int64_t tiles = (rows + 2 * kTileHeight - 1) / (2 * kTileHeight), lines = j + kPanel < product.n && rows > kTileHeight ? (kPanelStep / 64 + tiles - 1) / tiles : 0;
      const std::byte* next = reinterpret_cast<const std::byte*>(panel.scale) + panel_bytes(PanelFormat::int8, product.k);
      const auto ahead = [&](int64_t tile) { return Ahead{next + tile * lines * steps * 64, lines}; };
      int64_t i = 0;
      for (; rows - i > kTileHeight; i += 2 * kTileHeight)
        run_tile<2>(product, begin + i, std::min(rows - i, 2 * kTileHeight), j, Int8Group(rounded, i, product.k), panel, ahead(i / (2 * kTileHeight)), scratch);
      if (i < rows) run_tile<1>(product, begin + i, rows - i, j, Int8Group(rounded, i, product.k), panel, ahead(i / (2 * kTileHeight)), scratch);
    }
  });
}

}  // namespace orrery::cpu::avx512
