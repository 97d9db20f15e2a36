// Products of blocks of whole numbers by AMX tiles, for rows enough to fill them (contract: kernels/matmul.h). Not of q6_k: with a scale for 16
// numbers a tile would hold half a block, and products of bytes are faster.
//
// A block of 16 rows times a block of 16 columns is one instruction; its sums go through memory, since nothing else can read a tile, and
// are scaled and added up from there while the next blocks are multiplied. Sums are exact and floats go the way of matmul_blocks.cpp, so that
// both give the same bits. Panels are taken apart into bytes with a sign, rows rounded and laid out as tiles.
#include <algorithm>
#include <cstring>
#include <utility>

#include "kernels/cpu/block_panels.h"
#include "kernels/cpu/matmul_blocks.h"
#include "kernels/cpu/tiles_avx512.h"

namespace orrery::cpu::avx512 {

round_rows_fn<float> round_rows;

namespace {

// A block of p of 16 rows.
struct RowTile {
  int8_t q[kTileHeight][kBlockValues];
  float scale[kTileHeight];
  union {
    float total[kTileHeight];
    int32_t totals[kTileHeight];
  };
};
static_assert(sizeof(RowTile) % 64 == 0);

constexpr int64_t kTileColumns = 16;
constexpr int64_t kSliceBlocks = 32;   // half of such a slice of a panel, and a tile's rows of it, stay in L1
static_assert(kSliceBlocks % kMostTogether == 0);
constexpr int kSumTiles = 4;
struct alignas(64) Sums {
  int32_t of[kTileHeight][kTileColumns];
};

// What is kept of a call.
struct alignas(64) Scratch {
  WideBlock wide[kSliceBlocks];
  Sums sums[kSumTiles];
  float edge[kTileHeight][kTileColumns];                // c, where a tile reaches over its edge
  RowBlock rounded[kTileHeight][kSliceBlocks];
  RowTile tiles[1];                                     // [tiles of rows][blocks], to the end
};
constexpr int64_t kFixedBytes = int64_t(sizeof(Scratch)) - int64_t(sizeof(RowTile));
constexpr int64_t tiles_in(int64_t bytes) { return (bytes - kFixedBytes) / int64_t(sizeof(RowTile)); }

// Blocks [first, first + blocks) of p.
struct Slice {
  int64_t first, blocks;
};

// Rows [row, row + rows) as tiles; what is not there is zeros.
void lay_out(const Matmul<float>& product, Slice slice, int64_t row, int64_t rows, Scratch& scratch) {
  for (int64_t i = 0; i < rows; i += kTileHeight)
    for (int64_t p = 0; p < slice.blocks; p += kSliceBlocks) {
      const int64_t some_rows = std::min(kTileHeight, rows - i), some = std::min(kSliceBlocks, slice.blocks - p), first = slice.first + p;
      const RowBlock* from = &scratch.rounded[0][0];
      int64_t stride = some;
      if (product.rounded) {
        stride = product.k / kBlockValues;
        from = static_cast<const RowBlock*>(product.rounded) + (row + i) * stride + first;
      } else {
        round_rows(product.a + (row + i) * product.a_row_stride + first * kBlockValues * product.a_k_stride, product.a_row_stride, product.a_k_stride, some_rows,
                   some * kBlockValues, product.format, &scratch.rounded[0][0]);
      }
      RowTile* to = scratch.tiles + i / kTileHeight * slice.blocks + p;
      for (int64_t b = 0; b < some; ++b, ++to) {
        if (some_rows < kTileHeight) *to = {};
        for (int64_t r = 0; r < some_rows; ++r) {
          const RowBlock& block = from[r * stride + b];
          std::memcpy(to->q[r], block.q, sizeof block.q);
          to->scale[r] = block.scale;
          std::memcpy(&to->total[r], &block.total, sizeof block.total);   // or totals
        }
      }
    }
}

// The product of a block, which tile u holds then.
template <int u>
[[gnu::always_inline]] inline void multiply_block(const RowTile& rows, const WideBlock& wide, int64_t column) {
  constexpr int kOther = u % 2;
  clear_tile<u>();
  load_tile<6 + kOther>(rows.q[0], kBlockValues);
  load_tile<4 + kOther>(wide.q[0][column], kGroupBytes);
  multiply_bytes<u, 6 + kOther, 4 + kOther>();
}

// Outside of groups.
[[gnu::always_inline]] inline void add_mins(const RowTile& rows, const WideBlock& wide, int64_t column, Floats (&acc)[kTileHeight]) {
  const Floats min = Floats::load(wide.min + column);
#pragma GCC unroll 16
  for (int64_t r = 0; r < kTileHeight; ++r) acc[r] = fma(Floats::broadcast(rows.total[r]), min, acc[r]);
}

// The same block's sums, scaled; in groups by the columns' scales alone, and without minimums. (No closure: one that knew of `acc` would make the
// compiler keep it in memory.)
template <BlockLayout kLayout>
[[gnu::always_inline]] inline void add_block(const RowTile& rows, const WideBlock& wide, int64_t column, const Sums& sums, Floats (&acc)[kTileHeight]) {
  const Floats scale = Floats::load(wide.scale[0] + column);
#pragma GCC unroll 16
  for (int64_t r = 0; r < kTileHeight; ++r) acc[r] = fma(to_floats(Ints::load(sums.of[r])), kLayout.together > 1 ? scale : Floats::broadcast(rows.scale[r]) * scale, acc[r]);
  if constexpr (kLayout.mins && kLayout.together == 1) add_mins(rows, wide, column, acc);
}

// So many blocks.
template <BlockLayout kLayout, int... u>
[[gnu::always_inline]] inline void add_some(const RowTile* rows, const WideBlock* wide, int64_t column, Sums* sums, Floats (&acc)[kTileHeight], std::integer_sequence<int, u...>) {
  (multiply_block<u>(rows[u], wide[u], column), ...);
  (store_tile<u>(sums[u].of, int64_t(sizeof sums->of[0])), ...);
  (add_block<kLayout>(rows[u], wide[u], column, sums[u], acc), ...);
}

// `blocks` blocks, added up in acc.
template <BlockLayout kLayout>
[[gnu::always_inline]] inline void add_blocks(const RowTile* rows, const WideBlock* wide, int64_t blocks, int64_t column, Sums* sums, Floats (&acc)[kTileHeight]) {
  int64_t b = 0;
  for (; b + kSumTiles <= blocks; b += kSumTiles) add_some<kLayout>(rows + b, wide + b, column, sums, acc, std::make_integer_sequence<int, kSumTiles>());
  for (; b < blocks; ++b) add_some<kLayout>(rows + b, wide + b, column, sums, acc, std::make_integer_sequence<int, 1>());
}

// What a group from `rows` and `wide` on gave in acc goes to c.
template <BlockLayout kLayout>
[[gnu::always_inline]] inline void add_group(const RowTile* rows, const WideBlock* wide, int64_t column, const Floats (&acc)[kTileHeight], float* c, int64_t stride) {
  constexpr int kPairs = kLayout.together / 2;
  const Floats scale = Floats::load(wide->group_scale + column), min = Floats::load(wide->group_min + column);
  Ints mins[kPairs];
  if constexpr (kLayout.mins)
#pragma GCC unroll 4
    for (int p = 0; p < kPairs; ++p) mins[p] = Ints::load(wide[2 * p].mins + column);
#pragma GCC unroll 16
  for (int64_t r = 0; r < kTileHeight; ++r) {
    Floats sum = acc[r] * scale;
    if constexpr (kLayout.mins) {
      Ints of_mins = Ints::zero();
#pragma GCC unroll 4
      for (int p = 0; p < kPairs; ++p) of_mins = add(of_mins, dot_shorts(mins[p], Ints::broadcast(rows[2 * p].totals[r])));
      sum = fma(to_floats(of_mins), min, sum);
    }
    fma(sum, Floats::broadcast(rows->scale[r]), Floats::load(c + r * stride)).store(c + r * stride);
  }
}

// 16 rows and 16 columns of c, which lie `stride` apart, go on over `blocks` blocks.
template <BlockLayout kLayout>
void run_tile(const RowTile* rows, const WideBlock* wide, int64_t blocks, int64_t column, float* c, int64_t stride, Sums* sums) {
  Floats acc[kTileHeight];
  if constexpr (kLayout.together == 1) {
#pragma GCC unroll 16
    for (int64_t r = 0; r < kTileHeight; ++r) acc[r] = Floats::load(c + r * stride);
    add_blocks<kLayout>(rows, wide, blocks, column, sums, acc);
#pragma GCC unroll 16
    for (int64_t r = 0; r < kTileHeight; ++r) acc[r].store(c + r * stride);
  } else {
    for (int64_t begin = 0; begin < blocks; begin += kLayout.together) {
      for (Floats& sum : acc) sum = Floats::zero();
      add_blocks<kLayout>(rows + begin, wide + begin, kLayout.together, column, sums, acc);
      add_group<kLayout>(rows + begin, wide + begin, column, acc, c, stride);
    }
  }
}

// Rows [row, row + rows) of c, 16 at most, and the 16 columns from j on, or fewer.
template <BlockLayout kLayout>
void run_any_tile(const Matmul<float>& product, bool onto, int64_t row, int64_t rows, int64_t j, const RowTile* tiles, int64_t blocks, Scratch& scratch) {
  float* c = product.c + row * product.c_stride + j;
  const int64_t columns = std::min(kTileColumns, product.n - j);
  const bool whole = rows == kTileHeight && columns == kTileColumns;
  float* at = whole ? c : scratch.edge[0];
  const int64_t stride = whole ? product.c_stride : kTileColumns;
  if (!onto || !whole)
    for (int64_t r = 0; r < rows; ++r) {
      const Floats start = onto ? Floats::load(c + r * product.c_stride, columns) : product.bias ? Floats::load(product.bias + j, columns) : Floats::zero();
      start.store(at + r * stride);
    }
  run_tile<kLayout>(tiles, scratch.wide, blocks, j % kPanel, at, stride, scratch.sums);
  if (!whole)
    for (int64_t r = 0; r < rows; ++r) Floats::load(at + r * stride).store(c + r * product.c_stride, columns);
}

template <PanelFormat kFormat>
void run(const Matmul<float>& product) {
  constexpr BlockLayout kLayout = layout_of(kFormat);
  static_assert(kLayout.parts == 1);
  const auto with_sign = [](Ints numbers) { return Ints{_mm512_sub_epi8(numbers.r, _mm512_set1_epi8(char(kLayout.offset)))}; };
  Scratch& scratch = *static_cast<Scratch*>(product.scratch);
  const int64_t most_tiles = tiles_in(kMatmulScratchBytes / 2);
  const int64_t all = product.k / kBlockValues, depth = std::min(std::max<int64_t>(all, 1), most_tiles / kSliceBlocks * kSliceBlocks);
  const int64_t most_rows = most_tiles / depth * kTileHeight;
  const Tiles tiles(int{kBlockValues});
  for (int64_t p = 0; p == 0 || p < all; p += depth)
    for (int64_t i = 0; i < product.m; i += most_rows) {
      const Slice slice{p, std::min(depth, all - p)};
      const int64_t rows = std::min(most_rows, product.m - i);
      lay_out(product, slice, i, rows, scratch);
      for (int64_t j = 0; j < product.n; j += kPanel) {
        const std::byte* panel = static_cast<const std::byte*>(product.panels) + j / kPanel * panel_bytes(kFormat, product.k);
        for (int64_t q = 0; q == 0 || q < slice.blocks; q += kSliceBlocks) {
          const int64_t some = std::min(kSliceBlocks, slice.blocks - q);
          take_apart<kFormat>(panel, slice.first + q, some, scratch.wide, with_sign);
          const bool onto = product.accumulate || slice.first + q > 0;
          for (int64_t column = j; column < std::min(product.n, j + kPanel); column += kTileColumns)   // all rows pass over half a slice
            for (int64_t r = 0; r < rows; r += kTileHeight)
              run_any_tile<kLayout>(product, onto, i + r, std::min(kTileHeight, rows - r), column, scratch.tiles + r / kTileHeight * slice.blocks + q, some, scratch);
        }
      }
    }
}

}  // namespace

void matmul_of_blocks_in_tiles(const Matmul<float>& product) {
  switch (product.format) {
    case PanelFormat::q4: return run<PanelFormat::q4>(product);
    case PanelFormat::q5_0: return run<PanelFormat::q5_0>(product);
    case PanelFormat::q4_1: return run<PanelFormat::q4_1>(product);
    case PanelFormat::q5_1: return run<PanelFormat::q5_1>(product);
    case PanelFormat::q4_k: return run<PanelFormat::q4_k>(product);
    case PanelFormat::q5_k: return run<PanelFormat::q5_k>(product);
    case PanelFormat::q6_k: return matmul_of_blocks(product);
    default: return run<PanelFormat::q8>(product);
  }
}

}  // namespace orrery::cpu::avx512
