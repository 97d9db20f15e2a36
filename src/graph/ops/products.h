// Matrix products of an op, shared out over the threads of a run, and the packing of weights that are not packed for good.
#pragma once

#include <algorithm>
#include <array>
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
  Tiling(int64_t m, int64_t all_panels, int threads, PanelFormat format, int64_t highest) {   // highest: rows of a tile at most
    constexpr int64_t kFewestRows = 112;   // of floats: eight times the kernel's
    const bool pairs = has_pairs(format);
    const int64_t most_rows = std::min<int64_t>(pairs ? 256 : 308, highest), for_each = pairs ? 1 : 4;
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

constexpr int64_t panels_in(int64_t n) { return (n + kPanel - 1) / kPanel; }

// Rows [row, row + rows) and panels [panel, behind) of a product.
template <class T>
Matmul<T> part_of(const Matmul<T>& p, int64_t row, int64_t rows, int64_t panel, int64_t behind) {
  Matmul<T> part = p;
  part.m = rows;
  part.n = std::min((behind - panel) * kPanel, p.n - panel * kPanel);
  if (p.rounded) part.rounded = static_cast<const std::byte*>(p.rounded) + rounded_bytes(p.format, row, p.k);
  else part.a = p.a + row * p.a_row_stride;
  part.panels = static_cast<const std::byte*>(p.panels) + panel * panel_bytes(p.format, p.k, sizeof(T));
  if (p.bias) part.bias = p.bias + panel * kPanel;
  if (p.c) part.c = p.c + row * p.c_stride + panel * kPanel;
  return part;
}

// Rows and columns of products that a task has computed: of product i at c[i][r * stride[i] + j], from the tile's first row and column on.
template <class T>
struct ProductTile {
  int64_t row, rows, column, columns;
  std::array<T*, 2> c;
  std::array<int64_t, 2> stride;
};

// Most rows of a tile of pairs that are packed once for all that a task does with them (matmul.h's Packing); 0 where they would be too few.
template <class T>
int64_t most_kept_rows(const Kernels<T>& kernels, int64_t k) {
  int64_t rows = 256;
  while (rows > 0 && !keeps_rows(rows, k)) rows -= 32;
  return rows < kernels.fewest_kept_rows ? 0 : rows;
}

// How products of the same rows are cut into tasks.
struct Cut {
  enum Way { alone, by_rows, by_panels, by_shares } way = by_panels;
  int64_t rows, panels;     // of a task
  bool keeps = false;       // its rows are packed once
};
// in_rooms: of pairs, and a task computes some of its columns at a time.
template <class T>
Cut cut_of(const Kernels<T>& kernels, std::span<const Matmul<T>> products, int64_t panels, bool one_format, bool in_rooms, int threads) {
  const Matmul<T>& first = products[0];
  double columns = 0;
  for (const Matmul<T>& p : products) columns += double(p.n);
  const bool little = double(first.m) * columns * double(std::max<int64_t>(first.k, 1)) < 65536;
  if (rounds_rows(first.format) && first.m > kRoundedRows) return {Cut::by_rows, rounded_tile_rows(first.m, threads, first.format), panels};   // each row is rounded by one task alone
  if (first.m <= kTileRows && (!in_rooms || keeps_rows(first.m, first.k))) {   // few rows: the panels are shared out
    if (little || threads == 1) return {Cut::alone, first.m, panels, in_rooms};
    return {first.m <= kWaitingRows ? Cut::by_shares : Cut::by_panels, first.m, std::clamp<int64_t>((panels + threads * 4 - 1) / (threads * 4), 1, 64), in_rooms};
  }
  const int64_t kept_rows = one_format && first.format == PanelFormat::bf16_pairs && (in_rooms || products.size() > 1) ? most_kept_rows(kernels, first.k) : 0;
  const Tiling tiling(first.m, panels, little ? 1 : threads, first.format, kept_rows > 0 ? kept_rows : first.m);
  return {little ? Cut::alone : Cut::by_panels, tiling.rows, tiling.panels, kept_rows > 0};
}

// c = product over all m rows and n columns, for one, two or three products of the same rows of a: one region of the pool.
//
// The products' columns are shared out one product after the other; or side by side (`together`, two of the same n), so that a task has
// the same columns of each. Of one product or of products together it calls finish(tile) when a tile is there, which is in the cache then.
// Products without a c, all of pairs and of a k that leaves most_kept_rows, have their tiles where finish alone finds them.
template <class T, class Finish>
void parallel_products(const Call<T>& call, std::span<const Matmul<T>> products, bool together, Finish&& finish) {
  const Matmul<T>& first = products[0];
  if (first.m <= 0) return;
  int64_t panels = 0;
  bool one_format = true;
  for (const Matmul<T>& p : products) panels += panels_in(p.n), one_format = one_format && p.format == first.format;
  if (panels == 0) return;
  if (together) panels = panels_in(first.n);
  const bool single = products.size() == 1, finishes = single || together;
  const int threads = call.pool().num_threads();
  const bool in_rooms = !first.c;   // the half of a thread's scratch that products leave
  const Cut cut = cut_of(call.k(), products, panels, one_format, in_rooms, threads);
  const int64_t room_panels = std::max<int64_t>(1, kMatmulScratchBytes / 2 / int64_t(sizeof(T)) / int64_t(products.size()) / cut.rows / kPanel - 1);

  // Panels [begin, end) of some rows, `most` at a time; rounded_rows: of these rows, maybe.
  const auto run_columns = [&](int64_t row, int64_t begin, int64_t end, int64_t most, const void* rounded_rows, int thread) {
    if (in_rooms) most = room_panels;
    const int64_t chunks = (end - begin + most - 1) / most, some = (end - begin + chunks - 1) / chunks;
    Packing packing = cut.keeps ? Packing::keep : Packing::own;
    for (int64_t at = begin; at < end; at += some) {
      const int64_t until = std::min(at + some, end);
      ProductTile<T> done{row, std::min(cut.rows, first.m - row), 0, 0, {}, {}};
      T* room = reinterpret_cast<T*>(static_cast<std::byte*>(call.thread_scratch(thread)) + kMatmulScratchBytes / 2);
      int64_t before = 0;   // panels of the products before this one
      for (size_t i = 0; i < products.size(); ++i) {
        const Matmul<T>& p = products[i];
        const int64_t of_it = panels_in(p.n), panel = std::max<int64_t>(at - before, 0), behind = std::min(until - before, of_it);
        if (panel < behind) {
          Matmul<T> tile = part_of(p, row, done.rows, panel, behind);
          if (rounded_rows) tile.rounded = rounded_rows;
          if (in_rooms) {
            tile.c_stride = (behind - panel) * kPanel + 64 / int64_t(sizeof(T));   // rows a power of two apart would push each other out of the cache
            tile.c = room;
            room += tile.m * tile.c_stride;
          }
          tile.packing = packing;
          tile.scratch = call.thread_scratch(thread);
          call.k().matmul(tile);
          if (cut.keeps) packing = Packing::kept;
          done.column = panel * kPanel, done.columns = tile.n;
          if (finishes) done.c[i] = tile.c, done.stride[i] = tile.c_stride;
        }
        if (!together) before += of_it;
      }
      if (finishes) finish(done);
    }
  };

  const int64_t row_tiles = (first.m + cut.rows - 1) / cut.rows, column_tiles = (panels + cut.panels - 1) / cut.panels;
  if (cut.way == Cut::by_rows) {   // rows of all products, rounded once for them
    return call.pool().parallel(row_tiles, [&](int64_t task, int thread) {
      const Matmul<T> rows = part_of(first, task * cut.rows, std::min(cut.rows, first.m - task * cut.rows), 0, panels_in(first.n));
      const void* rounded = one_format && (!single || first.format == PanelFormat::int8) ? round_once(call, rows, thread) : nullptr;
      run_columns(task * cut.rows, 0, panels, rounded && finishes ? kTilePanels : panels, rounded, thread);   // what is finished is in the cache then
    });
  }
  const void* rounded = cut.way != Cut::alone && first.m <= kTileRows && one_format && !first.rounded ? round_once(call, first, 0) : nullptr;
  if (cut.way == Cut::by_shares) {
    int64_t shares = 0;
    while (share_of(panels, threads, shares).count > 0) ++shares;
    return call.pool().parallel(shares, [&](int64_t task, int thread) {
      const Share share = share_of(panels, threads, task);
      run_columns(0, share.begin, share.begin + share.count, panels, rounded, thread);
    });
  }
  // Tasks that follow each other share the panels, which are the larger part.
  const auto run_panels = [&](int64_t task, int thread) {
    const int64_t begin = task / row_tiles * cut.panels;
    run_columns(task % row_tiles * cut.rows, begin, std::min(begin + cut.panels, panels), panels, rounded, thread);
  };
  if (cut.way != Cut::alone) return call.pool().parallel(row_tiles * column_tiles, run_panels);
  for (int64_t task = 0; task < row_tiles * column_tiles; ++task) run_panels(task, 0);
}

// c = product over all m rows and n columns of `p`, in tiles on the pool. p.panels is the first panel of p.n columns.
template <class T>
void parallel_product(const Call<T>& call, const Matmul<T>& p) {
  parallel_products(call, std::span(&p, 1), false, [](const ProductTile<T>&) {});
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
