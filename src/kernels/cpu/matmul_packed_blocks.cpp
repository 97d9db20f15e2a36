// Products of blocks whose numbers take 4 to 6 bits, with minimums or with scales of scales: BlockLayout in kernels/matmul.h.
//
// Few rows: numbers are taken apart in registers, so that memory is read at the width of the format. Many rows: a panel's slice is
// taken apart once, into bytes with floats beside them, and all rows pass over that. Sums of whole numbers are exact and the floats
// are the same ones, so that both give the same bits.
//
//   sliver, for each block: scales of the rows, their totals scaled, what their sums begin with, and the bytes [8][rows][4]
#include "kernels/cpu/matmul_blocks.h"

#include <algorithm>
#include <utility>

#include "kernels/cpu/round_block.h"
#include "kernels/cpu/tile.h"

namespace orrery::cpu::ORRERY_ISA {
namespace {

constexpr int kVectors = 2;                                         // of a tile: 32 columns, or 16
constexpr int kTiles = int(kPanel / (kVectors * Floats::kLanes));   // in a panel
constexpr int kGroups = int(kBlockValues / 4);
constexpr int64_t kGroupBytes = 4 * kPanel;
// Sums of a block and sums of all beside b's vectors: of 32 or 16 registers.
#ifdef ORRERY_ISA_avx512
constexpr int kMostRows = 6;
bool has_byte_products() { return __builtin_cpu_supports("avx512vnni"); }
#else
constexpr int kMostRows = 2;
constexpr bool has_byte_products() { return false; }
#endif

template <int kRows>
struct SliverBlock {
  float scale[kRows];
  float total[kRows];         // of the whole numbers, times their scale
  int32_t start[2][kRows];    // of each part
  int8_t q[kGroups][kRows][4];
};
constexpr int64_t kRowBytes = sizeof(SliverBlock<1>);
static_assert(sizeof(SliverBlock<kMostRows>) == kMostRows * kRowBytes);

// A block of a panel's slice, taken apart. Without minimums `min` is not read.
struct WideBlock {
  float scale[2][kPanel], min[kPanel];
  uint8_t q[kGroups][kPanel][4];
};

// Blocks of p at a time: whole groups, and a slice of them stays in L1 or nearly.
constexpr int64_t kSomeBlocks = 16;
constexpr int64_t kWideBytes = kSomeBlocks * int64_t(sizeof(WideBlock));
constexpr int64_t kSliverBytes = kMatmulScratchBytes - kWideBytes;
constexpr int64_t kScratchRows = kSliverBytes / (kSomeBlocks * kRowBytes);

// f.template operator()<g>() for the groups from kFirst on.
template <int kFirst, int kCount, class F>
[[gnu::always_inline]] inline void for_groups(F&& f) {
  [&]<int... g>(std::integer_sequence<int, g...>) { (f.template operator()<kFirst + g>(), ...); }(std::make_integer_sequence<int, kCount>());
}

// Block `b` of a panel as it lies there.
template <PanelFormat kFormat>
class PackedBlock {
 public:
  static constexpr BlockLayout kLayout = layout_of(kFormat);
  static constexpr int kParts = kLayout.parts;
  static constexpr bool kMins = kLayout.mins;
  static constexpr bool kFar = true;
  static constexpr int64_t kGroupSize = kLayout.group_bytes(), kHeadSize = kLayout.head_bytes(), kBlockSize = kLayout.block_bytes(), kScaleSize = kLayout.scale_bytes();
  static constexpr int64_t kBytes = kGroupSize / kLayout.together;

  PackedBlock(const std::byte* panel, int64_t b) : group_(panel + b / kLayout.together * kGroupSize), block_(group_ + kHeadSize + b % kLayout.together * kBlockSize) {}

  const std::byte* begin() const { return block_; }
  [[gnu::always_inline]] Floats scale(int part, int64_t column) const {
    const Floats whole = widen(reinterpret_cast<const F16*>(group_) + column);
    if constexpr (kLayout.together == 1) return whole;
    else return whole * to_floats(widen(reinterpret_cast<const int8_t*>(block_) + part * kPanel + column));
  }
  [[gnu::always_inline]] Floats min(int64_t column) const {
    const Floats whole = widen(reinterpret_cast<const F16*>(group_) + kPanel + column);
    if constexpr (kLayout.together == 1) return whole;
    else return -(whole * to_floats(widen(reinterpret_cast<const uint8_t*>(block_) + kParts * kPanel + column)));
  }
  // The four numbers of each column.
  template <int g>
  [[gnu::always_inline]] Ints numbers(int64_t column) const {
    const std::byte* q = block_ + kScaleSize + 4 * column;
    const Ints both = Ints::load(q + g % 4 * kGroupBytes), low = g < 4 ? low_halves(both) : high_halves(both);
    if constexpr (kLayout.bits == 5) return low | (shift_left<4 - g>(Ints::load(q + 4 * kGroupBytes)) & Ints::broadcast(0x10101010));
    if constexpr (kLayout.bits == 6) return low | (shift_left<4 - 2 * (g % 4)>(Ints::load(q + (4 + g / 4) * kGroupBytes)) & Ints::broadcast(0x30303030));
    return low;
  }

 private:
  const std::byte *group_, *block_;
};

// The same of one that was taken apart.
template <int kPartsThere, bool kMinsThere>
class TakenApart {
 public:
  static constexpr int kParts = kPartsThere;
  static constexpr bool kMins = kMinsThere;
  static constexpr bool kFar = false;
  TakenApart(const std::byte* slice, int64_t b) : block_(reinterpret_cast<const WideBlock*>(slice) + b) {}
  static constexpr int64_t kBytes = sizeof(WideBlock);
  const std::byte* begin() const { return reinterpret_cast<const std::byte*>(block_); }
  [[gnu::always_inline]] Floats scale(int part, int64_t column) const { return Floats::load(block_->scale[part] + column); }
  [[gnu::always_inline]] Floats min(int64_t column) const { return Floats::load(block_->min + column); }
  template <int g>
  [[gnu::always_inline]] Ints numbers(int64_t column) const { return Ints::load(block_->q[g][column]); }

 private:
  const WideBlock* block_;
};

template <PanelFormat kFormat>
void take_apart(const std::byte* panel, int64_t first, int64_t blocks, WideBlock* out) {
  for (int64_t b = 0; b < blocks; ++b, ++out) {
    const PackedBlock<kFormat> block(panel, first + b);
    for (int64_t line = 0; line < block.kBytes; line += 64) __builtin_prefetch(block.begin() + kAheadBytes + line);
    for (int64_t column = 0; column < kPanel; column += Floats::kLanes) {
      for (int part = 0; part < block.kParts; ++part) block.scale(part, column).store(out->scale[part] + column);
      if constexpr (block.kMins) block.min(column).store(out->min + column);
      for_groups<0, kGroups>([&]<int g>() { store(block.template numbers<g>(column), out->q[g][column]); });
    }
  }
}

template <int kRows>
void round_rows(TileA a, int64_t blocks, const BlockLayout& layout, std::byte* out) {
  for (int64_t b = 0; b < blocks; ++b) {
    SliverBlock<kRows>& block = reinterpret_cast<SliverBlock<kRows>*>(out)[b];
    for (int r = 0; r < kRows; ++r) {
      int8_t q[kBlockValues];
      const RoundedBlock rounded = round_block(a.data + r * a.row_stride + b * kBlockValues * a.k_stride, a.k_stride, q);
      const int32_t low = sum(rounded.low), high = sum(rounded.high);
      block.scale[r] = rounded.scale;
      block.total[r] = float(low + high) * rounded.scale;
      block.start[0][r] = -layout.offset * (layout.parts == 2 ? low : low + high);
      block.start[1][r] = -layout.offset * high;
      for (int g = 0; g < kGroups; ++g) __builtin_memcpy(block.q[g][r], q + 4 * g, 4);
    }
  }
}

// c [kRows, columns of a tile] goes on over `blocks` blocks from `first` on.
template <int kRows, bool kInstruction, class Block>
void run_blocks(const std::byte* rows, const std::byte* panel, int64_t first, int64_t blocks, int64_t tile, Tile<kRows, kVectors>& c) {
  constexpr int kPartGroups = kGroups / Block::kParts;
  const auto* sliver = reinterpret_cast<const SliverBlock<kRows>*>(rows);
  const int64_t column = tile * kVectors * Floats::kLanes;
  for (int64_t b = first; b < first + blocks; ++b, ++sliver) {
    const Block block(panel, b);
    if constexpr (Block::kFar)
      for (int64_t line = 0; line < Block::kBytes; line += 64) __builtin_prefetch(block.begin() + kAheadBytes + line);
    const auto add_part = [&]<int part>() __attribute__((always_inline)) {
      Ints sums[kRows][kVectors];
#pragma GCC unroll 6
      for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v) sums[r][v] = Ints::broadcast(sliver->start[part][r]);
      for_groups<part * kPartGroups, kPartGroups>([&]<int g>() __attribute__((always_inline)) {
        Ints four[kVectors];
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v) four[v] = block.template numbers<g>(column + v * Floats::kLanes);
#pragma GCC unroll 6
        for (int r = 0; r < kRows; ++r) {
          int32_t q;
          __builtin_memcpy(&q, sliver->q[g][r], 4);
          const Ints row = Ints::broadcast(q);
#pragma GCC unroll 2
          for (int v = 0; v < kVectors; ++v) sums[r][v] = dot_bytes<kInstruction>(sums[r][v], four[v], row);
        }
      });
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) {
        const Floats scale = block.scale(part, column + v * Floats::kLanes);
#pragma GCC unroll 6
        for (int r = 0; r < kRows; ++r) c.acc[r][v] = fma(to_floats(sums[r][v]), Floats::broadcast(sliver->scale[r]) * scale, c.acc[r][v]);
      }
    };
    add_part.template operator()<0>();
    if constexpr (Block::kParts == 2) add_part.template operator()<1>();
    if constexpr (Block::kMins) {
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) {
        const Floats min = block.min(column + v * Floats::kLanes);
#pragma GCC unroll 6
        for (int r = 0; r < kRows; ++r) c.acc[r][v] = fma(Floats::broadcast(sliver->total[r]), min, c.acc[r][v]);
      }
    }
  }
}

struct Call {
  const Matmul<float>& product;
  int64_t first, blocks;      // of the inner dimension
};

// Rows from `row` on against the panel of `column`, blocks [at, at + call.blocks) of `panel`: c goes on over them.
template <int kRows, bool kInstruction, class Block>
void run_panel(const Call& call, const std::byte* rows, int64_t row, int64_t column, const std::byte* panel, int64_t at) {
  const Matmul<float>& product = call.product;
  for (int64_t tile = 0; tile < kTiles; ++tile) {
    const int64_t from = column + tile * kVectors * Floats::kLanes, columns = product.n - from;
    if (columns <= 0) break;
    float* c = product.c + row * product.c_stride + from;
    Tile<kRows, kVectors> sums;
    if (product.accumulate || call.first > 0)
      sums.load(c, product.c_stride, columns);
    else if (product.bias)
      sums.load(product.bias + from, 0, columns);
    else
      sums.zero();
    run_blocks<kRows, kInstruction, Block>(rows, panel, at, call.blocks, tile, sums);
    sums.store(c, product.c_stride, columns);
  }
}

template <PanelFormat kFormat, bool kInstruction>
void run(const Matmul<float>& product) {
  constexpr BlockLayout kLayout = layout_of(kFormat);
  using Wide = TakenApart<kLayout.parts, kLayout.mins>;
  const int64_t all = product.k / kBlockValues;
  std::byte* wide = static_cast<std::byte*>(product.scratch);
  std::byte* scratch = wide + kWideBytes;
  const std::byte* panels = static_cast<const std::byte*>(product.panels);
  // Few rows are rounded whole, so that each panel is read from its beginning to its end.
  const bool few = product.m <= kMostRows && product.m * all * kRowBytes <= kSliverBytes;
  const int64_t some = few ? std::max<int64_t>(all, 1) : kSomeBlocks, most_rows = few ? product.m : kScratchRows / kMostRows * kMostRows;
  for (int64_t i = 0; i < product.m; i += most_rows) {
    const Slivers slivers(std::min(most_rows, product.m - i), kMostRows);
    for (int64_t p = 0; p == 0 || p < all; p += some) {
      const Call call{product, p, std::min(some, all - p)};
      const auto rows_at = [&](int64_t s) { return scratch + slivers.begin(s) * call.blocks * kRowBytes; };
      for (int64_t s = 0; s < slivers.count; ++s)
        with_rows<kMostRows>(slivers.height(s), [&]<int kRows>() {
          round_rows<kRows>({product.a + (i + slivers.begin(s)) * product.a_row_stride + p * kBlockValues * product.a_k_stride, product.a_row_stride, product.a_k_stride},
                            call.blocks, kLayout, rows_at(s));
        });
      for (int64_t j = 0; j < product.n; j += kPanel) {
        const std::byte* panel = panels + j / kPanel * panel_bytes(kFormat, product.k);
        if (!few) take_apart<kFormat>(panel, p, call.blocks, reinterpret_cast<WideBlock*>(wide));
        for (int64_t s = 0; s < slivers.count; ++s)
          with_rows<kMostRows>(slivers.height(s), [&]<int kRows>() {
            if (few) run_panel<kRows, kInstruction, PackedBlock<kFormat>>(call, rows_at(s), i + slivers.begin(s), j, panel, p);
            else run_panel<kRows, kInstruction, Wide>(call, rows_at(s), i + slivers.begin(s), j, wide, 0);
          });
      }
    }
  }
}

template <PanelFormat kFormat>
void run(const Matmul<float>& product) {
  return has_byte_products() ? run<kFormat, true>(product) : run<kFormat, false>(product);
}

}  // namespace

void matmul_of_packed_blocks(const Matmul<float>& product) {
  switch (product.format) {
    case PanelFormat::q5_0: return run<PanelFormat::q5_0>(product);
    case PanelFormat::q4_1: return run<PanelFormat::q4_1>(product);
    case PanelFormat::q5_1: return run<PanelFormat::q5_1>(product);
    case PanelFormat::q4_k: return run<PanelFormat::q4_k>(product);
    case PanelFormat::q5_k: return run<PanelFormat::q5_k>(product);
    default: return run<PanelFormat::q6_k>(product);
  }
}

}  // namespace orrery::cpu::ORRERY_ISA
