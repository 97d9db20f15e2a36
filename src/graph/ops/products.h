// Matrix products of an op, shared out over the threads of a run, and the packing of weights that are not packed for good.
#pragma once

#include <algorithm>
#include <span>

#include "graph/call.h"
#include "graph/weights.h"

namespace orrery {

constexpr int64_t kTileRows = 224;     // of a product: a multiple of the micro-kernel's rows
constexpr int64_t kTilePanels = 8;

// Tiles of a product of many rows. A tile packs its rows for itself, so an element is packed once for all columns of a tile; panels are
// packed already, and cost little to be read again for some more rows. So rows are shared out first, two or more heights for each thread,
// and columns only where that leaves too few rows, or where a tile would be too wide to be still in the cache for what comes after it.
// Pairs multiply so fast that packing is never little: their tiles are as high as the kernel packs at once, and one for each thread is enough.
struct Tiling {
  int64_t rows, panels;
  Tiling(int64_t m, int64_t all_panels, int threads, PanelFormat format) {
    const bool pairs = format == PanelFormat::bf16_pairs;
    const int64_t most_rows = pairs ? 256 : 308, for_each = pairs ? 1 : 4;
    constexpr int64_t kFewestRows = 112;   // of floats: eight times the kernel's
    const auto parts = [](int64_t count, int64_t most) { return (count + most - 1) / most; };
    int64_t row_tiles = parts(m, most_rows), most_panels = pairs ? 96 : 24;
    bool by_rows = false;
    if (!pairs && threads > 1) {
      const int64_t shared = parts(parts(m, most_rows), 2 * threads) * 2 * threads;
      by_rows = m / shared >= kFewestRows;
      if (by_rows) row_tiles = shared, most_panels = 48;
    }
    rows = parts(m, row_tiles);
    int64_t wide = parts(all_panels, most_panels);
    while (!by_rows && wide < parts(all_panels, kTilePanels) && (row_tiles * wide < for_each * threads || row_tiles * wide % threads != 0)) ++wide;
    panels = parts(all_panels, wide);
  }
};

// Panels shared out to threads that wait for memory: shares become smaller, so that all end together, but not too small for kernels
// that read four panels side by side.
constexpr int64_t kWaitingRows = 16;
struct Share {
  int64_t begin, count;   // none at the end
};
inline Share share_of(int64_t panels, int threads, int64_t task) {
  int64_t least = 4;
  while (least > 1 && least * 2 * threads > panels) least /= 2;
  for (int64_t begin = 0;; --task) {
    const int64_t left = panels - begin, count = std::min(left, std::max<int64_t>(1, left / (2 * threads) / least) * least);
    if (task == 0) return {begin, count};
    begin += count;
  }
}

constexpr int64_t kRoundedRows = 48;   // few enough to be rounded by one thread while the others wait

// Rows of a task of a product that rounds them, more than these in all: whole tiles, so many that panels pass by seldom, and as many tasks for one thread as
// for another.
inline int64_t rounded_tile_rows(int64_t m, int threads, PanelFormat format) {
  const int64_t unit = format == PanelFormat::int8 ? 2 * kInt8Rows : 16, most_rows = format == PanelFormat::int8 ? 14 * unit : 16 * unit;
  const auto parts = [](int64_t count, int64_t most) { return (count + most - 1) / most; };
  const int64_t tasks = parts(parts(m, most_rows), threads) * threads;
  return parts(parts(m, tasks), unit) * unit;
}

// The rows of a product that rounds them, rounded for all its tiles in the half of a thread's scratch that those leave; null where they do not fit.
template <class T>
const void* round_once(const Call<T>& call, const Matmul<T>& p, int thread) {
  if (!rounds_rows(p.format) || rounded_bytes(p.format, p.m, p.k) > kMatmulScratchBytes / 2) return nullptr;
  void* rounded = static_cast<std::byte*>(call.thread_scratch(thread)) + kMatmulScratchBytes / 2;
  call.k().round_rows(p.a, p.a_row_stride, p.a_k_stride, p.m, p.k, p.format, rounded);
  return rounded;
}

// Rows and columns of a product that a task has computed.
struct ProductTile {
  int64_t row, rows, column, columns;
};

// c = product over all m rows and n columns, for products of the same rows of a: one region of the pool.
//
// The products' columns are shared out one product after the other; or side by side (`together`, for the same n), so that a task has
// the same columns of each. Of one product or of products together it calls finish(tile) when a tile is there, which is in the cache then.
template <class T, class Finish>
void parallel_products(const Call<T>& call, std::span<const Matmul<T>> products, bool together, Finish&& finish) {
  const Matmul<T>& first = products[0];
  if (first.m <= 0) return;
  const auto panels_in = [](int64_t n) { return (n + kPanel - 1) / kPanel; };
  int64_t panels = 0, columns = 0;
  bool one_format = true;
  for (const Matmul<T>& p : products) panels += panels_in(p.n), columns += p.n, one_format = one_format && p.format == first.format;
  if (panels == 0) return;
  if (together) panels = panels_in(first.n);
  const double work = double(first.m) * double(columns) * double(std::max<int64_t>(first.k, 1));
  const int threads = call.pool().num_threads();
  int64_t tile_rows = kTileRows, tile_panels = kTilePanels;
  const void* rounded = nullptr;                     // all rows of a
  bool alone = false, by_rows = false, waiting = false;
  if (rounds_rows(first.format) && first.m > kRoundedRows) {   // each row is rounded by one task alone
    by_rows = true;
    tile_rows = rounded_tile_rows(first.m, threads, first.format);
    tile_panels = panels;
  } else if (work < 65536 || (threads == 1 && first.m <= kTileRows)) {
    alone = true;
    tile_rows = first.m;
    tile_panels = panels;
  } else if (first.m <= kTileRows) {                 // few rows: the panels are shared out
    if (one_format) rounded = round_once(call, first, 0);
    waiting = first.m <= kWaitingRows;
    tile_rows = first.m;
    tile_panels = std::clamp<int64_t>((panels + threads * 4 - 1) / (threads * 4), 1, 64);
  } else {
    const Tiling tiling(first.m, panels, threads, first.format);
    tile_rows = tiling.rows;
    tile_panels = tiling.panels;
  }
  const int64_t row_tiles = (first.m + tile_rows - 1) / tile_rows;
  const auto tiles_in = [&](const Matmul<T>& p) { return (panels_in(p.n) + tile_panels - 1) / tile_panels; };

  const auto run_tile = [&](const Matmul<T>& p, int64_t row, int64_t panel, int64_t count, const void* rounded_rows, int thread) {
    Matmul<T> tile = p;
    tile.a = p.a + row * p.a_row_stride;
    tile.m = std::min(tile_rows, p.m - row);
    tile.panels = static_cast<const std::byte*>(p.panels) + panel * panel_bytes(p.format, p.k, sizeof(T));
    tile.n = std::min(count * kPanel, p.n - panel * kPanel);
    tile.c = p.c + row * p.c_stride + panel * kPanel;
    if (rounded_rows) tile.rounded = rounded_rows;
    if (p.bias) tile.bias = p.bias + panel * kPanel;
    tile.scratch = call.thread_scratch(thread);
    call.k().matmul(tile);
    return ProductTile{row, tile.m, panel * kPanel, tile.n};
  };
  // Rows of all products, rounded once for them.
  const auto run_rows = [&](int64_t task, int thread) {
    const int64_t row = task * tile_rows;
    Matmul<T> rows = first;
    rows.a = first.a + row * first.a_row_stride;
    rows.m = std::min(tile_rows, first.m - row);
    const bool single = products.size() == 1, int8 = first.format == PanelFormat::int8;
    const void* rounded_rows = one_format && (!single || int8) ? round_once(call, rows, thread) : nullptr;
    const int64_t some = rounded_rows && (together || single) ? kTilePanels : tile_panels;   // what is finished is in the cache then
    for (int64_t panel = 0; panel < panels; panel += some) {
      ProductTile done{};
      for (const Matmul<T>& p : products)
        if (panel * kPanel < p.n) done = run_tile(p, row, panel, some, rounded_rows, thread);
      if (together || products.size() == 1) finish(done);
    }
  };
  // Tasks that follow each other share the panels, which are the larger part.
  const auto run_panels = [&](int64_t task, int thread) {
    const int64_t row = task % row_tiles * tile_rows;
    int64_t tile = task / row_tiles;
    ProductTile done{};
    if (together) {
      for (const Matmul<T>& p : products) done = run_tile(p, row, tile * tile_panels, tile_panels, rounded, thread);
    } else {
      size_t part = 0;
      while (tile >= tiles_in(products[part])) tile -= tiles_in(products[part++]);
      done = run_tile(products[part], row, tile * tile_panels, tile_panels, rounded, thread);
    }
    if (together || products.size() == 1) finish(done);
  };
  // Columns of all products, one behind the other or side by side.
  const auto run_share = [&](int64_t task, int thread) {
    const Share share = share_of(panels, threads, task);
    ProductTile done{};
    int64_t before = 0;
    for (const Matmul<T>& p : products) {
      const int64_t begin = std::max<int64_t>(share.begin - before, 0), end = std::min(share.begin + share.count - before, panels_in(p.n));
      if (begin < end) done = run_tile(p, 0, begin, end - begin, rounded, thread);
      if (!together) before += panels_in(p.n);
    }
    if (together || products.size() == 1) finish(done);
  };
  if (by_rows) return call.pool().parallel(row_tiles, run_rows);
  if (waiting) {
    int64_t shares = 0;
    while (share_of(panels, threads, shares).count > 0) ++shares;
    return call.pool().parallel(shares, run_share);
  }
  int64_t tiles = 0;
  for (const Matmul<T>& p : products)
    if (!together || &p == &first) tiles += tiles_in(p);
  if (!alone) return call.pool().parallel(row_tiles * tiles, run_panels);
  for (int64_t task = 0; task < row_tiles * tiles; ++task) run_panels(task, 0);
}

// c = product over all m rows and n columns of `p`, in tiles on the pool. p.panels is the first panel of p.n columns.
template <class T>
void parallel_product(const Call<T>& call, const Matmul<T>& p) {
  parallel_products(call, std::span(&p, 1), false, [](const ProductTile&) {});
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
