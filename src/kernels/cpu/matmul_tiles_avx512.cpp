// Products of pairs of bf16 by AMX tiles: the class "amx" (contract: kernels/matmul.h).
//
// A panel is made of tiles of b already: 16 pairs of p, 16 columns. Rows of a are rounded to bf16, or split into thirds, and packed as tiles, one
// behind the other (rows apart by some power of two would push each other out of L1). A part of p of a panel stays in L1 while all rows stream over it; four
// tiles of sums, of 32 rows and 32 columns, are in registers. The parts of p go over a few panels before the next few begin, and between
// them sums wait in L2, tile by tile: rows of c may be apart by a power of two, or begin anywhere in a line.
#include <algorithm>
#include <cstring>
#include <utility>

#include "kernels/cpu/matmul_blocks.h"
#include "kernels/cpu/matmul_int8.h"
#include "kernels/cpu/pairs.h"
#include "kernels/cpu/tile.h"
#include "kernels/cpu/tiles_avx512.h"
#include "kernels/cpu/tiny_is_zero.h"
#include "kernels/cpu/transpose.h"
#include "kernels/matmul.h"

namespace orrery::cpu::avx512 {
namespace {

constexpr int64_t kDepth = 32;                        // p of a tile
constexpr int64_t kPairBytes = 4, kPanelRow = kPanel * kPairBytes;
constexpr int64_t kTileColumns = kTileBytes / kPairBytes;
constexpr int kThirds = 3;                            // that a number of 24 bits is split into
template <int kCount>                                  // what a number of a becomes: 1 of bf16, or kThirds
constexpr int64_t kBlockK = kCount == 1 ? 1024 : 480;  // whole tiles, so that the sum goes on as one chain; thirds fill the scratch, in one part
constexpr int64_t kBlockRows = 256;
constexpr int kMostFewPanels = 4;                      // that a few rows pass over side by side
constexpr int64_t kFewAheadBytes = 4096;               // of each of them
constexpr int64_t kPartK = 512, kPartColumns = 8 * kPanel;
constexpr int64_t kPackedNumbers = kBlockRows * std::max(kBlockK<1>, kThirds * kBlockK<kThirds>);
static_assert(kBlockK<1> % kDepth == 0 && kBlockK<kThirds> % kDepth == 0 && kBlockK<kThirds> < 2 * kPartK && kBlockRows % (2 * kTileHeight) == 0);

struct Scratch {
  Bf16 rows[kPackedNumbers];                          // a: [tiles of rows][tiles of p][kCount][16][32], or apart [tiles of p][kCount m][32]; whole where kept
  alignas(64) std::byte last[kMostFewPanels * kTileHeight * kPanelRow];   // the last tiles of panels, filled up with zeros
  alignas(64) float sums[kMostFewPanels * kTileHeight * kPanel];   // of tiles that reach over c's edge
  alignas(64) float waiting[kBlockRows * kPartColumns];   // sums between parts of p: [panels][pairs of tiles of rows][32][32]
};
static_assert(sizeof(Scratch) <= size_t(kMatmulScratchBytes / 2) && kKeptNumbers <= kPackedNumbers);

constexpr int64_t kLines = kTileHeight * kPanelRow / 64;   // of a slice, in one step

constexpr int64_t kTileValues = kTileHeight * kDepth;

// Where numbers of a go, in numbers: those of tile t and part `which` of row r are 32 from t * step + which * apart + 32 r on. `which` counts thirds as
// they are multiplied, the largest last.
struct Places {
  int64_t step, apart;
  template <int kCount>
  static Places of_tiles() { return {kCount * kTileValues, kTileValues}; }
};

// 32 numbers as kCount of bf16 each, that they are the sums of: put(which, …), as Places counts. `both` makes bf16 of two vectors, and low and high give
// those back.
template <int kCount, class Both, class Low, class High, class Put>
[[gnu::always_inline]] inline void make_operands(Floats first, Floats second, Both&& both, Low&& low, High&& high, Put&& put) {
#pragma GCC unroll 3
  for (int third = 0; third < kCount; ++third) {
    const Floats nearest = both(first, second);
    put((third + kCount - 1) % kCount, nearest);
    if (third + 1 < kCount) first = first - low(nearest), second = second - high(nearest);
  }
}

// `count` numbers of a row of a, zeros up to whole tiles.
template <int kCount>
void lay_row(const float* from, int64_t count, Places places, Bf16* to) {
  for (int64_t p = 0; p < count; p += kDepth, to += places.step)
    make_operands<kCount>(Floats::load(from + p, count - p), Floats::load(from + p + Floats::kLanes, count - p - Floats::kLanes), bf16_of, first_of_bf16, second_of_bf16,
                          [&](int which, Floats numbers) __attribute__((always_inline)) { numbers.store(reinterpret_cast<float*>(to + which * places.apart)); });
}

// The same of numbers that are rounded already.
void lay_row(const Bf16* from, int64_t count, Bf16* to) {
  for (int64_t p = 0; p < count; p += kDepth, to += kTileValues) Floats::load(reinterpret_cast<const float*>(from + p), (count - p) / 2).store(reinterpret_cast<float*>(to));
}

// Of an a whose neighbours in memory are rows: pairs of p are rounded or split together and turned, 16 rows at a time. Of the last 16 `height` are
// written, those beyond a's as zeros.
template <int kCount>
void lay_turned(const float* a, int64_t k_stride, int64_t rows, int64_t k, int64_t height, Places places, Bf16* tiles) {
  const int64_t width = (k + kDepth - 1) / kDepth * places.step;
  for (int64_t p = 0; p < k; p += kDepth, a += kDepth * k_stride, tiles += places.step)   // what is side by side in memory is read together
    for (int64_t i = 0; i < rows; i += kTileHeight) {
      const auto numbers = [&](int64_t at) __attribute__((always_inline)) { return p + at < k ? Floats::load(a + at * k_stride + i, rows - i) : Floats::zero(); };
      Floats pairs[kCount][kTileHeight];
#pragma GCC unroll 16
      for (int64_t s = 0; s < kTileHeight; ++s)
        make_operands<kCount>(numbers(2 * s), numbers(2 * s + 1), bf16_pairs_of, low_of_pairs, high_of_pairs,
                              [&](int which, Floats operands) __attribute__((always_inline)) { pairs[which][s] = operands; });
      for (int which = 0; which < kCount; ++which) {
        turn_16(pairs[which]);
        Bf16* const to = tiles + i / kTileHeight * width + which * places.apart;
#pragma GCC unroll 16
        for (int64_t r = 0; r < kTileHeight; ++r)
          if (r < height) pairs[which][r].store(reinterpret_cast<float*>(to + r * kDepth));
      }
    }
}

// In tiles of `height` rows, those beyond the last zeros.
template <int kCount>
void lay_rows(const Matmul<float>& product, int64_t first_row, int64_t rows, int64_t first, int64_t k, int64_t height, Places places, Scratch& scratch) {
  const int64_t tiles = (k + kDepth - 1) / kDepth;
  const auto* rounded = kCount == 1 ? static_cast<const Bf16*>(product.rounded) : nullptr;
  const float* a = rounded ? nullptr : product.a + first_row * product.a_row_stride + first * product.a_k_stride;
  if (!rounded && product.a_k_stride != 1) return lay_turned<kCount>(a, product.a_k_stride, rows, k, height, places, scratch.rows);
  for (int64_t i = 0; i < rows; i += kTileHeight) {
    const int64_t some = std::min(kTileHeight, rows - i);
    Bf16* const to = scratch.rows + i / kTileHeight * tiles * places.step;
    for (int64_t r = 0; r < some; ++r) {
      if (rounded) lay_row(rounded + (first_row + i + r) * 2 * pairs_in(product.k) + first, 2 * pairs_in(k), to + r * kDepth);
      else lay_row<kCount>(a + (i + r) * product.a_row_stride, k, places, to + r * kDepth);
    }
    for (int64_t r = some; r < height; ++r)
      for (int64_t t = 0; t < tiles * kCount; ++t) std::memset(static_cast<void*>(to + t / kCount * places.step + t % kCount * places.apart + r * kDepth), 0, size_t(kDepth) * sizeof(Bf16));
  }
}

// A slice of a panel: whole tiles, and what is left over, in scratch.last.
struct Slice {
  const std::byte* whole;
  int64_t tiles, left;   // left: 0 or 1
  const std::byte* last;
};

// Sums of 16 kRowTiles rows and a panel's columns go on from what the tiles hold. Of 32 rows, what comes next is asked for a little with each step.
template <int kRowTiles, int kCount>
[[gnu::always_inline]] inline void multiply(const Bf16* a, int64_t next_rows, const Slice& slice, const Ahead& ahead) {
  const auto step = [&](const Bf16* rows, const std::byte* b) __attribute__((always_inline)) {
#pragma GCC unroll 3
    for (int which = 0; which < kCount; ++which, rows += kTileValues) {
      if (which == 0) load_tile<4>(b, kPanelRow);
      stream_tile<6>(rows, kTileBytes);
      multiply_pairs<0, 6, 4>();
      if (which == 0) load_tile<5>(b + kTileBytes, kPanelRow);
      multiply_pairs<1, 6, 5>();
      if constexpr (kRowTiles == 2) {
        stream_tile<7>(rows + next_rows, kTileBytes);
        multiply_pairs<2, 7, 4>();
        multiply_pairs<3, 7, 5>();
      }
    }
  };
  const std::byte* b = slice.whole;
  for (int64_t t = 0; t < slice.tiles; ++t, a += kCount * kTileValues, b += kTileHeight * kPanelRow) {
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
template <int kRowTiles, int kCount>
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
  multiply<kRowTiles, kCount>(a, next_rows, slice, ahead);
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
  int64_t row, rows, width;   // width: of the packed rows, with all their thirds
  int64_t begin, end;
  bool last;                  // of those of the rows packed
  const std::byte* next;      // what the part after this one begins with; null where nothing comes
};

template <int kCount>
void run_part(const Matmul<float>& product, const Part& part, Scratch& scratch) {
  const int64_t panel_size = panel_bytes(product.format, product.k), left = part.k % kDepth;
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
      const Bf16* a = scratch.rows + r * part.width + part.at / kDepth * kCount * kTileValues;
      const Way way{part.at == 0, part.last, scratch.waiting + (j - part.begin) * kBlockRows + r * kPanel};
      if (rows <= kTileHeight) {
        run_tile<1, kCount>(product, onto, product.bias, way, part.row + r, rows, j, a, part.width * kTileHeight, slice, {}, scratch);
        continue;
      }
      const bool last = r + 2 * kTileHeight >= part.rows;
      const int64_t row = last ? 0 : r + 2 * kTileHeight;
      const Ahead ahead{reinterpret_cast<const char*>(next ? next + r / (2 * kTileHeight) * slice.tiles * each * 64 : nullptr), next ? each : 0,
                        product.c + (part.row + row) * product.c_stride + (last ? next_column : j), product.c_stride, meets_c ? std::min(part.rows - row, 2 * kTileHeight) : 0, (2 * kTileHeight + slice.tiles - 1) / std::max<int64_t>(1, slice.tiles)};
      run_tile<2, kCount>(product, onto, product.bias, way, part.row + r, rows, j, a, part.width * kTileHeight, slice, ahead, scratch);
    }
  }
}

// Up to 16 rows. Where sums stay in tiles, these hold few panels' columns; up to kApartRows rows have the sums of each step apart, which vectors add up,
// and as many panels side by side as memory likes. Then the thirds of rows are in one tile, one below the other.
constexpr int64_t kApartRows = kTileHeight / kThirds;
template <int kCount, bool kApart>
constexpr int kFewPanels = kApart ? kMostFewPanels : kCount == 1 ? 3 : 2;

// Sums of rows and kPanels panels, `panel_size` apart, go on from what tiles 0 to 2 kPanels - 1 hold; or used<t, place>() is called with a step's sums of
// the columns 16 place on, in tile t. The panels come from memory, which serves several streams faster than one; they are asked for some steps ahead, a
// few lines of each with each operation: a burst of requests would hold up those after it. Rows are in tile 6, or their thirds in tiles 4 to 6.
template <int kPanels, int kCount, bool kApart, class Used>
[[gnu::always_inline]] inline void multiply_few(const Bf16* rows, const std::byte* b, int64_t panel_size, int64_t tiles, Used&& used) {
  static_assert(kPanels <= kFewPanels<kCount, kApart>);
  constexpr int kProducts = kApart ? 1 : kCount;
  for (int64_t t = 0; t < tiles; ++t, rows += kProducts * kTileValues, b += kTileHeight * kPanelRow) {
    if constexpr (kProducts == kThirds) load_tile<4>(rows, kTileBytes), load_tile<5>(rows + kTileValues, kTileBytes);
    load_tile<6>(rows + (kProducts - 1) * kTileValues, kTileBytes);
    // A few lines of each panel with each operation.
    const auto ask = [&]<int operation>() __attribute__((always_inline)) {
      constexpr int kOperations = kPanels * 2 * (1 + kProducts), kBegin = operation * int(kLines) / kOperations, kEnd = (operation + 1) * int(kLines) / kOperations;
#pragma GCC unroll 8
      for (int line = kBegin; line < kEnd; ++line)
#pragma GCC unroll 4
        for (int p = 0; p < kPanels; ++p) __builtin_prefetch(b + p * panel_size + kFewAheadBytes + line * 64);
    };
    const auto columns = [&]<int place>() __attribute__((always_inline)) {
      constexpr int sum = place % 6, kFirst = place * (1 + kProducts);
      ask.template operator()<kFirst>();
      load_tile<7>(b + place / 2 * panel_size + place % 2 * kTileBytes, kPanelRow);
      ask.template operator()<kFirst + 1>();
      if constexpr (kProducts == kThirds) {
        multiply_pairs<sum, 4, 7>();
        ask.template operator()<kFirst + 2>();
        multiply_pairs<sum, 5, 7>();
        ask.template operator()<kFirst + 3>();
      }
      if constexpr (kApart) clear_tile<sum>();
      multiply_pairs<sum, 6, 7>();
      if constexpr (kApart) used.template operator()<sum, place>();
    };
    [&]<int... place>(std::integer_sequence<int, place...>) __attribute__((always_inline)) { (columns.template operator()<place>(), ...); }(std::make_integer_sequence<int, 2 * kPanels>());
  }
}

// f.template operator()<t>(tile t's column) for the sums of kPanels panels.
template <int kPanels, class F>
[[gnu::always_inline]] inline void each_few_sum(F&& f) {
  [&]<int... t>(std::integer_sequence<int, t...>) __attribute__((always_inline)) { (f.template operator()<t>(t * kTileColumns), ...); }(std::make_integer_sequence<int, 2 * kPanels>());
}

// The rows, from p on in scratch.rows, against kPanels panels from `column` on, at k of their p.
template <int kPanels, int kCount, bool kApart>
void run_few(const Matmul<float>& product, int64_t p, int64_t k, int64_t column, Scratch& scratch) {
  const int64_t panel_size = panel_bytes(product.format, product.k), left = k % kDepth, tiles = k / kDepth;
  const std::byte* panels = static_cast<const std::byte*>(product.panels) + column / kPanel * panel_size + p / 2 * kPanelRow;
  const int64_t columns = product.n - column;
  const bool onto = product.accumulate || p > 0, whole = columns >= kPanels * kPanel && !kApart;
  constexpr int64_t kWidth = kPanels * kPanel;
  float* c = product.c + column;
  int64_t stride = product.c_stride;
  if (!whole) {   // by way of the scratch
    const int64_t some = std::min(columns, kWidth);
    for (int64_t r = 0; r < product.m; ++r) {
      if (onto) std::copy_n(c + r * stride, some, scratch.sums + r * kWidth);
      else if (product.bias) std::copy_n(product.bias + column, some, scratch.sums + r * kWidth);
      else std::fill_n(scratch.sums + r * kWidth, some, 0.0f);
    }
    c = scratch.sums;
    stride = kWidth;
  }
  const Bf16* const last_rows = scratch.rows + tiles * (kApart ? 1 : kCount) * kTileValues;
  const auto run = [&](auto&& used) __attribute__((always_inline)) {
    multiply_few<kPanels, kCount, kApart>(scratch.rows, panels, panel_size, tiles, used);
    if (!left) return;
    for (int64_t panel = 0; panel < kPanels; ++panel) last_tiles(panels + panel * panel_size + tiles * kTileHeight * kPanelRow, left, scratch.last + panel * kTileHeight * kPanelRow);
    multiply_few<kPanels, kCount, kApart>(last_rows, scratch.last, kTileHeight * kPanelRow, 1, used);
  };
  if constexpr (kApart) {
    run([&]<int t, int place>() __attribute__((always_inline)) {
      float* const of_step = scratch.waiting + t * kTileHeight * kTileColumns;
      store_tile<t>(of_step, kTileBytes);
      for (int64_t r = 0; r < product.m; ++r) {
        float* const sum = c + r * kWidth + place * kTileColumns;
        Floats all = Floats::load(sum);
#pragma GCC unroll 3
        for (int which = 0; which < kCount; ++which) all = all + Floats::load(of_step + (which * product.m + r) * kTileColumns);
        all.store(sum);
      }
    });
  } else {
    if (onto || !whole) each_few_sum<kPanels>([&]<int t>(int64_t at) __attribute__((always_inline)) { load_tile<t>(c + at, stride * 4); });
    else if (product.bias) each_few_sum<kPanels>([&]<int t>(int64_t at) __attribute__((always_inline)) { load_tile<t>(product.bias + column + at, 0); });
    else each_few_sum<kPanels>([]<int t>(int64_t) __attribute__((always_inline)) { clear_tile<t>(); });
    run([] {});
    each_few_sum<kPanels>([&]<int t>(int64_t at) __attribute__((always_inline)) { store_tile<t>(c + at, stride * 4); });
  }
  if (!whole)
    for (int64_t r = 0; r < product.m; ++r) std::copy_n(c + r * stride, std::min(columns, kWidth), product.c + column + r * product.c_stride);
}

// Rows that fit one tile pass over panels whole, several side by side.
template <int kCount, bool kApart>
void multiply_few_rows(const Matmul<float>& product) {
  Scratch& scratch = *static_cast<Scratch*>(product.scratch);
  constexpr int kPanels = kFewPanels<kCount, kApart>;
  constexpr int64_t block_k = kBlockRows / kTileHeight * kBlockK<kCount>;
  const Places places = kApart ? Places{kTileValues, product.m * kDepth} : Places::of_tiles<kCount>();
  const Tiles tiles = Tiles::of_few(kApart ? kCount * product.m : product.m);
  for (int64_t p = 0; p == 0 || p < product.k; p += block_k) {
    const int64_t k = std::min(block_k, product.k - p);
    lay_rows<kCount>(product, 0, product.m, p, k, product.m, places, scratch);
    int64_t j = 0;
    for (; j + kPanels * kPanel <= product.n; j += kPanels * kPanel) run_few<kPanels, kCount, kApart>(product, p, k, j, scratch);
    for (; j < product.n; j += kPanel) run_few<1, kCount, kApart>(product, p, k, j, scratch);
  }
}

template <int kCount>
[[gnu::noinline]] void multiply_rows_apart(const Matmul<float>& product) { multiply_few_rows<kCount, true>(product); }

// kCount: what a number of a becomes.
template <int kCount>
void multiply_rows(const Matmul<float>& product) {
  if (product.m <= kApartRows) {
    const TinyIsZero tiny;   // as tiles have it
    return multiply_rows_apart<kCount>(product);
  }
  if (product.m <= kTileHeight) return multiply_few_rows<kCount, false>(product);
  Scratch& scratch = *static_cast<Scratch*>(product.scratch);
  const int64_t panel_size = panel_bytes(product.format, product.k);
  const bool whole = kCount == 1 && product.packing != Packing::own && keeps_rows(product.m, product.k);   // all rows and p are rounded together
  const int64_t block_k = whole ? std::max<int64_t>(1, product.k) : kBlockK<kCount>;
  const int64_t blocks = (product.m + kBlockRows - 1) / kBlockRows, block_rows = rounded_up((product.m + blocks - 1) / blocks, 2 * kTileHeight);
  const Tiles tiles;
  for (int64_t p = 0; p == 0 || p < product.k; p += block_k) {
    const int64_t k = std::min(block_k, product.k - p), parts = std::max<int64_t>(1, k / kPartK);
    const int64_t part_k = std::max(kDepth, rounded_up((k + parts - 1) / parts, kDepth)), columns = parts == 1 ? product.n : kPartColumns;
    for (int64_t i = 0; i < product.m; i += block_rows) {
      const int64_t rows = std::min(block_rows, product.m - i);
      if (!whole || product.packing == Packing::keep) lay_rows<kCount>(product, i, rows, p, k, kTileHeight, Places::of_tiles<kCount>(), scratch);
      for (int64_t j = 0; j < product.n; j += columns) {
        const int64_t end = std::min(j + columns, product.n);
        for (int64_t at = 0; at == 0 || at < k; at += part_k) {
          const bool last = at + part_k >= k;
          const int64_t next_p = last ? p : p + at + part_k, next_column = last ? end : j;
          const std::byte* next = next_column < product.n ? static_cast<const std::byte*>(product.panels) + next_column / kPanel * panel_size + next_p / 2 * kPanelRow : nullptr;
          run_part<kCount>(product, {p + at, at, std::min(part_k, k - at), i, rows, rounded_up(k, kDepth) * kCount, j, end, last, next}, scratch);
        }
      }
    }
  }
}

}  // namespace

matmul_fn<float> matmul;
matmul_fn<float> matmul_in_tiles;

void matmul_in_tiles(const Matmul<float>& product) {
  if (product.m == 0 || product.n == 0) return;
  if (product.format == PanelFormat::bf16_pairs) return multiply_rows<1>(product);
  if (product.format == PanelFormat::bf16_split) return multiply_rows<kThirds>(product);
  if (product.format == PanelFormat::int8 && product.m >= kTiledInt8Rows && has_int8_tiles()) return matmul_of_int8_in_tiles(product);
  if (is_blocks(product.format) && product.m >= kTiledRows && has_int8_tiles()) return matmul_of_blocks_in_tiles(product);
  matmul(product);
}

}  // namespace orrery::cpu::avx512
