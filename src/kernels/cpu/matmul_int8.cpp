// Products of int8: whole numbers with one scale for a row and one for a column (contract: kernels/matmul.h).
//
// Sums over all p stay in registers and are scaled once at the end. Numbers of b are stored with 128 added, as bytes without a sign, and
// multiply bytes of a with one, as the instruction wants, so that sums begin with -128 sum a.
#include "kernels/cpu/matmul_int8.h"

#include <algorithm>

#include "kernels/cpu/byte_sums.h"
#include "kernels/cpu/tile.h"
#include "kernels/fastest.h"

namespace orrery::cpu::ORRERY_ISA {
namespace {

constexpr int kVectors = 2;                                         // of a tile: 32 columns, or fewer
#ifdef ORRERY_ISA_avx512
constexpr int kMostRows = 8;
#else
constexpr int kMostRows = 4;
#endif
static_assert(kInt8Rows % kMostRows == 0);   // slivers of a group

// c[row, column] of all rows and columns begins the tile; `first` is its row in the group, `lane` its column in the panel.
template <int kRows, bool kInstruction>
void run_tile(const Matmul<float>& product, int64_t row, int64_t column, const Int8Group& group, int64_t first, const Int8Panel& panel, int64_t lane) {
  constexpr int kChains = kRows <= 2 ? 2 : 1;   // few sums wait for each other
  constexpr int64_t kGroupBytes = kPanel * 4;
  using Sums = ByteSums<8, kInstruction>;
  Sums sums[kChains][kRows][kVectors];
#pragma GCC unroll 2
  for (int chain = 0; chain < kChains; ++chain)
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) sums[chain][r][v] = Sums(chain == 0 ? group.head->start[first + r] : 0);
  const int8_t* a = group.numbers + first * kInt8Step;
  const uint8_t* b = panel.numbers + 4 * lane;
  for (int64_t p = 0; p < product.k; p += kInt8Step, a += kInt8Rows * kInt8Step)
    for (int64_t q = 0; q < kInt8Step; q += 4 * kChains)
#pragma GCC unroll 2
      for (int chain = 0; chain < kChains; ++chain, b += kGroupBytes) {
        ByteFactors<8> four[kVectors];
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v) four[v] = ByteFactors<8>(Ints::load(b + 4 * v * Floats::kLanes));
#pragma GCC unroll 8
        for (int r = 0; r < kRows; ++r) {
          int32_t numbers;
          __builtin_memcpy(&numbers, a + r * kInt8Step + q + 4 * chain, 4);
          const Ints all = Ints::broadcast(numbers);
#pragma GCC unroll 2
          for (int v = 0; v < kVectors; ++v) sums[chain][r][v].template add<0, 1>(four[v], all);
        }
      }
  const int64_t columns = product.n - column;
  float* c = product.c + row * product.c_stride + column;
  Tile<kRows, kVectors> tile;
  if (product.accumulate)
    tile.load(c, product.c_stride, columns);
  else if (product.bias)
    tile.load(product.bias + column, 0, columns);
  else
    tile.zero();
#pragma GCC unroll 2
  for (int v = 0; v < kVectors; ++v) {
    const Floats scale = Floats::load(panel.scale + lane + v * Floats::kLanes);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const Ints sum = kChains == 1 ? sums[0][r][v].whole() : add(sums[0][r][v].whole(), sums[kChains - 1][r][v].whole());
      tile.acc[r][v] = fma(to_floats(sum), Floats::broadcast(group.head->scale[first + r]) * scale, tile.acc[r][v]);
    }
  }
  tile.store(c, product.c_stride, columns);
}

template <bool kInstruction>
void run(const Matmul<float>& product) {
  with_int8_rows(product, static_cast<std::byte*>(product.scratch), kMatmulScratchBytes / 2, [&](int64_t begin, int64_t rows, const void* rounded) {
    for (int64_t j = 0; j < product.n; j += kPanel) {
      const Int8Panel panel(product.panels, j, product.k);
      for (int64_t i = 0; i < rows; i += kMostRows) {
        const Int8Group group(rounded, i, product.k);
        with_rows<kMostRows>(rows - i, [&]<int kRows>() {
          for (int64_t lane = 0; lane < kPanel && j + lane < product.n; lane += kVectors * Floats::kLanes)
            run_tile<kRows, kInstruction>(product, begin + i, j + lane, group, i % kInt8Rows, panel, lane);
        });
      }
    }
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
