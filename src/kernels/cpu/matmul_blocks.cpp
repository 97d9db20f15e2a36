// Products of blocks of whole numbers: BlockLayout in kernels/matmul.h.
//
// A panel's block gives a tile of exact sums, which are then scaled and added up, those of a group with each other first. Numbers of b are
// stored with an offset, as bytes without a sign, and multiply bytes of a with one, as the instruction wants:
// sum (q + offset) a = sum q a + offset sum a, so that sums begin with -offset sum a.
//
// Few rows: numbers of fewer bits are taken apart in registers, so that memory is read at the width of the format. Many rows: a
// slice of a panel is taken apart once, into bytes with floats beside them, and all rows pass over that. Sums of whole numbers are
// exact and the floats are the same ones, so that both give the same bits.
//
// Few rows are bound by memory: panels are read several at a time, and asked for ahead, where that helps (Trial).
#include "kernels/cpu/matmul_blocks.h"

#include <algorithm>

#include "kernels/cpu/block_panels.h"
#include "kernels/cpu/byte_sums.h"
#include "kernels/cpu/side_by_side.h"
#include "kernels/cpu/tile.h"
#include "kernels/fastest.h"

namespace orrery::cpu::ORRERY_ISA {

round_rows_fn<float> round_rows;

namespace {

// Rows that pass over a panel together, where there are many more and where there are no others, or as many again: sums of a block and sums of all beside b's
// vectors, of 32 or 16 registers. (Processors of AVX-512 without products of bytes are few, and old.)
#ifdef ORRERY_ISA_avx512
constexpr int most_rows(bool instruction) { return instruction ? 6 : 2; }
constexpr int alone_rows(bool instruction) { return instruction ? 8 : 2; }
#else
constexpr int most_rows(bool) { return 4; }
constexpr int alone_rows(bool) { return 4; }
#endif

// Blocks of rows that are rounded at a time, where nobody has: so many of a row that a sliver of rows fits.
constexpr int64_t kRowBlocks = (kMatmulScratchBytes - kWideBytes) / int64_t(sizeof(RowBlock));
static_assert(kWideBytes <= kMatmulScratchBytes / 2);

// The same of one that was taken apart. kHalves: sums of products fit in 16 bits (sums_fit).
template <int kBitsThere, int kPartsThere, bool kMinsThere, int kTogetherThere, bool kHalvesThere>
class TakenApart {
 public:
  static constexpr int kBits = kBitsThere, kParts = kPartsThere, kTogether = kTogetherThere;
  static constexpr bool kMins = kMinsThere, kHalves = kHalvesThere;
  TakenApart(const std::byte* slice, int64_t b) : block_(reinterpret_cast<const WideBlock*>(slice) + b) {}
  [[gnu::always_inline]] Floats scale(int part, int64_t column) const { return Floats::load(block_->scale[part] + column); }
  [[gnu::always_inline]] Floats min(int64_t column) const { return Floats::load(block_->min + column); }
  [[gnu::always_inline]] Ints mins(int64_t column) const { return Ints::load(block_->mins + column); }
  [[gnu::always_inline]] Ints scales(int64_t column) const { return Ints::load(block_->scales + column); }
  [[gnu::always_inline]] Floats group_scale(int64_t column) const { return Floats::load(block_->group_scale + column); }
  [[gnu::always_inline]] Floats group_min(int64_t column) const { return Floats::load(block_->group_min + column); }
  [[gnu::always_inline]] void ask_ahead() const {}   // it is near
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

// Two blocks' sums of products side by side in 32 bits are multiplied by their scales in one operation, where they fit: of four bits and most rows. All of
// a group is below 2^24 then, so that floats, which add one block after the other, give the same.
template <BlockLayout kLayout>
bool sums_fit(Rows rows, int64_t count) {
  static_assert(int64_t(kMostScale) * kLayout.together * ((1 << 15) - 1) <= 1 << 24);
  int32_t most = 0;
  for (int64_t r = 0; r < count; ++r) most = std::max(most, rows.blocks[r * rows.stride + 1].sizes);
  return most * ((1 << kLayout.bits) - 1) < 1 << 15;
}

// With 32 registers c, or the sums of a group while c waits in memory, stay in them beside the sums of a block, if the compiler sees that nobody else
// has them: a call would store them after each.
#ifdef ORRERY_ISA_avx512
#define ORRERY_NO_CALL [[gnu::always_inline]] inline
#else
#define ORRERY_NO_CALL
#endif

// c [kRows, columns of a tile] of kPanels panels, `panel_size` apart, goes on over `blocks` blocks, those from `first` on of each panel. `asks`:
// memory is asked for what comes.
template <int kRows, int kVectors, int kPanels, bool kInstruction, class Block>
ORRERY_NO_CALL void run_blocks(Rows a, const std::byte* panels, int64_t panel_size, int64_t first, int64_t blocks, int64_t tile, bool asks, Tile<kRows, kVectors> (&c)[kPanels]) {
  constexpr int kPartGroups = kGroups / Block::kParts;
  using Factors = ByteFactors<Block::kBits>;
  const int64_t column = tile * kVectors * Floats::kLanes;
  const RowBlock* row[kRows];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) row[r] = a.blocks + r * a.stride;
  const auto at = [&](int t, int64_t b) __attribute__((always_inline)) { return Block(panels + t * panel_size, first + b); };
  // add(t, r, v, of_columns(t, the first of vector v)) for all of the tile.
  const auto each = [&](auto&& of_columns, auto&& add) __attribute__((always_inline)) {
#pragma GCC unroll 4
    for (int t = 0; t < kPanels; ++t)
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        const Floats columns = of_columns(t, column + v * Floats::kLanes);
#pragma GCC unroll 8
        for (int r = 0; r < kRows; ++r) add(t, r, v, columns);
      }
  };
  // f(t, r, v) for all of the tile.
  const auto each_sum = [&](auto&& f) __attribute__((always_inline)) {
#pragma GCC unroll 4
    for (int t = 0; t < kPanels; ++t)
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) f(t, r, v);
  };
  using Sums = ByteSums<Block::kBits, kInstruction>;
  const auto add_products = [&]<int part>(int64_t b, Sums (&sums)[kPanels][kRows][kVectors]) __attribute__((always_inline)) {
    for_groups<part * kPartGroups, kPartGroups>([&]<int g>() __attribute__((always_inline)) {
#pragma GCC unroll 4
      for (int t = 0; t < kPanels; ++t) {
        Factors four[kVectors];
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) four[v] = Factors(at(t, b).template numbers<g>(column + v * Floats::kLanes));
#pragma GCC unroll 8
        for (int r = 0; r < kRows; ++r) {
          int32_t q;
          __builtin_memcpy(&q, row[r][b].q + 4 * g, 4);
          const Ints numbers = Ints::broadcast(q);
#pragma GCC unroll 4
          for (int v = 0; v < kVectors; ++v) sums[t][r][v].template add<g % kPartGroups, kPartGroups>(four[v], numbers);
        }
      }
    });
  };
  // A part's sums of products, times its scales and, outside of groups, those of the rows.
  const auto add_part = [&]<int part>(int64_t b, Tile<kRows, kVectors> (&to)[kPanels]) __attribute__((always_inline)) {
    Sums sums[kPanels][kRows][kVectors];
    each_sum([&](int t, int r, int v) __attribute__((always_inline)) { sums[t][r][v] = Sums(row[r][b].start[part]); });
    add_products.template operator()<part>(b, sums);
    each([&](int t, int64_t from) __attribute__((always_inline)) { return at(t, b).scale(part, from); },
         [&](int t, int r, int v, Floats scale) __attribute__((always_inline)) {
           if constexpr (Block::kTogether == 1) scale = Floats::broadcast(row[r][b].scale) * scale;
           to[t].acc[r][v] = fma(to_floats(sums[t][r][v].whole()), scale, to[t].acc[r][v]);
         });
  };
  const auto add_block = [&](int64_t b, Tile<kRows, kVectors> (&to)[kPanels]) __attribute__((always_inline)) {
    if (asks)
#pragma GCC unroll 4
      for (int t = 0; t < kPanels; ++t) at(t, b).ask_ahead();
    add_part.template operator()<0>(b, to);
    if constexpr (Block::kParts == 2) add_part.template operator()<1>(b, to);
  };
  // A group's sums of products, times its scales.
  const auto group_of = [&](int64_t begin, Tile<kRows, kVectors> (&to)[kPanels]) __attribute__((always_inline)) {
    if constexpr (Block::kHalves) {
      Ints whole[kPanels][kRows][kVectors];
      each_sum([&](int t, int r, int v) __attribute__((always_inline)) { whole[t][r][v] = Ints::zero(); });
      for (int64_t b = begin; b < begin + Block::kTogether; b += 2) {
        Sums sums[kPanels][kRows][kVectors];
        each_sum([&](int t, int r, int v) __attribute__((always_inline)) { sums[t][r][v] = Sums(0); });
        add_products.template operator()<0>(b, sums);
        each_sum([&](int t, int r, int v) __attribute__((always_inline)) { sums[t][r][v].next_half(); });
        add_products.template operator()<0>(b + 1, sums);
#pragma GCC unroll 4
        for (int t = 0; t < kPanels; ++t)
#pragma GCC unroll 4
          for (int v = 0; v < kVectors; ++v) {
            const Ints scales = at(t, b).scales(column + v * Floats::kLanes);
#pragma GCC unroll 8
            for (int r = 0; r < kRows; ++r) whole[t][r][v] = add(whole[t][r][v], dot_shorts(sums[t][r][v].halves(), scales));
          }
      }
      each_sum([&](int t, int r, int v) __attribute__((always_inline)) { to[t].acc[r][v] = to_floats(whole[t][r][v]); });
    } else {
#pragma GCC unroll 4
      for (int t = 0; t < kPanels; ++t) to[t].zero();
      for (int64_t b = begin; b < begin + Block::kTogether; ++b) add_block(b, to);
    }
  };
  if constexpr (Block::kTogether == 1) {
    for (int64_t b = 0; b < blocks; ++b) {
      add_block(b, c);
      if constexpr (Block::kMins)
        each([&](int t, int64_t from) __attribute__((always_inline)) { return at(t, b).min(from); },
             [&](int t, int r, int v, Floats min) __attribute__((always_inline)) { c[t].acc[r][v] = fma(Floats::broadcast(row[r][b].total), min, c[t].acc[r][v]); });
    }
  } else {
    for (int64_t begin = 0; begin < blocks; begin += Block::kTogether) {
      Tile<kRows, kVectors> sums[kPanels];
      group_of(begin, sums);
      each([&](int t, int64_t from) __attribute__((always_inline)) { return at(t, begin).group_scale(from); },
           [&](int t, int r, int v, Floats scale) __attribute__((always_inline)) { sums[t].acc[r][v] = sums[t].acc[r][v] * scale; });
      if constexpr (Block::kMins) {
        // For each column, minimums of all the group's blocks in registers; rows' totals pass by.
        constexpr int kPairs = Block::kTogether / 2;
#pragma GCC unroll 4
        for (int t = 0; t < kPanels; ++t)
#pragma GCC unroll 4
          for (int v = 0; v < kVectors; ++v) {
            const int64_t from = column + v * Floats::kLanes;
            Ints mins[kPairs];
#pragma GCC unroll 4
            for (int p = 0; p < kPairs; ++p) mins[p] = at(t, begin + 2 * p).mins(from);
            const Floats min = at(t, begin).group_min(from);
#pragma GCC unroll 8
            for (int r = 0; r < kRows; ++r) {
              Ints sum = dot_shorts(mins[0], Ints::broadcast(row[r][begin].totals));
#pragma GCC unroll 4
              for (int p = 1; p < kPairs; ++p) sum = add(sum, dot_shorts(mins[p], Ints::broadcast(row[r][begin + 2 * p].totals)));
              sums[t].acc[r][v] = fma(to_floats(sum), min, sums[t].acc[r][v]);
            }
          }
      }
      each_sum([&](int t, int r, int v) __attribute__((always_inline)) { c[t].acc[r][v] = fma(sums[t].acc[r][v], Floats::broadcast(row[r][begin].scale), c[t].acc[r][v]); });
    }
  }
}

// Blocks [first, first + blocks) of the inner dimension.
struct Slice {
  int64_t first, blocks;
};

// Rows from `row` on against kPanels panels from that of `column` on, `at` the first block of the slice in each: c goes on.
template <int kRows, int kPanels, bool kInstruction, class Block>
void run_panels(const Matmul<float>& product, Slice slice, Rows rows, int64_t row, int64_t column, const std::byte* panels, int64_t panel_size, int64_t at, bool asks) {
  constexpr int kVectors = vectors_of(kRows);
  for (int64_t tile = 0; tile < kPanel / (kVectors * Floats::kLanes); ++tile) {
    const int64_t from = column + tile * kVectors * Floats::kLanes;
    if (from >= product.n) break;
    float* c = product.c + row * product.c_stride + from;
    Tile<kRows, kVectors> sums[kPanels];
#pragma GCC unroll 4
    for (int t = 0; t < kPanels; ++t) {
      const int64_t first = from + t * kPanel;
      sums[t].start(product.accumulate || slice.first > 0, c + t * kPanel, product.c_stride, product.bias, first, product.n - first);
    }
    run_blocks<kRows, kVectors, kPanels, kInstruction, Block>(rows, panels, panel_size, at, slice.blocks, tile, asks, sums);
#pragma GCC unroll 4
    for (int t = 0; t < kPanels; ++t) sums[t].store(c + t * kPanel, product.c_stride, product.n - from - t * kPanel);
  }
}

// A sliver of rows, rounded in `rows`, against all panels, whole, several at a time.
template <PanelFormat kFormat, bool kInstruction, int kRows>
void run_sliver(const Matmul<float>& product, Slice all, Rows rows, int64_t row) {
  const int64_t panel_size = panel_bytes(kFormat, product.k);
  const std::byte* panels = static_cast<const std::byte*>(product.panels);
  constexpr int kMost = panels_at_once(kRows, layout_of(kFormat).bits, kInstruction);
  static constinit Trial trial{ways_to_read(kMost)};
  read_side_by_side<kMost>(trial, product.n, panel_size, [&]<int kPanels>(int64_t j, bool asks) {
    run_panels<kRows, kPanels, kInstruction, PackedBlock<kFormat>>(product, all, rows, row, j, panels + j / kPanel * panel_size, panel_size, all.first, asks);
  });
}

// Asks for the n-th of `count` parts of so many bytes.
void prefetch_share(const std::byte* bytes, int64_t size, int64_t n, int64_t count) {
  for (int64_t line = size / 64 * n / count; line < size / 64 * (n + 1) / count; ++line) __builtin_prefetch(bytes + 64 * line, 0, 2);
}

// Rows [first, first + m), rounded in `rows`, against all panels.
template <PanelFormat kFormat, bool kInstruction>
void run_rows(const Matmul<float>& product, Slice all, Rows rows, int64_t first, int64_t m) {
  constexpr BlockLayout kLayout = layout_of(kFormat);
  using Wide = TakenApart<kLayout.bits, kLayout.parts, kLayout.mins, kLayout.together, false>;
  using Halves = TakenApart<kLayout.bits, kLayout.parts, kLayout.mins, kLayout.together, true>;
  constexpr int kMostRows = most_rows(kInstruction), kAloneRows = alone_rows(kInstruction);
  const Slivers slivers(m, m <= 2 * kAloneRows ? kAloneRows : kMostRows);   // two tall ones read the panel as it lies
  if (m <= kAloneRows) return with_rows<kAloneRows>(m, [&]<int kRows>() { run_sliver<kFormat, kInstruction, kRows>(product, all, rows, first); });
  constexpr bool kTakesApart = Wide::kBits < 8;
  const bool apart = kTakesApart && slivers.count > 2;
  std::byte* wide = static_cast<std::byte*>(product.scratch);
  for (int64_t j = 0; j < product.n; j += kPanel) {
    const std::byte* panel = static_cast<const std::byte*>(product.panels) + j / kPanel * panel_bytes(kFormat, product.k);
    for (int64_t p = 0; p == 0 || p < all.blocks; p += kSomeBlocks) {
      const Slice slice{all.first + p, std::min(kSomeBlocks, all.blocks - p)};
      if (apart) take_apart<kFormat>(panel, slice.first, slice.blocks, reinterpret_cast<WideBlock*>(wide), [](Ints numbers) { return numbers; });
      // The next slice is asked for while rows pass over this, and with each sliver c of the next.
      const std::byte* const next = panel + (slice.first + slice.blocks) / kLayout.together * kLayout.group_bytes();
      const bool is_last = j + kPanel >= product.n && p + slice.blocks == all.blocks;
      const int64_t next_bytes = is_last ? 0 : std::min(kSomeBlocks, all.blocks) / kLayout.together * kLayout.group_bytes();
      for (int64_t s = 0; s < slivers.count; ++s) {
        prefetch_share(next, next_bytes, s, slivers.count);
        const bool again = s + 1 == slivers.count;   // the first sliver, of the next slice
        const int64_t to = again ? 0 : s + 1, column = again && p + slice.blocks == all.blocks ? j + kPanel : j;
        for (int64_t r = 0; column < product.n && r < slivers.height(to); ++r) ask_for(product.c + (first + slivers.begin(to) + r) * product.c_stride + column, kPanel);
        with_rows<kAloneRows>(slivers.height(s), [&]<int kRows>() {
          const int64_t row = slivers.begin(s);
          const Rows here{rows.blocks + row * rows.stride + p, rows.stride};
          if constexpr (kTakesApart && kRows <= kMostRows) {
            if constexpr (kPairsOfScales<kLayout>)
              if (apart && sums_fit<kLayout>({rows.blocks + row * rows.stride, rows.stride}, kRows))
                return run_panels<kRows, 1, kInstruction, Halves>(product, slice, here, first + row, j, wide, 0, 0, false);
            if (apart) return run_panels<kRows, 1, kInstruction, Wide>(product, slice, here, first + row, j, wide, 0, 0, false);
          }
          run_panels<kRows, 1, kInstruction, PackedBlock<kFormat>>(product, slice, here, first + row, j, panel, 0, slice.first, s == 0);
        });
      }
    }
  }
}

template <PanelFormat kFormat, bool kInstruction>
void run(const Matmul<float>& product) {
  const int64_t all = product.k / kBlockValues;
  if (product.rounded) return run_rows<kFormat, kInstruction>(product, {0, all}, {static_cast<const RowBlock*>(product.rounded), all}, 0, product.m);
  auto* rounded = reinterpret_cast<RowBlock*>(static_cast<std::byte*>(product.scratch) + kWideBytes);
  // As much of the rows as fits, but not less than they pass over at a time: a panel is taken apart again for the rows that are left.
  const int64_t some = std::clamp<int64_t>(kRowBlocks / product.m / kSomeBlocks * kSomeBlocks, kSomeBlocks, std::max(all, kSomeBlocks));
  const int64_t some_rows = kRowBlocks / some;
  for (int64_t p = 0; p == 0 || p < all; p += some) {
    const Slice slice{p, std::min(some, all - p)};
    for (int64_t i = 0; i < product.m; i += some_rows) {
      const int64_t rows = std::min(some_rows, product.m - i);
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
