// Products of int8: whole numbers with one scale for a row and one for a column (contract: kernels/matmul.h).
//
// Sums over all p stay in registers and are scaled once at the end. Numbers of b are stored with 128 added, as bytes without a sign, and
// multiply bytes of a with one, as the instruction wants, so that sums begin with -128 sum a.
#include "kernels/cpu/matmul_int8.h"

#include <algorithm>

#include "kernels/cpu/byte_sums.h"
#include "kernels/cpu/side_by_side.h"
#include "kernels/cpu/tile.h"
#include "kernels/fastest.h"

namespace orrery::cpu::ORRERY_ISA {
namespace {

#ifdef ORRERY_ISA_avx512
constexpr int kMostRows = 8;
#else
constexpr int kMostRows = 4;
#endif
static_assert(kInt8Rows % kMostRows == 0);   // slivers of a group

// c[row, column] of all rows and columns begins the tile, which kPanels panels share, `panel_size` apart; `first` is its row in the group, `lane`
// its column in the first of them. `asks`: memory is asked for what comes.
template <int kRows, int kPanels, bool kInstruction>
void run_tile(const Matmul<float>& product, int64_t row, int64_t column, const Int8Group& group, int64_t first, const Int8Panel& panel, int64_t panel_size, int64_t lane, bool asks) {
  constexpr int kVectors = vectors_of(kRows), kChains = kPanels * kRows * kVectors < (kAccumulators == 28 ? 8 : 6) ? 2 : 1;   // few sums wait for each other
  constexpr int64_t kGroupBytes = kPanel * 4;
  using Sums = ByteSums<8, kInstruction>;
  Sums sums[kChains][kPanels][kRows][kVectors];
  const auto each_sum = [&](auto&& f) __attribute__((always_inline)) {
#pragma GCC unroll 4
    for (int t = 0; t < kPanels; ++t)
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) f(t, r, v);
  };
#pragma GCC unroll 2
  for (int chain = 0; chain < kChains; ++chain)
    each_sum([&](int t, int r, int v) __attribute__((always_inline)) { sums[chain][t][r][v] = Sums(chain == 0 ? group.head->start[first + r] : 0); });
  const int8_t* a = group.numbers + first * kInt8Step;
  const uint8_t* b = panel.numbers + 4 * lane;
  for (int64_t p = 0; p < product.k; p += kInt8Step, a += kInt8Rows * kInt8Step)
    for (int64_t q = 0; q < kInt8Step; q += 4 * kChains)
#pragma GCC unroll 2
      for (int chain = 0; chain < kChains; ++chain, b += kGroupBytes) {
#pragma GCC unroll 4
        for (int t = 0; t < kPanels; ++t) {
          const uint8_t* at = b + t * panel_size;
          if (asks) prefetch_ahead<kVectors>(reinterpret_cast<const int32_t*>(at));
          ByteFactors<8> four[kVectors];
#pragma GCC unroll 4
          for (int v = 0; v < kVectors; ++v) four[v] = ByteFactors<8>(Ints::load(at + 4 * v * Floats::kLanes));
#pragma GCC unroll 8
          for (int r = 0; r < kRows; ++r) {
            int32_t numbers;
            __builtin_memcpy(&numbers, a + r * kInt8Step + q + 4 * chain, 4);
            const Ints all = Ints::broadcast(numbers);
#pragma GCC unroll 4
            for (int v = 0; v < kVectors; ++v) sums[chain][t][r][v].template add<0, 1>(four[v], all);
          }
        }
      }
#pragma GCC unroll 4
  for (int t = 0; t < kPanels; ++t) {
    const int64_t from = column + t * kPanel, columns = product.n - from;
    const float* column_scale = reinterpret_cast<const float*>(reinterpret_cast<const std::byte*>(panel.scale) + t * panel_size) + lane;
    float* c = product.c + row * product.c_stride + from;
    Tile<kRows, kVectors> tile;
    tile.start(product.accumulate, c, product.c_stride, product.bias, from, columns);
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      const Floats scale = Floats::load(column_scale + v * Floats::kLanes);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const Ints sum = kChains == 1 ? sums[0][t][r][v].whole() : add(sums[0][t][r][v].whole(), sums[kChains - 1][t][r][v].whole());
        tile.acc[r][v] = fma(to_floats(sum), Floats::broadcast(group.head->scale[first + r]) * scale, tile.acc[r][v]);
      }
    }
    tile.store(c, product.c_stride, columns);
  }
}

// Rows from the one `first` of the group on against kPanels panels from column j on.
template <int kRows, int kPanels, bool kInstruction>
void run_panels(const Matmul<float>& product, int64_t row, int64_t j, const Int8Group& group, int64_t first, bool asks) {
  const Int8Panel panel(product.panels, j, product.k);
  for (int64_t lane = 0; lane < kPanel && j + lane < product.n; lane += vectors_of(kRows) * Floats::kLanes)
    run_tile<kRows, kPanels, kInstruction>(product, row, j + lane, group, first, panel, panel_bytes(PanelFormat::int8, product.k), lane, asks);
}

// All rows of a product, which pass over a panel at once.
template <int kRows, bool kInstruction>
void run_few(const Matmul<float>& product, const Int8Group& group) {
  constexpr int kMost = panels_at_once(kRows, 8, kInstruction);
  static constinit Trial trial{ways_to_read(kMost)};
  read_side_by_side<kMost>(trial, product.n, panel_bytes(PanelFormat::int8, product.k), [&]<int kPanels>(int64_t j, bool asks) { run_panels<kRows, kPanels, kInstruction>(product, 0, j, group, 0, asks); });
}

template <bool kInstruction>
void run(const Matmul<float>& product) {
  with_int8_rows(product, static_cast<std::byte*>(product.scratch), kMatmulScratchBytes / 2, [&](int64_t begin, int64_t rows, const void* rounded) {
    if (product.m <= kMostRows) return with_rows<kMostRows>(rows, [&]<int kRows>() { run_few<kRows, kInstruction>(product, Int8Group(rounded, 0, product.k)); });
    for (int64_t j = 0; j < product.n; j += kPanel)
      for (int64_t i = 0; i < rows; i += kMostRows)
        with_rows<kMostRows>(rows - i, [&]<int kRows>() { run_panels<kRows, 1, kInstruction>(product, begin + i, j, Int8Group(rounded, i, product.k), i % kInt8Rows, i == 0); });
  });
}

// Of both ways to multiply bytes the faster one here, measured once; sums are exact in either.
#ifdef ORRERY_ISA_avx512
bool has_byte_products() {
  static const bool chosen = __builtin_cpu_supports("avx512vnni") &&
                             seconds_of_product(run<true>, PanelFormat::int8, 64) <= seconds_of_product(run<false>, PanelFormat::int8, 64);
  return chosen;
}
#else
constexpr bool has_byte_products() { return false; }
#endif

}  // namespace

void matmul_of_int8(const Matmul<float>& product) { return has_byte_products() ? run<true>(product) : run<false>(product); }

}  // namespace orrery::cpu::ORRERY_ISA
