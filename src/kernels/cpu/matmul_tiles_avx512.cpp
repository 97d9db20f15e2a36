// Products of pairs of bf16 by AMX tiles: the class "amx" (contract: kernels/matmul.h).
//
// A panel is made of tiles of b already: 16 pairs of p, 16 columns. Rows of a are rounded to bf16 and packed as tiles, one behind the other
// (rows apart by some power of two would push each other out of L1). A part of p of a panel stays in L1 while all rows stream over it; four
// tiles of sums, of 32 rows and 32 columns, are in registers. The parts of p go over a few panels before the next few begin, and between
// them sums wait in L2, tile by tile: rows of c may be apart by a power of two, or begin anywhere in a line.
#include <algorithm>
#include <cstring>

#include "kernels/cpu/matmul_blocks.h"
#include "kernels/cpu/matmul_int8.h"
#include "kernels/cpu/pairs.h"
#include "kernels/cpu/tile.h"
#include "kernels/cpu/tiles_avx512.h"
#include "kernels/cpu/transpose.h"
#include "kernels/matmul.h"

namespace orrery::cpu::avx512 {
namespace {

constexpr int64_t kDepth = 32;                        // p of a tile
constexpr int64_t kPairBytes = 4, kPanelRow = kPanel * kPairBytes;
constexpr int64_t kTileColumns = kTileBytes / kPairBytes;
constexpr int64_t kBlockK = 1024;                      // whole tiles, so that the sum goes on as one chain
constexpr int64_t kBlockRows = 256;
constexpr int kFewPanels = 3;                          // that up to 16 rows pass over side by side: all tiles of sums there are
constexpr int64_t kFewAheadBytes = 2048;               // of each of them
constexpr int64_t kPartK = 512, kPartColumns = 8 * kPanel;
static_assert(kBlockK % kDepth == 0 && kBlockRows % (2 * kTileHeight) == 0);

struct Scratch {
  Bf16 rows[kBlockRows * kBlockK];                    // a, rounded: [tiles of rows][tiles of p][16][32]; whole where they are kept
  alignas(64) std::byte last[kFewPanels * kTileHeight * kPanelRow];   // the last tiles of panels, filled up with zeros
  alignas(64) float sums[2 * kTileHeight * kPanel];   // of tiles that reach over c's edge
  alignas(64) float waiting[kBlockRows * kPartColumns];   // sums between parts of p: [panels][pairs of tiles of rows][32][32]
};
static_assert(sizeof(Scratch) <= size_t(kMatmulScratchBytes / 2) && kKeptNumbers <= kBlockRows * kBlockK);

constexpr int64_t kLines = kTileHeight * kPanelRow / 64;   // of a slice, in one step

constexpr int64_t kTileValues = kTileHeight * kDepth;

// `count` numbers of a row of a, in tiles, zeros up to whole ones.
void lay_row(const float* from, int64_t count, Bf16* to) {
  for (int64_t p = 0; p < count; p += kDepth, to += kTileValues)
    bf16_of(Floats::load(from + p, count - p), Floats::load(from + p + Floats::kLanes, count - p - Floats::kLanes)).store(reinterpret_cast<float*>(to));
}

// The same of numbers that are rounded already.
void lay_row(const Bf16* from, int64_t count, Bf16* to) {
  for (int64_t p = 0; p < count; p += kDepth, to += kTileValues) Floats::load(reinterpret_cast<const float*>(from + p), (count - p) / 2).store(reinterpret_cast<float*>(to));
}

// Of an a whose neighbours in memory are rows: pairs of p are rounded together and turned, 16 rows at a time.
void round_turned(const float* a, int64_t k_stride, int64_t rows, int64_t k, Bf16* tiles) {
  const int64_t width = rounded_up(k, kDepth);
  for (int64_t p = 0; p < k; p += kDepth, a += kDepth * k_stride, tiles += kTileValues)   // what is side by side in memory is read together
    for (int64_t i = 0; i < rows; i += kTileHeight) {
      const auto numbers = [&](int64_t at) __attribute__((always_inline)) { return p + at < k ? Floats::load(a + at * k_stride + i, rows - i) : Floats::zero(); };
      Floats pairs[kTileHeight];
#pragma GCC unroll 16
      for (int64_t s = 0; s < kTileHeight; ++s) pairs[s] = bf16_pairs_of(numbers(2 * s), numbers(2 * s + 1));
      turn_16(pairs);
#pragma GCC unroll 16
      for (int64_t r = 0; r < kTileHeight; ++r) pairs[r].store(reinterpret_cast<float*>(tiles + i * width + r * kDepth));
    }
}

// In tiles of `height` rows, those beyond the last zeros.
void round_rows_of(const Matmul<float>& product, int64_t first_row, int64_t rows, int64_t first, int64_t k, int64_t height, Scratch& scratch) {
  const int64_t width = rounded_up(k, kDepth);
  const auto* rounded = static_cast<const Bf16*>(product.rounded);
  const float* a = rounded ? nullptr : product.a + first_row * product.a_row_stride + first * product.a_k_stride;
  if (!rounded && product.a_k_stride != 1) return round_turned(a, product.a_k_stride, rows, k, scratch.rows);
  for (int64_t i = 0; i < rows; i += kTileHeight) {
    const int64_t some = std::min(kTileHeight, rows - i);
    Bf16* tiles = scratch.rows + i * width;
    for (int64_t r = 0; r < some; ++r) {
      if (rounded) lay_row(rounded + (first_row + i + r) * 2 * pairs_in(product.k) + first, 2 * pairs_in(k), tiles + r * kDepth);
      else lay_row(a + (i + r) * product.a_row_stride, k, tiles + r * kDepth);
    }
    for (int64_t r = some; r < height; ++r)
      for (int64_t t = 0; t < width / kDepth; ++t) std::memset(static_cast<void*>(tiles + t * kTileValues + r * kDepth), 0, size_t(kDepth) * sizeof(Bf16));
  }
}

// A slice of a panel: whole tiles, and what is left over, in scratch.last.
struct Slice {
  const std::byte* whole;
  int64_t tiles, left;   // left: 0 or 1
  const std::byte* last;
};

// Sums of 16 kRowTiles rows and a panel's columns go on from what the tiles hold. Of 32 rows, what comes next is asked for a little with each step.
template <int kRowTiles>
[[gnu::always_inline]] inline void multiply(const Bf16* a, int64_t next_rows, const Slice& slice, const Ahead& ahead) {
  const auto step = [&](const Bf16* rows, const std::byte* b) __attribute__((always_inline)) {
    load_tile<4>(b, kPanelRow);
    stream_tile<6>(rows, kTileBytes);
    multiply_pairs<0, 6, 4>();
    load_tile<5>(b + kTileBytes, kPanelRow);
    multiply_pairs<1, 6, 5>();
    if constexpr (kRowTiles == 2) {
      stream_tile<7>(rows + next_rows, kTileBytes);
      multiply_pairs<2, 7, 4>();
      multiply_pairs<3, 7, 5>();
    }
  };
  const std::byte* b = slice.whole;
  for (int64_t t = 0; t < slice.tiles; ++t, a += kTileValues, b += kTileHeight * kPanelRow) {
    if constexpr (kRowTiles == 2) ahead.ask<kPanel * int64_t(sizeof(float)), false>(t, slice.tiles);
    step(a, b);
  }
  if (slice.left) step(a, slice.last);
}

// f.template operator()<t>(where tile t of the sums lies in c), rows of which are `stride` floats apart.
template <int kRowTiles, class F>
[[gnu::always_inline]] inline void each_sum(int64_t stride, F&& f) {
  f.template operator()<0>(0);
  f.template operator()<1>(kTileColumns);
  if constexpr (kRowTiles == 2) {
    f.template operator()<2>(kTileHeight * stride);
    f.template operator()<3>(kTileHeight * stride + kTileColumns);
  }
}
template <int kRowTiles>
[[gnu::always_inline]] inline void load_sums(const float* c, int64_t stride) {
  each_sum<kRowTiles>(stride, [&]<int t>(int64_t at) __attribute__((always_inline)) { load_tile<t>(c + at, stride * 4); });
}
template <int kRowTiles>
[[gnu::always_inline]] inline void store_sums(float* c, int64_t stride) {
  each_sum<kRowTiles>(stride, [&]<int t>(int64_t at) __attribute__((always_inline)) { store_tile<t>(c + at, stride * 4); });
}
template <int kRowTiles>
[[gnu::always_inline]] inline void clear_sums() {
  each_sum<kRowTiles>(0, []<int t>(int64_t) __attribute__((always_inline)) { clear_tile<t>(); });
}

// Where sums come from and go to: c, or else those that wait.
struct Way {
  bool from_c = true, to_c = true;
  float* waiting = nullptr;   // of the tile
};

// Rows [row, row + rows) of c, 16 kRowTiles at most, and the columns of the panel from `column` on.
template <int kRowTiles>
void run_tile(const Matmul<float>& product, bool onto, const float* bias, Way way, int64_t row, int64_t rows, int64_t column, const Bf16* a, int64_t next_rows, const Slice& slice, const Ahead& ahead, Scratch& scratch) {
  float* c = product.c + row * product.c_stride + column;
  const int64_t columns = std::min(kPanel, product.n - column), height = kRowTiles * kTileHeight;
  const bool whole = rows == height && columns == kPanel;
  if (!way.from_c) {
    load_sums<kRowTiles>(way.waiting, kPanel);
  } else if (!onto && !bias) {
    clear_sums<kRowTiles>();
  } else if (whole) {
    onto ? load_sums<kRowTiles>(c, product.c_stride) : load_sums<kRowTiles>(bias + column, 0);
  } else {
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t j = 0; j < columns; j += Floats::kLanes)
        Floats::load(onto ? c + r * product.c_stride + j : bias + column + j, columns - j).store(scratch.sums + r * kPanel + j);
    load_sums<kRowTiles>(scratch.sums, kPanel);   // what is beyond c's edge is anything, and goes nowhere
  }
  multiply<kRowTiles>(a, next_rows, slice, ahead);
  if (!way.to_c) return store_sums<kRowTiles>(way.waiting, kPanel);
  if (whole) return store_sums<kRowTiles>(c, product.c_stride);
  store_sums<kRowTiles>(scratch.sums, kPanel);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t j = 0; j < columns; j += Floats::kLanes) Floats::load(scratch.sums + r * kPanel + j).store(c + r * product.c_stride + j, columns - j);
}

// What is left over of a panel behind its whole tiles, filled up with zeros.
void last_tiles(const std::byte* at, int64_t left, std::byte* to) {
  const int64_t bytes = (left + 1) / 2 * kPanelRow;
  std::memcpy(to, at, size_t(bytes));
  std::memset(to + bytes, 0, size_t(kTileHeight * kPanelRow - bytes));
}

// One part of p, `first` of the product and `at` of the rows packed, for some rows and columns [begin, end).
struct Part {
  int64_t first, at, k;
  int64_t row, rows, width;   // width: of the packed rows
  int64_t begin, end;
  bool last;                  // of those of the rows packed
  const std::byte* next;      // what the part after this one begins with; null where nothing comes
};

void run_part(const Matmul<float>& product, const Part& part, Scratch& scratch) {
  const int64_t panel_size = panel_bytes(PanelFormat::bf16_pairs, product.k), left = part.k % kDepth;
  const bool onto = product.accumulate || part.first > 0, meets_c = part.last || (onto && part.at == 0);
  const int64_t pairs_of_tiles = std::max<int64_t>(1, part.rows / (2 * kTileHeight)), each = (kLines + pairs_of_tiles - 1) / pairs_of_tiles;
  for (int64_t j = part.begin; j < part.end; j += kPanel) {
    const std::byte* panel = static_cast<const std::byte*>(product.panels) + j / kPanel * panel_size + part.first / 2 * kPanelRow;
    if (left) last_tiles(panel + part.k / kDepth * kTileHeight * kPanelRow, left, scratch.last);
    const Slice slice{panel, part.k / kDepth, left ? 1 : 0, scratch.last};
    // The next slice comes to L2, a part with each tile, and the rows of c of the next tile to L1.
    const bool last_panel = j + kPanel >= part.end;
    const std::byte* const next = last_panel ? part.next : panel + panel_size;
    const int64_t next_column = last_panel ? part.begin : j + kPanel;
    for (int64_t r = 0; r < part.rows; r += 2 * kTileHeight) {
      const int64_t rows = std::min(part.rows - r, 2 * kTileHeight);
      const Bf16* a = scratch.rows + r * part.width + part.at / kDepth * kTileValues;
      const Way way{part.at == 0, part.last, scratch.waiting + (j - part.begin) * kBlockRows + r * kPanel};
      if (rows <= kTileHeight) {
        run_tile<1>(product, onto, product.bias, way, part.row + r, rows, j, a, part.width * kTileHeight, slice, {}, scratch);
        continue;
      }
      const bool last = r + 2 * kTileHeight >= part.rows;
      const int64_t row = last ? 0 : r + 2 * kTileHeight;
      const Ahead ahead{reinterpret_cast<const char*>(next ? next + r / (2 * kTileHeight) * slice.tiles * each * 64 : nullptr), next ? each : 0,
                        product.c + (part.row + row) * product.c_stride + (last ? next_column : j), product.c_stride, meets_c ? std::min(part.rows - row, 2 * kTileHeight) : 0, (2 * kTileHeight + slice.tiles - 1) / std::max<int64_t>(1, slice.tiles)};
      run_tile<2>(product, onto, product.bias, way, part.row + r, rows, j, a, part.width * kTileHeight, slice, ahead, scratch);
    }
  }
}

// Sums of up to 16 rows and kPanels panels, `panel_size` apart, go on from what tiles 0 to 2 kPanels - 1 hold. The panels come from memory,
// which serves several streams faster than one; each is asked for some steps ahead.
template <int kPanels>
[[gnu::always_inline]] inline void multiply_few(const Bf16* rows, const std::byte* b, int64_t panel_size, int64_t tiles) {
  for (int64_t t = 0; t < tiles; ++t, rows += kTileValues, b += kTileHeight * kPanelRow) {
    load_tile<6>(rows, kTileBytes);
    const auto panel = [&]<int p>() __attribute__((always_inline)) {
      const std::byte* at = b + p * panel_size;
#pragma GCC unroll 32
      for (int64_t line = 0; line < kTileHeight * kPanelRow; line += 64) __builtin_prefetch(at + kFewAheadBytes + line);
      load_tile<7>(at, kPanelRow);
      multiply_pairs<2 * p, 6, 7>();
      load_tile<7>(at + kTileBytes, kPanelRow);
      multiply_pairs<2 * p + 1, 6, 7>();
    };
    panel.template operator()<0>();
    if constexpr (kPanels > 1) panel.template operator()<1>();
    if constexpr (kPanels > 2) panel.template operator()<2>();
  }
}

// f.template operator()<t>(tile t's column) for the sums of kPanels panels.
template <int kPanels, class F>
[[gnu::always_inline]] inline void each_few_sum(F&& f) {
  f.template operator()<0>(0), f.template operator()<1>(kTileColumns);
  if constexpr (kPanels > 1) f.template operator()<2>(kPanel), f.template operator()<3>(kPanel + kTileColumns);
  if constexpr (kPanels > 2) f.template operator()<4>(2 * kPanel), f.template operator()<5>(2 * kPanel + kTileColumns);
}

// The rows, rounded from p on in `rows`, against kPanels panels from `column` on, at k of their p.
template <int kPanels>
void run_few(const Matmul<float>& product, int64_t p, int64_t k, int64_t column, const Bf16* rows, Scratch& scratch) {
  const int64_t panel_size = panel_bytes(PanelFormat::bf16_pairs, product.k), left = k % kDepth, tiles = k / kDepth;
  const std::byte* panels = static_cast<const std::byte*>(product.panels) + column / kPanel * panel_size + p / 2 * kPanelRow;
  const int64_t columns = product.n - column;
  const bool onto = product.accumulate || p > 0, whole = columns >= kPanels * kPanel;
  constexpr int64_t kWidth = kPanels * kPanel;
  float* c = product.c + column;
  int64_t stride = product.c_stride;
  if (!whole) {   // by way of the scratch
    if (onto)
      for (int64_t r = 0; r < product.m; ++r) std::copy_n(c + r * stride, columns, scratch.sums + r * kWidth);
    else if (product.bias)
      std::copy_n(product.bias + column, columns, scratch.sums);
    c = scratch.sums;
    stride = kWidth;
  }
  if (onto) each_few_sum<kPanels>([&]<int t>(int64_t at) __attribute__((always_inline)) { load_tile<t>(c + at, stride * 4); });
  else if (product.bias) each_few_sum<kPanels>([&]<int t>(int64_t at) __attribute__((always_inline)) { load_tile<t>((whole ? product.bias + column : c) + at, 0); });
  else each_few_sum<kPanels>([]<int t>(int64_t) __attribute__((always_inline)) { clear_tile<t>(); });
  multiply_few<kPanels>(rows, panels, panel_size, tiles);
  if (left) {
    for (int64_t panel = 0; panel < kPanels; ++panel) last_tiles(panels + panel * panel_size + tiles * kTileHeight * kPanelRow, left, scratch.last + panel * kTileHeight * kPanelRow);
    multiply_few<kPanels>(rows + tiles * kTileValues, scratch.last, kTileHeight * kPanelRow, 1);
  }
  each_few_sum<kPanels>([&]<int t>(int64_t at) __attribute__((always_inline)) { store_tile<t>(c + at, stride * 4); });
  if (!whole)
    for (int64_t r = 0; r < product.m; ++r) std::copy_n(c + r * stride, columns, product.c + column + r * product.c_stride);
}

// Rows that fit one tile pass over panels whole, several side by side.
void multiply_few_pairs(const Matmul<float>& product) {
  Scratch& scratch = *static_cast<Scratch*>(product.scratch);
  constexpr int64_t block_k = kBlockRows / kTileHeight * kBlockK;
  const Tiles tiles = Tiles::of_few(product.m);
  for (int64_t p = 0; p == 0 || p < product.k; p += block_k) {
    const int64_t k = std::min(block_k, product.k - p);
    round_rows_of(product, 0, product.m, p, k, product.m, scratch);
    int64_t j = 0;
    for (; j + kFewPanels * kPanel <= product.n; j += kFewPanels * kPanel) run_few<kFewPanels>(product, p, k, j, scratch.rows, scratch);
    for (; j < product.n; j += kPanel) run_few<1>(product, p, k, j, scratch.rows, scratch);
  }
}

void multiply_pairs(const Matmul<float>& product) {
  if (product.m <= kTileHeight) return multiply_few_pairs(product);
  Scratch& scratch = *static_cast<Scratch*>(product.scratch);
  const int64_t panel_size = panel_bytes(PanelFormat::bf16_pairs, product.k);
  const bool whole = product.packing != Packing::own && keeps_rows(product.m, product.k);   // all rows and p are rounded together
  const int64_t block_k = whole ? std::max<int64_t>(1, product.k) : kBlockK;
  const int64_t blocks = (product.m + kBlockRows - 1) / kBlockRows, block_rows = rounded_up((product.m + blocks - 1) / blocks, 2 * kTileHeight);
  const Tiles tiles;
  for (int64_t p = 0; p == 0 || p < product.k; p += block_k) {
    const int64_t k = std::min(block_k, product.k - p), parts = std::max<int64_t>(1, k / kPartK);
    const int64_t part_k = std::max(kDepth, rounded_up((k + parts - 1) / parts, kDepth)), columns = parts == 1 ? product.n : kPartColumns;
    for (int64_t i = 0; i < product.m; i += block_rows) {
      const int64_t rows = std::min(block_rows, product.m - i);
      if (!whole || product.packing == Packing::keep) round_rows_of(product, i, rows, p, k, kTileHeight, scratch);
      for (int64_t j = 0; j < product.n; j += columns) {
        const int64_t end = std::min(j + columns, product.n);
        for (int64_t at = 0; at == 0 || at < k; at += part_k) {
          const bool last = at + part_k >= k;
          const int64_t next_p = last ? p : p + at + part_k, next_column = last ? end : j;
          const std::byte* next = next_column < product.n ? static_cast<const std::byte*>(product.panels) + next_column / kPanel * panel_size + next_p / 2 * kPanelRow : nullptr;
          run_part(product, {p + at, at, std::min(part_k, k - at), i, rows, rounded_up(k, kDepth), j, end, last, next}, scratch);
        }
      }
    }
  }
}

}  // namespace

matmul_fn<float> matmul;
matmul_fn<float> matmul_in_tiles;

void matmul_in_tiles(const Matmul<float>& product) {
  if (product.format == PanelFormat::bf16_pairs && product.m > 0 && product.n > 0) return multiply_pairs(product);
  if (product.format == PanelFormat::int8 && product.m >= kTiledInt8Rows && has_int8_tiles()) return matmul_of_int8_in_tiles(product);
  if (is_blocks(product.format) && product.m >= kTiledRows && has_int8_tiles()) return matmul_of_blocks_in_tiles(product);
  if (product.format != PanelFormat::bf16_pairs) return matmul(product);
}

}  // namespace orrery::cpu::avx512
