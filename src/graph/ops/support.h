// Shared by the op files: shape rules that recur, and splitting a matrix product over threads.
#pragma once

#include <algorithm>

#include "graph/call.h"
#include "graph/grad.h"
#include "graph/op.h"
#include "graph/weights.h"

namespace orrery {

inline void same_as_input(ShapeContext& c) { c.output(c.input(0)); }

// Fills the two run functions of an op from one template.
#define ORRERY_RUN(function) .run_f32 = function<float>, .run_f64 = function<double>

template <class T>
constexpr DType dtype_of() {
  return sizeof(T) == 8 ? DType::f64 : DType::f32;
}

inline Cost elementwise_cost(const CostContext& c) { return {double(c.out_count()), c.operand_bytes()}; }

constexpr int64_t kTileRows = 224;     // of a product: a multiple of the micro-kernel's rows
constexpr int64_t kTilePanels = 8;

constexpr int64_t kRoundedRows = 48;   // few enough to be rounded by one thread while the others wait

// The rows of a product of blocks, rounded for all its tiles in the half of a scratch that those leave; null where they do not fit.
template <class T>
const RowBlock* round_once(const Call<T>& call, const Matmul<T>& p) {
  if (!is_blocks(p.format) || p.m * (p.k / kBlockValues) * int64_t(sizeof(RowBlock)) > kMatmulScratchBytes / 2) return nullptr;
  auto* rounded = reinterpret_cast<RowBlock*>(static_cast<std::byte*>(call.thread_scratch(0)) + kMatmulScratchBytes / 2);
  call.k().round_rows(p.a, p.a_row_stride, p.a_k_stride, p.m, p.k, p.format, rounded);
  return rounded;
}

// c = product over all m rows and n columns of `p`, in tiles on the pool. p.panels is the first panel of p.n columns.
template <class T>
void parallel_product(const Call<T>& call, const Matmul<T>& p) {
  if (p.m <= 0 || p.n <= 0) return;
  const int64_t panels = (p.n + kPanel - 1) / kPanel;
  const double work = double(p.m) * double(p.n) * double(std::max<int64_t>(p.k, 1));
  const int threads = call.pool().num_threads();
  int64_t tile_rows = kTileRows, tile_panels = kTilePanels;
  const RowBlock* rounded = nullptr;
  if (is_blocks(p.format) && p.m > kRoundedRows) {   // each row is rounded by one tile alone
    tile_rows = std::min(kTileRows, (p.m + threads * 4 - 1) / (threads * 4));
    tile_panels = panels;
  } else if (work < 65536 || threads == 1) {
    tile_rows = threads == 1 ? tile_rows : p.m;
    tile_panels = threads == 1 && p.m > kTileRows ? kTilePanels : panels;
  } else if (p.m <= kTileRows) {       // few rows: the panels are shared out
    rounded = round_once(call, p);
    tile_rows = p.m;
    tile_panels = std::clamp<int64_t>((panels + threads * 4 - 1) / (threads * 4), 1, 64);
  }
  const int64_t row_tiles = (p.m + tile_rows - 1) / tile_rows, panel_tiles = (panels + tile_panels - 1) / tile_panels;
  const int64_t bytes = panel_bytes(p.format, p.k, sizeof(T));
  call.pool().parallel(row_tiles * panel_tiles, [&](int64_t task, int thread) {
    // Tasks that follow each other share the panels, which are the larger part.
    const int64_t row = (task % row_tiles) * tile_rows, panel = (task / row_tiles) * tile_panels;
    Matmul<T> tile = p;
    tile.a = p.a + row * p.a_row_stride;
    tile.m = std::min(tile_rows, p.m - row);
    tile.panels = static_cast<const std::byte*>(p.panels) + panel * bytes;
    tile.n = std::min(tile_panels * kPanel, p.n - panel * kPanel);
    tile.c = p.c + row * p.c_stride + panel * kPanel;
    if (rounded) tile.rounded = rounded;   // all rows: the panels are shared out
    if (p.bias) tile.bias = p.bias + panel * kPanel;
    tile.scratch = call.thread_scratch(thread);
    call.k().matmul(tile);
  });
}

// Packs b[p, j] = source[p * k_stride + j * n_stride] (n columns, inner size k) into panels on the pool, for products as the
// run wants them. Panels take packed_size(n, k) elements of T at most.
template <class T>
PanelFormat parallel_pack(const Call<T>& call, const void* source, DType from, int64_t k_stride, int64_t n_stride, int64_t k, int64_t n, void* panels) {
  const PanelFormat format = sizeof(T) == sizeof(float) && call.products() == DType::bf16 ? PanelFormat::bf16_pairs : PanelFormat::own;
  const int64_t bytes = panel_bytes(format, k, sizeof(T));
  constexpr int64_t kGroup = 4 * kPanel;
  const int64_t groups = (n + kGroup - 1) / kGroup;
  call.pool().parallel(groups, [&](int64_t group) {
    const int64_t begin = group * kGroup;
    call.k().pack_panels(static_cast<const std::byte*>(source) + begin * n_stride * size_of(from), from, k_stride, n_stride, k,
                         std::min(kGroup, n - begin), static_cast<std::byte*>(panels) + begin / kPanel * bytes, format);
  });
  return format;
}

}  // namespace orrery
