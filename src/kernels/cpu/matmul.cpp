// Matrix products over packed panels, blocked for the caches.
//
// Many rows: for each block of p and block of rows, the rows are packed into slivers of kRows and stay in L2 while every
// panel's slice of that block passes by once; Goto & van de Geijn 2008, with b packed beforehand.
// Few rows (a sliver, or two where slivers are low): panels stream past the rows once; with up to three rows several panels at a time,
// for enough independent chains to keep the memory busy.
//
// All of it counts in steps of the inner dimension: a number each, or two as a pair of bf16 (tile.h). Packed rows are floats
// in either case, a pair as a float's bits; but where floats have to multiply pairs, many rows do it in two steps (kParts).
#include "kernels/matmul.h"

#include <algorithm>
#include <type_traits>

#include "kernels/cpu/matmul_blocks.h"
#include "kernels/cpu/matmul_int8.h"
#include "kernels/cpu/pairs.h"
#include "kernels/cpu/side_by_side.h"
#include "kernels/cpu/tiny_is_zero.h"
#include "kernels/cpu/transpose.h"
#include "kernels/fastest.h"

namespace orrery::cpu::ORRERY_ISA {
namespace {

constexpr int kPanelVectors = int(kPanel / Floats::kLanes);
// A tile is kTileVectors wide: a panel of 32 columns, or half of one with 16 registers.
constexpr int kTileVectors = 2;
constexpr int kTilesPerPanel = kPanelVectors / kTileVectors;
constexpr int kRows = kAccumulators / kTileVectors;
constexpr int64_t kTileColumns = kTileVectors * Floats::kLanes;

// Blocks of steps and of rows. The packed rows take half of L2 or less (but where they are kept: all steps of up to 256 rows). A panel's
// slice (kBlockK * 128 bytes) lives in L2 too, which is near enough at 128 bytes per step of 14 cycles; long blocks visit c less often, and
// c comes from further away.
constexpr int64_t kBlockK = 768;
constexpr int64_t kBlockRows = kRows * (kAccumulators == 28 ? 22 : 20);
// Few rows are one sliver, of long blocks. With 16 registers two: the second finds a panel's slice, which is shorter for it, in L2.
constexpr int64_t kFewSlivers = kAccumulators == 28 ? 1 : 2;
constexpr int64_t kFewBlockK = kFewSlivers == 1 ? 4096 : 2048;
constexpr int64_t kPackedFloats = std::max(kBlockK * kBlockRows, kFewBlockK * kRows * (kFewSlivers + 1));
constexpr int64_t kMostPacked = std::max(kPackedFloats, kKeptNumbers);
static_assert((kMostPacked + kBlockK * kPanel) * 4 <= kMatmulScratchBytes / 2);

// What is the same for all tiles of a call.
struct Block {
  float* c;           // row 0, column 0 of the whole product
  int64_t c_stride, n;
  const float* bias;  // null but in the first block of steps
  bool accumulate;    // false but in the first block of steps
};

template <class Element>
constexpr int64_t kDepth = StepOf<Element>::kDepth;
template <class Element>
int64_t steps_of(int64_t k) { return (k + kDepth<Element> - 1) / kDepth<Element>; }

// Ahead: as tile.h has it; or FromMemory, where a panel streams past its few rows.
struct FromMemory {};
template <int kTileRows, int kVectors, class Element, class Ahead>
[[gnu::always_inline]] inline void run_tile(const Block& block, TileA a, const Element* b, int64_t k, int64_t row, int64_t column, const Ahead& ahead) {
  Tile<kTileRows, kVectors> tile;
  float* c = block.c + row * block.c_stride + column;
  const int64_t columns = block.n - column;
  tile.start(block.accumulate, c, block.c_stride, block.bias, column, columns);
  if constexpr (std::is_same_v<Ahead, FromMemory>) tile.template multiply<true>(a, b, kPanel, k);
  else tile.multiply(a, b, kPanel, k, ahead);
  tile.store(c, block.c_stride, columns);
}

// One panel (slice of k steps) against `rows` packed rows.
template <int kTileRows, class Element, class Ahead>
[[gnu::always_inline]] inline void run_panel(const Block& block, const float* a, const Element* b, int64_t k, int64_t row, int64_t column, const Ahead& ahead) {
  for (int t = 0; t < kTilesPerPanel; ++t) {
    if (column + t * kTileColumns >= block.n) break;
    run_tile<kTileRows, kTileVectors>(block, TileA{a, 1, kTileRows}, b + t * kTileColumns, k, row,
                                      column + t * kTileColumns, ahead);
  }
}

// run_panel for a number of rows known at run time, 1 to kRows.
template <class Element, class Ahead>
void run_panel_of(int64_t rows, const Block& block, const float* a, const Element* b, int64_t k, int64_t row, int64_t column, const Ahead& ahead) {
  with_rows<kRows>(rows, [&]<int kHeight>() { run_panel<kHeight>(block, a, b, k, row, column, ahead); });
}

// While some rows are packed the next numbers are asked for, to L2. Where rows are side by side in memory those are some steps of all slivers further on,
// else the same ones of the next sliver.
constexpr int64_t kStepsTogether = 32, kRowsAhead = 2 * kRows;
void ask_for_steps(const float* from, int64_t k_stride) {
  __builtin_prefetch(from + kRowsAhead);
  __builtin_prefetch(from + 2 * kStepsTogether * k_stride, 0, 2);
}

// packed[p * rows + r] = a[r, p], and some more floats behind the last: slivers are packed one after the other, and a panel's worth of
// scratch lies behind them.
void pack_floats(TileA a, int64_t rows, int64_t k, float* packed) {
  if (a.row_stride == 1 && a.k_stride != 1) {
    for (int64_t p = 0; p < k; ++p)
      for (int64_t r = 0; r < rows; r += Floats::kLanes) {
        const float* from = a.data + p * a.k_stride + r;
        ask_for_steps(from, a.k_stride);
        Floats::load(from, rows - r).store(packed + p * rows + r);
      }
    return;
  }
  transpose_to_sliver(a.data, a.row_stride, rows, k, packed);
}

// Rows of a from some row and some p on. `rounded`: they are pairs of bf16 already, as floats' bits, and the strides count pairs.
struct Rows {
  TileA a;
  bool rounded;
  static Rows of(const Matmul<float>& product) {
    if (product.rounded) return {{static_cast<const float*>(product.rounded), pairs_in(product.k), 1}, true};
    return {{product.a, product.a_row_stride, product.a_k_stride}, false};
  }
  Rows from(int64_t row, int64_t p) const { return {{a.data + row * a.row_stride + (rounded ? p / 2 : p) * a.k_stride, a.row_stride, a.k_stride}, rounded}; }
  bool side_by_side() const { return a.row_stride == 1 && a.k_stride != 1; }   // and not the numbers of a row
};

// packed[s * rows + r] = the pair a[r, 2 s], a[r, 2 s + 1], and more behind them, as above. `spare` has room for as much.
template <bool kInstruction>
void pack_pairs(const Rows& source, int64_t rows, int64_t k, float* packed, float* spare) {
  const int64_t steps = pairs_in(k);
  const TileA& a = source.a;
  if (source.rounded) return transpose_to_sliver(a.data, a.row_stride, rows, steps, packed);
  if (source.side_by_side()) {
    for (int64_t s = 0; s < steps; ++s)
      for (int64_t r = 0; r < rows; r += Floats::kLanes) {
        const float* low = a.data + 2 * s * a.k_stride + r;
        ask_for_steps(low, a.k_stride);
        ask_for_steps(low + a.k_stride, a.k_stride);
        const Floats high = 2 * s + 1 < k ? Floats::load(low + a.k_stride, rows - r) : Floats::zero();
        operand_pairs<kInstruction>(Floats::load(low, rows - r), high).store(packed + s * rows + r);
      }
    return;
  }
#ifdef ORRERY_ISA_avx512
  if (kInstruction && a.k_stride == 1)
    return turn_to_sliver(rows, steps, packed, [&](int64_t r, int64_t step, auto) __attribute__((always_inline)) {
      const float* const from = a.data + r * a.row_stride + 2 * step;
      const int64_t left = k - 2 * step;
      ask_for(from + rows * a.row_stride, 2 * Floats::kLanes);
      return bf16_of(Floats::load(from, left), Floats::load(from + Floats::kLanes, left - Floats::kLanes));
    });
#endif
  for (int64_t r = 0; r < rows; ++r) {
    if (a.k_stride == 1) ask_for(a.data + (r + rows) * a.row_stride, k);
    round_row_of<kInstruction>({a.data + r * a.row_stride, 0, a.k_stride}, k, reinterpret_cast<Bf16*>(spare + r * steps));
  }
  transpose_to_sliver(spare, steps, rows, steps, packed);
}

template <class Element>
void pack_rows(const Rows& source, int64_t rows, int64_t k, float* packed, float* spare) {
  if constexpr (kDepth<Element> == 2)
    pack_pairs<kRoundsPairs<Element>>(source, rows, k, packed, spare);
  else
    pack_floats(source.a, rows, k, packed);
}

// Steps of floats in which many rows multiply a step of b: the pairs' own product by floats would take each pair apart again for every
// tile. The second of a pair is first, as it is in the sum.
template <class Element>
constexpr int64_t kParts = 1;
template <>
constexpr int64_t kParts<Pair<false>> = 2;

// Elements of b that are no floats are made such once for all slivers.
template <class Element>
const float* as_floats(const Element* b, int64_t k, float* widened) {
  for (int64_t x = 0; x < k * kPanel; x += Floats::kLanes) widen(b + x).store(widened + x);
  return widened;
}
const float* as_floats(const Pair<false>* b, int64_t k, float* widened) {
  for (int64_t s = 0; s < k; ++s, b += kPanel, widened += 2 * kPanel)
    for (int64_t x = 0; x < kPanel; x += Floats::kLanes) {
      const Floats both = pairs(b + x);
      high_of_pairs(both).store(widened + x);
      low_of_pairs(both).store(widened + kPanel + x);
    }
  return widened - k * 2 * kPanel;
}

// Rows for as_floats: pack_rows, pairs in their two parts.
template <class Element>
void pack_parts(const Rows& source, int64_t rows, int64_t k, float* packed, float* spare) {
  if constexpr (kParts<Element> == 1) return pack_rows<Element>(source, rows, k, packed, spare);
  const int64_t steps = steps_of<Element>(k);
  pack_rows<Element>(source, rows, k, spare, spare + steps * rows + Floats::kLanes);
  for (int64_t s = 0; s < steps; ++s, spare += rows, packed += 2 * rows) {
    for (int64_t r = 0; r < rows; r += Floats::kLanes) high_of_pairs(Floats::load(spare + r)).store(packed + r);
    for (int64_t r = 0; r < rows; r += Floats::kLanes) low_of_pairs(Floats::load(spare + r)).store(packed + rows + r);
  }
}

// pack_parts of all slivers, one behind the other. Where rows are side by side in memory some steps of all come before the next ones: each
// of a step's cache lines and pages is then met once.
template <class Element>
void pack_slivers(const Rows& source, const Slivers& slivers, int64_t k, float* packed, float* spare) {
  const int64_t steps = steps_of<Element>(k), most = source.side_by_side() ? kStepsTogether : kBlockK / kParts<Element>;
  for (int64_t step = 0; step < steps; step += most)
    for (int64_t s = 0; s < slivers.count; ++s) {
      const int64_t first = step * kDepth<Element>, rows = slivers.height(s), count = std::min(most, steps - step);
      float* const to = packed + (slivers.begin(s) * steps + step * rows) * kParts<Element>;
      float* const end = to + count * rows * kParts<Element>;
      const Floats behind = Floats::load(end);   // of the next sliver, maybe
      pack_parts<Element>(source.from(slivers.begin(s), first), rows, std::min(count * kDepth<Element>, k - first), to, spare);
      behind.store(end);
    }
}

// kWhole: the rows are packed over all steps, or lie in the scratch so (matmul.h's Packing).
template <class Element, bool kWhole>
void many_rows(const Matmul<float>& product) {
  constexpr int64_t kBlock = kBlockK / kParts<Element>;
  float* packed = static_cast<float*>(product.scratch);
  float* widened = packed + kMostPacked;
  const Element* panels = static_cast<const Element*>(product.panels);
  const int64_t steps = steps_of<Element>(product.k);
  const int64_t most_rows = kWhole ? product.m : kBlockRows * kBlock / std::clamp<int64_t>(steps, 1, kBlock) / kRows * kRows;   // short ones are more
  const int64_t row_blocks = (product.m + most_rows - 1) / most_rows;  // of equal height, nearly
  const int64_t block_rows = ((product.m + row_blocks - 1) / row_blocks + kRows - 1) / kRows * kRows;
  if (kWhole && product.packing == Packing::keep) pack_slivers<Element>(Rows::of(product), Slivers(product.m, kRows), product.k, packed, widened);
  for (int64_t p = 0; p == 0 || p < steps; p += kBlock) {
    const int64_t k = std::min(kBlock, steps - p), first = p * kDepth<Element>, parts = k * kParts<Element>;
    const Block block{product.c, product.c_stride, product.n, p == 0 ? product.bias : nullptr,
                      product.accumulate || p > 0};
    for (int64_t i = 0; i < product.m; i += block_rows) {
      const Slivers slivers(std::min(block_rows, product.m - i), kRows);
      if (!kWhole) pack_slivers<Element>(Rows::of(product).from(i, first), slivers, std::min(k * kDepth<Element>, product.k - first), packed, widened);
      for (int64_t j = 0; j < product.n; j += kPanel) {
        const Element* b = panels + j * steps + p * kPanel;
        const auto slice = [&] {
          if constexpr (sizeof(Element) == 2 || kParts<Element> == 2) return as_floats(b, k, widened);
          else return b;
        }();
        // The next panel's slice comes to L2, a part with each sliver, and the rows of c of the next tile to L1.
        const bool last_panel = j + kPanel >= product.n;
        constexpr int64_t kLines = Ahead::kSteps * kPanel * int64_t(sizeof(Element)) / kParts<Element> / 64;   // of a slice, in so many steps
        const int64_t each = last_panel ? 0 : (kLines + slivers.count - 1) / slivers.count;
        const char* const next = reinterpret_cast<const char*>(b + (last_panel ? 0 : steps * kPanel));
        for (int64_t s = 0; s < slivers.count; ++s) {
          const bool last = s + 1 == slivers.count;
          const int64_t to = last ? 0 : s + 1, column = last && !last_panel ? j + kPanel : j;
          const Ahead ahead{next + s * (parts / Ahead::kSteps) * each * 64, (each + kTilesPerPanel - 1) / kTilesPerPanel, block.c + (i + slivers.begin(to)) * block.c_stride + column, block.c_stride, slivers.height(to)};
          const float* const rows = packed + slivers.begin(s) * (kWhole ? steps * kParts<Element> : parts) + (kWhole ? p * slivers.height(s) * kParts<Element> : 0);
          run_panel_of(slivers.height(s), block, rows, slice, parts, i + slivers.begin(s), j, ahead);
        }
      }
    }
  }
}

// kTileRows rows against kPanels panels at once. kAhead: memory is asked for what comes.
template <int kTileRows, int kPanels, bool kAhead, class Element>
void run_panels(const Block& block, TileA a, const Element* b, int64_t panel_size, int64_t k, int64_t column) {
  Tile<kTileRows, kPanelVectors> tiles[kPanels];
#pragma GCC unroll 4
  for (int t = 0; t < kPanels; ++t) {
    const int64_t at = column + t * kPanel;
    tiles[t].start(block.accumulate, block.c + at, block.c_stride, block.bias, at, block.n - at);
  }
  const float* row = a.data;
  for (int64_t p = 0; p < k; ++p, row += a.k_stride) {
#pragma GCC unroll 4
    for (int t = 0; t < kPanels; ++t) {
      if constexpr (kAhead) prefetch_ahead<kPanelVectors>(b + t * panel_size + p * kPanel);
      Floats vectors[kPanelVectors];
#pragma GCC unroll 8
      for (int v = 0; v < kPanelVectors; ++v) vectors[v] = StepOf<Element>::lanes(b + t * panel_size + p * kPanel + v * Floats::kLanes);
      tiles[t].template step<Element>(row, a.row_stride, vectors);
    }
  }
#pragma GCC unroll 4
  for (int t = 0; t < kPanels; ++t) {
    const int64_t at = column + t * kPanel;
    tiles[t].store(block.c + at, block.c_stride, block.n - at);
  }
}

// Up to three rows, unpacked.
template <int kTileRows, class Element>
void one_sliver(const Matmul<float>& product, TileA a) {
  constexpr int kMost = std::max(1, std::min(4, kAccumulators / (kTileRows * kPanelVectors)));
  const Block block{product.c, product.c_stride, product.n, product.bias, product.accumulate};
  const Element* panels = static_cast<const Element*>(product.panels);
  const int64_t steps = steps_of<Element>(product.k), panel_size = steps * kPanel;
  static constinit Trial trial{ways_to_read(kMost)};
  read_side_by_side<kMost>(trial, product.n, panel_size * int64_t(sizeof(Element)), [&]<int kPanels>(int64_t j, bool asks) {
    if (asks) run_panels<kTileRows, kPanels, true>(block, a, panels + j * steps, panel_size, steps, j);
    else run_panels<kTileRows, kPanels, false>(block, a, panels + j * steps, panel_size, steps, j);
  });
}

template <class Element>
void few_rows(const Matmul<float>& product) {
  const Rows source = Rows::of(product);
  TileA a = source.a;
  float* packed = static_cast<float*>(product.scratch);
  const int64_t steps = steps_of<Element>(product.k);
  if (product.m <= 3 && (kDepth<Element> == 1 || source.rounded || product.m * steps <= kPackedFloats)) {
    if (kDepth<Element> == 2 && !source.rounded) {
      for (int64_t i = 0; i < product.m; ++i) round_row_of<kRoundsPairs<Element>>({a.data + i * a.row_stride, 0, a.k_stride}, product.k, reinterpret_cast<Bf16*>(packed + i * steps));
      a = {packed, steps, 1};
    }
    if (product.m == 1) return one_sliver<1, Element>(product, a);
    if (product.m == 2) return one_sliver<2, Element>(product, a);
    return one_sliver<3, Element>(product, a);
  }
  const Element* panels = static_cast<const Element*>(product.panels);
  const Slivers slivers(product.m, kRows);
  for (int64_t p = 0; p == 0 || p < steps; p += kFewBlockK) {
    const int64_t k = std::min(kFewBlockK, steps - p), first = p * kDepth<Element>;
    const Block block{product.c, product.c_stride, product.n, p == 0 ? product.bias : nullptr,
                      product.accumulate || p > 0};
    for (int64_t s = 0; s < slivers.count; ++s)
      pack_rows<Element>(source.from(slivers.begin(s), first), slivers.height(s), std::min(k * kDepth<Element>, product.k - first), packed + slivers.begin(s) * k, packed + kFewBlockK * kRows * kFewSlivers);
    for (int64_t j = 0; j < product.n; j += kPanel)
      for (int64_t s = 0; s < slivers.count; ++s)
        run_panel_of(slivers.height(s), block, packed + slivers.begin(s) * k, panels + j * steps + p * kPanel, k, slivers.begin(s), j, FromMemory{});
  }
}

template <class Element>
void matmul_of(const Matmul<float>& product) {
  if (product.m <= kRows * kFewSlivers)
    few_rows<Element>(product);
  else if (kDepth<Element> == 2 && product.packing != Packing::own && keeps_rows(product.m, product.k))
    many_rows<Element, kDepth<Element> == 2>(product);
  else
    many_rows<Element, false>(product);
}

[[gnu::noinline]] void multiply_pairs_by_floats(const Matmul<float>& product) { matmul_of<Pair<false>>(product); }
void matmul_by_floats(const Matmul<float>& product) {
  const TinyIsZero tiny;
  multiply_pairs_by_floats(product);
}

}  // namespace

// Of both ways to multiply pairs the faster one here: some processors do one pair in the time of four floats. Measured once; both give
// the same bits.
#ifdef ORRERY_ISA_avx512
bool has_bf16_products() {
  static const bool chosen = __builtin_cpu_supports("avx512bf16") &&
                             seconds_of_product(matmul_of<Pair<true>>, PanelFormat::bf16_pairs, 64) <= seconds_of_product(matmul_by_floats, PanelFormat::bf16_pairs, 64);
  return chosen;
}
#endif

matmul_fn<float> matmul;

void matmul(const Matmul<float>& product) {
  if (product.m == 0 || product.n == 0) return;
  switch (product.format) {
    case PanelFormat::bf16: return matmul_of<Bf16>(product);
    case PanelFormat::f16: return matmul_of<F16>(product);
    case PanelFormat::bf16_pairs: return has_bf16_products() ? matmul_of<Pair<true>>(product) : matmul_by_floats(product);
    case PanelFormat::own: return matmul_of<float>(product);
    case PanelFormat::int8: return matmul_of_int8(product);
    case PanelFormat::bf16_split: __builtin_trap();   // of tiles alone: Kernels::splits_floats
    default: return matmul_of_blocks(product);
  }
}

}  // namespace orrery::cpu::ORRERY_ISA
