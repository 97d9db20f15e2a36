// Products of blocks of whole numbers: rows of a are rounded a block at a time and laid out in slivers of a few rows; a panel's
// block gives a tile of exact sums, which are then scaled and added up.
//
//   sliver, for each block: scales of the rows, what their sums begin with, and the bytes [8][rows][4]
//
// Numbers of b are stored with an offset, as bytes without a sign, and multiply bytes of a with one, as the instruction wants:
// sum (q + offset) a = sum q a + offset sum a, so that sums begin with -offset sum a.
#include "kernels/cpu/matmul_blocks.h"

#include <algorithm>

#include "kernels/cpu/round_block.h"
#include "kernels/cpu/tile.h"

namespace orrery::cpu::ORRERY_ISA {
namespace {

constexpr int kVectors = 2;                                         // of a tile: 32 columns, or 16
constexpr int kTiles = int(kPanel / (kVectors * Floats::kLanes));   // in a panel
// Sums of a block and sums of all beside b's vectors: of 32 or 16 registers.
#ifdef ORRERY_ISA_avx512
constexpr int kMostRows = 6;
bool has_byte_products() { return __builtin_cpu_supports("avx512vnni"); }
#else
constexpr int kMostRows = 2;
constexpr bool has_byte_products() { return false; }
#endif
constexpr int kGroups = int(kBlockValues / 4);

template <int kRows>
struct SliverBlock {
  float scale[kRows];
  int32_t start[kRows];
  int8_t q[kGroups][kRows][4];
};
constexpr int64_t kRowBytes = sizeof(SliverBlock<1>);
static_assert(sizeof(SliverBlock<kMostRows>) == kMostRows * kRowBytes);

// Blocks of p that many rows are rounded for at a time: a panel's slice of them stays in L1.
constexpr int64_t kSomeBlocks = 16;
constexpr int64_t kScratchRows = kMatmulScratchBytes / (kSomeBlocks * kRowBytes);

template <PanelFormat kFormat>
constexpr int kOffset = kFormat == PanelFormat::q8 ? 128 : 8;

template <int kRows>
void round_rows(TileA a, int64_t blocks, int offset, std::byte* out) {
  for (int64_t b = 0; b < blocks; ++b) {
    SliverBlock<kRows>& block = reinterpret_cast<SliverBlock<kRows>*>(out)[b];
    for (int r = 0; r < kRows; ++r) {
      int8_t q[kBlockValues];
      const RoundedBlock rounded = round_block(a.data + r * a.row_stride + b * kBlockValues * a.k_stride, a.k_stride, q);
      block.scale[r] = rounded.scale;
      block.start[r] = -offset * sum(add(rounded.low, rounded.high));
      for (int g = 0; g < kGroups; ++g) __builtin_memcpy(block.q[g][r], q + 4 * g, 4);
    }
  }
}

// The four numbers of each column that lie at vector v of group g of a panel's block.
template <PanelFormat kFormat>
[[gnu::always_inline]] inline Ints numbers(const uint8_t* q, int g, int64_t v) {
  constexpr int64_t kGroupBytes = 4 * kPanel, kBytes = 4 * Ints::kLanes;
  if constexpr (kFormat == PanelFormat::q8) return Ints::load(q + g * kGroupBytes + v * kBytes);
  const Ints both = Ints::load(q + g % 4 * kGroupBytes + v * kBytes);
  return g < 4 ? low_halves(both) : high_halves(both);
}

// c [kRows, columns of a tile] goes on over `blocks` blocks.
template <int kRows, PanelFormat kFormat, bool kInstruction>
void run_blocks(const std::byte* rows, const std::byte* panel, int64_t blocks, int64_t tile, Tile<kRows, kVectors>& c) {
  constexpr int64_t kBlockBytes = panel_bytes(kFormat, kBlockValues);
  const auto* sliver = reinterpret_cast<const SliverBlock<kRows>*>(rows);
  for (int64_t b = 0; b < blocks; ++b, panel += kBlockBytes, ++sliver) {
    for (int64_t line = 0; line < kBlockBytes; line += 64) __builtin_prefetch(panel + kAheadBytes + line);
    const auto* q = reinterpret_cast<const uint8_t*>(panel + 2 * kPanel);
    Ints sums[kRows][kVectors];
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) sums[r][v] = Ints::broadcast(sliver->start[r]);
#pragma GCC unroll 8
    for (int g = 0; g < kGroups; ++g) {
      Ints column[kVectors];
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) column[v] = numbers<kFormat>(q, g, tile * kVectors + v);
#pragma GCC unroll 6
      for (int r = 0; r < kRows; ++r) {
        int32_t four;
        __builtin_memcpy(&four, sliver->q[g][r], 4);
        const Ints row = Ints::broadcast(four);
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v) sums[r][v] = dot_bytes<kInstruction>(sums[r][v], column[v], row);
      }
    }
    const auto* scales = reinterpret_cast<const F16*>(panel) + tile * kVectors * Floats::kLanes;
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      const Floats scale = widen(scales + v * Floats::kLanes);
#pragma GCC unroll 6
      for (int r = 0; r < kRows; ++r) c.acc[r][v] = fma(to_floats(sums[r][v]), Floats::broadcast(sliver->scale[r]) * scale, c.acc[r][v]);
    }
  }
}

struct Call {
  const Matmul<float>& product;
  int64_t first, blocks;      // of the inner dimension
};

// Rows from `row` on against all panels: c goes on over the call's blocks.
template <int kRows, PanelFormat kFormat, bool kInstruction>
void run_panel(const Call& call, const std::byte* rows, int64_t row, int64_t column) {
  const Matmul<float>& product = call.product;
  const std::byte* panel = static_cast<const std::byte*>(product.panels) + column / kPanel * panel_bytes(kFormat, product.k) +
                           call.first * panel_bytes(kFormat, kBlockValues);
  for (int64_t tile = 0; tile < kTiles; ++tile) {
    const int64_t at = column + tile * kVectors * Floats::kLanes, columns = product.n - at;
    if (columns <= 0) break;
    float* c = product.c + row * product.c_stride + at;
    Tile<kRows, kVectors> sums;
    if (product.accumulate || call.first > 0)
      sums.load(c, product.c_stride, columns);
    else if (product.bias)
      sums.load(product.bias + at, 0, columns);
    else
      sums.zero();
    run_blocks<kRows, kFormat, kInstruction>(rows, panel, call.blocks, tile, sums);
    sums.store(c, product.c_stride, columns);
  }
}

template <PanelFormat kFormat, bool kInstruction>
void run(const Matmul<float>& product) {
  const int64_t all = product.k / kBlockValues;
  std::byte* scratch = static_cast<std::byte*>(product.scratch);
  // Few rows are rounded whole, so that each panel is read from its beginning to its end.
  const bool few = product.m <= kMostRows && product.m * all * kRowBytes <= kMatmulScratchBytes;
  const int64_t some = few ? std::max<int64_t>(all, 1) : kSomeBlocks, most_rows = few ? product.m : kScratchRows / kMostRows * kMostRows;
  for (int64_t i = 0; i < product.m; i += most_rows) {
    const Slivers slivers(std::min(most_rows, product.m - i), kMostRows);
    for (int64_t p = 0; p == 0 || p < all; p += some) {
      const Call call{product, p, std::min(some, all - p)};
      const auto rows_at = [&](int64_t s) { return scratch + slivers.begin(s) * call.blocks * kRowBytes; };
      for (int64_t s = 0; s < slivers.count; ++s)
        with_rows<kMostRows>(slivers.height(s), [&]<int kRows>() {
          round_rows<kRows>({product.a + (i + slivers.begin(s)) * product.a_row_stride + p * kBlockValues * product.a_k_stride, product.a_row_stride, product.a_k_stride},
                             call.blocks, kOffset<kFormat>, rows_at(s));
        });
      for (int64_t j = 0; j < product.n; j += kPanel)
        for (int64_t s = 0; s < slivers.count; ++s)
          with_rows<kMostRows>(slivers.height(s), [&]<int kRows>() { run_panel<kRows, kFormat, kInstruction>(call, rows_at(s), i + slivers.begin(s), j); });
    }
  }
}

template <PanelFormat kFormat>
void run(const Matmul<float>& product) {
  return has_byte_products() ? run<kFormat, true>(product) : run<kFormat, false>(product);
}

}  // namespace

void matmul_of_blocks(const Matmul<float>& product) {
  if (product.format == PanelFormat::q8) run<PanelFormat::q8>(product);
  else run<PanelFormat::q4>(product);
}

}  // namespace orrery::cpu::ORRERY_ISA
