// Products of blocks of whole numbers: BlockLayout in kernels/matmul.h.
//
// A panel's block gives a tile of exact sums, which are then scaled and added up. Numbers of b are stored with an offset, as bytes
// without a sign, and multiply bytes of a with one, as the instruction wants: sum (q + offset) a = sum q a + offset sum a, so that
// sums begin with -offset sum a.
//
// Few rows: numbers of fewer bits are taken apart in registers, so that memory is read at the width of the format. Many rows: a
// slice of a panel is taken apart once, into bytes with floats beside them, and all rows pass over that. Sums of whole numbers are
// exact and the floats are the same ones, so that both give the same bits. Panels are read from end to end, which the processor's own
// prefetching follows best: asking for lines ahead took a tenth of the speed (on huge pages).
#include "kernels/cpu/matmul_blocks.h"

#include <algorithm>

#include "kernels/cpu/block_panels.h"
#include "kernels/cpu/tile.h"
#include "kernels/fastest.h"

namespace orrery::cpu::ORRERY_ISA {

round_rows_fn<float> round_rows;

namespace {

constexpr int kVectors = 2;                                         // of a tile: 32 columns, or 16
constexpr int kTiles = int(kPanel / (kVectors * Floats::kLanes));   // in a panel
// Sums of a block and sums of all beside b's vectors: of 32 or 16 registers.
#ifdef ORRERY_ISA_avx512
constexpr int kMostRows = 6;
#else
constexpr int kMostRows = 2;
#endif

// Blocks of rows that are rounded at a time, where nobody has: so many of a row that a sliver of rows fits.
constexpr int64_t kRowBlocks = (kMatmulScratchBytes - kWideBytes) / int64_t(sizeof(RowBlock));
static_assert(kWideBytes <= kMatmulScratchBytes / 2);

// The same of one that was taken apart.
template <int kPartsThere, bool kMinsThere>
class TakenApart {
 public:
  static constexpr int kParts = kPartsThere;
  static constexpr bool kMins = kMinsThere;
  TakenApart(const std::byte* slice, int64_t b) : block_(reinterpret_cast<const WideBlock*>(slice) + b) {}
  [[gnu::always_inline]] Floats scale(int part, int64_t column) const { return Floats::load(block_->scale[part] + column); }
  [[gnu::always_inline]] Floats min(int64_t column) const { return Floats::load(block_->min + column); }
  template <int g>
  [[gnu::always_inline]] Ints numbers(int64_t column) const { return Ints::load(block_->q[g][column]); }

 private:
  const WideBlock* block_;
};

// The rows of a, rounded: blocks of row r from r * stride on.
struct Rows {
  const RowBlock* blocks;
  int64_t stride;
};

// c [kRows, columns of a tile] goes on over `blocks` blocks, those from `first` on of the panel.
template <int kRows, bool kInstruction, class Block>
void run_blocks(Rows a, const std::byte* panel, int64_t first, int64_t blocks, int64_t tile, Tile<kRows, kVectors>& c) {
  constexpr int kPartGroups = kGroups / Block::kParts;
  const int64_t column = tile * kVectors * Floats::kLanes;
  const RowBlock* row[kRows];
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r) row[r] = a.blocks + r * a.stride;
  for (int64_t b = 0; b < blocks; ++b) {
    const Block block(panel, first + b);
    const auto add_part = [&]<int part>() __attribute__((always_inline)) {
      Ints sums[kRows][kVectors];
#pragma GCC unroll 6
      for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v) sums[r][v] = Ints::broadcast(row[r][b].start[part]);
      for_groups<part * kPartGroups, kPartGroups>([&]<int g>() __attribute__((always_inline)) {
        Ints four[kVectors];
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v) four[v] = block.template numbers<g>(column + v * Floats::kLanes);
#pragma GCC unroll 6
        for (int r = 0; r < kRows; ++r) {
          int32_t q;
          __builtin_memcpy(&q, row[r][b].q + 4 * g, 4);
          const Ints numbers = Ints::broadcast(q);
#pragma GCC unroll 2
          for (int v = 0; v < kVectors; ++v) sums[r][v] = dot_bytes<kInstruction>(sums[r][v], four[v], numbers);
        }
      });
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) {
        const Floats scale = block.scale(part, column + v * Floats::kLanes);
#pragma GCC unroll 6
        for (int r = 0; r < kRows; ++r) c.acc[r][v] = fma(to_floats(sums[r][v]), Floats::broadcast(row[r][b].scale) * scale, c.acc[r][v]);
      }
    };
    add_part.template operator()<0>();
    if constexpr (Block::kParts == 2) add_part.template operator()<1>();
    if constexpr (Block::kMins) {
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) {
        const Floats min = block.min(column + v * Floats::kLanes);
#pragma GCC unroll 6
        for (int r = 0; r < kRows; ++r) c.acc[r][v] = fma(Floats::broadcast(row[r][b].total), min, c.acc[r][v]);
      }
    }
  }
}

// Blocks [first, first + blocks) of the inner dimension.
struct Slice {
  int64_t first, blocks;
};

// Rows from `row` on against the panel of `column`, `at` its first block of the slice: c goes on.
template <int kRows, bool kInstruction, class Block>
void run_panel(const Matmul<float>& product, Slice slice, Rows rows, int64_t row, int64_t column, const std::byte* panel, int64_t at) {
  for (int64_t tile = 0; tile < kTiles; ++tile) {
    const int64_t from = column + tile * kVectors * Floats::kLanes, columns = product.n - from;
    if (columns <= 0) break;
    float* c = product.c + row * product.c_stride + from;
    Tile<kRows, kVectors> sums;
    if (product.accumulate || slice.first > 0)
      sums.load(c, product.c_stride, columns);
    else if (product.bias)
      sums.load(product.bias + from, 0, columns);
    else
      sums.zero();
    run_blocks<kRows, kInstruction, Block>(rows, panel, at, slice.blocks, tile, sums);
    sums.store(c, product.c_stride, columns);
  }
}

// Rows [first, first + m), rounded in `rows`, against all panels.
template <PanelFormat kFormat, bool kInstruction>
void run_rows(const Matmul<float>& product, Slice all, Rows rows, int64_t first, int64_t m) {
  constexpr BlockLayout kLayout = layout_of(kFormat);
  using Wide = TakenApart<kLayout.parts, kLayout.mins>;
  const Slivers slivers(m, kMostRows);
  const bool apart = kLayout.bits < 8 && slivers.count > 2;
  // One sliver passes over a whole panel at once.
  const int64_t some = slivers.count == 1 ? std::max<int64_t>(all.blocks, 1) : kSomeBlocks;
  std::byte* wide = static_cast<std::byte*>(product.scratch);
  for (int64_t j = 0; j < product.n; j += kPanel) {
    const std::byte* panel = static_cast<const std::byte*>(product.panels) + j / kPanel * panel_bytes(kFormat, product.k);
    for (int64_t p = 0; p == 0 || p < all.blocks; p += some) {
      const Slice slice{all.first + p, std::min(some, all.blocks - p)};
      if (apart) take_apart<kFormat>(panel, slice.first, slice.blocks, reinterpret_cast<WideBlock*>(wide), [](Ints numbers) { return numbers; });
      for (int64_t s = 0; s < slivers.count; ++s)
        with_rows<kMostRows>(slivers.height(s), [&]<int kRows>() {
          const int64_t row = slivers.begin(s);
          const Rows here{rows.blocks + row * rows.stride + p, rows.stride};
          if (apart) run_panel<kRows, kInstruction, Wide>(product, slice, here, first + row, j, wide, 0);
          else run_panel<kRows, kInstruction, PackedBlock<kFormat>>(product, slice, here, first + row, j, panel, slice.first);
        });
    }
  }
}

template <PanelFormat kFormat, bool kInstruction>
void run(const Matmul<float>& product) {
  const int64_t all = product.k / kBlockValues;
  if (product.rounded) return run_rows<kFormat, kInstruction>(product, {0, all}, {static_cast<const RowBlock*>(product.rounded), all}, 0, product.m);
  auto* rounded = reinterpret_cast<RowBlock*>(static_cast<std::byte*>(product.scratch) + kWideBytes);
  const int64_t some = std::min(std::max<int64_t>(all, 1), kRowBlocks / kMostRows), most_rows = kRowBlocks / some;
  for (int64_t p = 0; p == 0 || p < all; p += some) {
    const Slice slice{p, std::min(some, all - p)};
    for (int64_t i = 0; i < product.m; i += most_rows) {
      const int64_t rows = std::min(most_rows, product.m - i);
      round_rows(product.a + i * product.a_row_stride + p * kBlockValues * product.a_k_stride, product.a_row_stride, product.a_k_stride, rows,
                 slice.blocks * kBlockValues, kFormat, rounded);
      run_rows<kFormat, kInstruction>(product, slice, {rounded, slice.blocks}, i, rows);
    }
  }
}

// Of both ways to multiply bytes the faster one here, measured once; sums are exact in either.
#ifdef ORRERY_ISA_avx512
bool has_byte_products() {
  static const bool chosen = __builtin_cpu_supports("avx512vnni") &&
                             seconds_of_product(run<PanelFormat::q8, true>, PanelFormat::q8, 64) <= seconds_of_product(run<PanelFormat::q8, false>, PanelFormat::q8, 64);
  return chosen;
}
#else
constexpr bool has_byte_products() { return false; }
#endif

template <PanelFormat kFormat>
void run(const Matmul<float>& product) {
  return has_byte_products() ? run<kFormat, true>(product) : run<kFormat, false>(product);
}

}  // namespace

void matmul_of_blocks(const Matmul<float>& product) {
  switch (product.format) {
    case PanelFormat::q4: return run<PanelFormat::q4>(product);
    case PanelFormat::q5_0: return run<PanelFormat::q5_0>(product);
    case PanelFormat::q4_1: return run<PanelFormat::q4_1>(product);
    case PanelFormat::q5_1: return run<PanelFormat::q5_1>(product);
    case PanelFormat::q4_k: return run<PanelFormat::q4_k>(product);
    case PanelFormat::q5_k: return run<PanelFormat::q5_k>(product);
    case PanelFormat::q6_k: return run<PanelFormat::q6_k>(product);
    default: return run<PanelFormat::q8>(product);
  }
}

}  // namespace orrery::cpu::ORRERY_ISA
