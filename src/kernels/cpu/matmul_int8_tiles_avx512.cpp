// Products of int8 by AMX tiles, for rows enough that they are faster (contract and layouts: kernels/matmul.h).
//
// Rows, rounded, and panels lie as tiles; four tiles of sums, of 32 rows and 32 columns, stay in registers over all p. They leave through
// memory, since nothing else can read a tile, and are scaled while the next ones are multiplied, a few rows with each step.
#include <algorithm>
#include <new>

#include "kernels/cpu/matmul_int8.h"
#include "kernels/cpu/tiles_avx512.h"

namespace orrery::cpu::avx512 {
namespace {

constexpr int64_t kTileColumns = 16, kPanelRow = kPanel * 4, kRows = 2 * kTileHeight;
constexpr int64_t kRowsTile = kInt8Rows * kInt8Step, kPanelStep = kInt8Step * kPanel;   // bytes
static_assert(kInt8Rows == kTileHeight && kInt8Step == kTileBytes && kPanel == 2 * kTileColumns && kTileColumns == Floats::kLanes);

// Sums of tiles and what they are scaled with, row by row.
struct Sums {
  alignas(64) int32_t of[kRows][kPanel];
  alignas(64) float scale[kRows];
  alignas(64) int32_t start[kRows];
  Floats column_scale[2], bias[2];
  float* c = nullptr;
  int64_t c_stride = 0, columns = 0, row = 0, rows = 0;   // rows before `row` are done
  bool accumulate = false;

  template <class Load, class Store>
  [[gnu::always_inline]] void scale_row(Load&& load, Store&& store) {
    const Ints first = Ints::broadcast(start[row]);
    const Floats all = Floats::broadcast(scale[row]);
    float* at = c + row * c_stride;
#pragma GCC unroll 2
    for (int64_t v = 0; v < 2; ++v) {
      const Floats from = accumulate ? load(at + v * Floats::kLanes, v) : bias[v];
      store(fma(to_floats(add(Ints::load(of[row] + v * Floats::kLanes), first)), all * column_scale[v], from), at + v * Floats::kLanes, v);
    }
  }
  // The rows before `end`.
  [[gnu::always_inline]] void scale_until(int64_t end) {
    for (end = std::min(end, rows); row < end; ++row) {
      if (columns >= kPanel)
        scale_row([](const float* from, int64_t) { return Floats::load(from); }, [](Floats x, float* to, int64_t) { x.store(to); });
      else
        scale_row([&](const float* from, int64_t v) { return Floats::load(from, columns - v * Floats::kLanes); },
                  [&](Floats x, float* to, int64_t v) { x.store(to, columns - v * Floats::kLanes); });
    }
  }
};
constexpr int64_t kScratchBytes = int64_t(sizeof(Sums));
static_assert(kScratchBytes % 64 == 0 && int8_group_bytes(kInt8Depth) <= kMatmulScratchBytes / 2 - kScratchBytes);

// What comes to L2 meanwhile, with each step: `lines` of 64 bytes of the panel that follows, and rows of c that these sums go to.
struct Ahead {
  const std::byte* panel;
  int64_t lines;
  const float* c;
  int64_t c_stride, rows;
  [[gnu::always_inline]] void step(int64_t rows_each) {
    for (int64_t line = 0; line < lines; ++line, panel += 64) __builtin_prefetch(panel, 0, 2);
    for (const int64_t left = std::max<int64_t>(rows - rows_each, 0); rows > left; --rows, c += c_stride) {
      __builtin_prefetch(c, 1, 2);
      __builtin_prefetch(c + kTileColumns, 1, 2);
    }
  }
};

// Sums of kRowTiles groups and a panel's columns take the place of those before, which are scaled meanwhile. A panel that comes from memory,
// for 16 rows alone, is asked for some steps ahead.
constexpr int64_t kAheadBytes = 4 * kPanelStep;
template <int kRowTiles>
[[gnu::always_inline]] inline void multiply(const int8_t* a, int64_t next_group, const uint8_t* b, int64_t steps, Ahead ahead, Sums& sums) {
  const int64_t rows_each = kRows / std::max<int64_t>(steps, 1) + 1;
  clear_tile<0>(), clear_tile<1>();
  if constexpr (kRowTiles == 2) clear_tile<2>(), clear_tile<3>();
  for (int64_t t = 0; t < steps; ++t, a += kRowsTile, b += kPanelStep) {
    if constexpr (kRowTiles == 1)
#pragma GCC unroll 32
      for (int64_t line = 0; line < kPanelStep; line += 64) __builtin_prefetch(b + kAheadBytes + line);
    ahead.step(rows_each);
    load_tile<4>(b, kPanelRow);
    stream_tile<6>(a, kTileBytes);
    multiply_signed<0, 6, 4>();
    load_tile<5>(b + kTileBytes, kPanelRow);
    multiply_signed<1, 6, 5>();
    if constexpr (kRowTiles == 2) {
      stream_tile<7>(a + next_group, kTileBytes);
      multiply_signed<2, 7, 4>();
      multiply_signed<3, 7, 5>();
    }
    sums.scale_until(sums.row + rows_each);
  }
  sums.scale_until(kRows);
  store_tile<0>(&sums.of[0][0], kPanelRow);
  store_tile<1>(&sums.of[0][kTileColumns], kPanelRow);
  if constexpr (kRowTiles == 2) {
    store_tile<2>(&sums.of[kTileHeight][0], kPanelRow);
    store_tile<3>(&sums.of[kTileHeight][kTileColumns], kPanelRow);
  }
}

// Rows [row, row + rows) of c, of groups from `group` on, and the columns of the panel from `column` on.
template <int kRowTiles>
void run_tile(const Matmul<float>& product, int64_t row, int64_t rows, int64_t column, const Int8Group& group, const Int8Panel& panel, const Ahead& ahead, Sums& sums) {
  const int64_t next_group = int8_group_bytes(product.k), columns = product.n - column;
  multiply<kRowTiles>(group.numbers, next_group, panel.numbers, int8_depth(product.k) / kInt8Step, ahead, sums);
#pragma GCC unroll 2
  for (int64_t g = 0; g < kRowTiles; ++g) {
    const auto& head = *reinterpret_cast<const Int8Head*>(reinterpret_cast<const std::byte*>(group.head) + g * next_group);
    Floats::load(head.scale).store(sums.scale + g * kTileHeight);
    store(Ints::load(head.start), sums.start + g * kTileHeight);
  }
#pragma GCC unroll 2
  for (int64_t v = 0; v < 2; ++v) {
    sums.column_scale[v] = Floats::load(panel.scale + v * Floats::kLanes);
    sums.bias[v] = product.bias ? Floats::load(product.bias + column + v * Floats::kLanes, columns - v * Floats::kLanes) : Floats::zero();
  }
  sums.c = product.c + row * product.c_stride + column, sums.c_stride = product.c_stride, sums.columns = columns;
  sums.row = 0, sums.rows = rows, sums.accumulate = product.accumulate;
}

}  // namespace

void matmul_of_int8_in_tiles(const Matmul<float>& product) {
  auto& sums = *new (product.scratch) Sums;
  const int64_t steps = int8_depth(product.k) / kInt8Step;
  const Tiles configured;
  with_int8_rows(product, static_cast<std::byte*>(product.scratch) + kScratchBytes, kMatmulScratchBytes / 2 - kScratchBytes, [&](int64_t begin, int64_t rows, const void* rounded) {
    for (int64_t j = 0; j < product.n; j += kPanel) {
      const Int8Panel panel(product.panels, j, product.k);
      // The panel that follows, in as many parts as tiles pass over this one.
      const int64_t tiles = (rows + kRows - 1) / kRows, lines = j + kPanel < product.n && rows > kTileHeight ? (kPanelStep / 64 + tiles - 1) / tiles : 0;
      const std::byte* next = reinterpret_cast<const std::byte*>(panel.scale) + panel_bytes(PanelFormat::int8, product.k);
      for (int64_t i = 0; i < rows; i += kRows) {
        const int64_t some = std::min(rows - i, kRows);
        const Int8Group group(rounded, i, product.k);
        const Ahead ahead{next + i / kRows * lines * steps * 64, lines, product.c + (begin + i) * product.c_stride + j, product.c_stride, some};
        if (some > kTileHeight) run_tile<2>(product, begin + i, some, j, group, panel, ahead, sums);
        else run_tile<1>(product, begin + i, some, j, group, panel, ahead, sums);
      }
    }
  });
  sums.scale_until(kRows);
}

}  // namespace orrery::cpu::avx512
