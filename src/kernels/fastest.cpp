#include "kernels/fastest.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>

namespace orrery {
namespace {

// Formats of a kind run the same loops, and so do numbers of rows up to each of these (but that in class amx some leave the tiles).
constexpr std::array kKinds{PanelFormat::own, PanelFormat::bf16_pairs, PanelFormat::int8, PanelFormat::q8, PanelFormat::q4_k};
constexpr std::array<int64_t, 3> kRows{1, 8, 64};

size_t kind_of(PanelFormat format) {
  if (is_blocks(format)) return layout_of(format).together == 1 ? 3 : 4;
  return has_pairs(format) ? 1 : format == PanelFormat::int8 ? 2 : 0;
}
size_t rows_of(int64_t m) { return m <= kRows[0] ? 0 : m <= kRows[1] ? 1 : 2; }

// Written once, while kernels() makes the table: a matmul_fn has no state of its own.
std::array<std::array<const Kernels<float>*, kRows.size()>, kKinds.size()> chosen{};

// Zeroed, aligned as kernels ask it of panels and scratch.
struct alignas(64) Line {
  std::byte bytes[64] = {};
};
std::vector<Line> zeros(int64_t bytes) { return std::vector<Line>(size_t(bytes / 64 + 1)); }

void multiply(const Matmul<float>& product) { chosen[kind_of(product.format)][rows_of(product.m)]->matmul(product); }

}  // namespace

namespace {

double seconds_of(matmul_fn<float>* matmul, PanelFormat format, int64_t rows, std::vector<Line>& scratch) {
  constexpr int64_t kColumns = 2 * kPanel, kInner = 256;
  constexpr int kRounds = 6;
  const std::vector<float> a(size_t(rows * kInner), 1.0f);
  std::vector<float> c(size_t(rows * kColumns));
  const std::vector<Line> panels = zeros(packed_bytes(format, kColumns, kInner));
  Matmul<float> product;
  product.a = a.data(), product.a_row_stride = kInner, product.panels = panels.data(), product.format = format;
  product.c = c.data(), product.c_stride = kColumns, product.m = rows, product.n = kColumns, product.k = kInner;
  product.scratch = scratch.data();
  double least = 1e30;
  for (int round = 0; round < kRounds; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    matmul(product);
    least = std::min(least, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  return least;
}

}  // namespace

double seconds_of_product(matmul_fn<float>* matmul, PanelFormat format, int64_t rows) {
  std::vector<Line> scratch = zeros(kMatmulScratchBytes);
  return seconds_of(matmul, format, rows, scratch);
}

Kernels<float> with_fastest_products(std::span<const Kernels<float>* const> classes, bool pairs_differ) {
  std::vector<Line> scratch = zeros(kMatmulScratchBytes);
  for (size_t kind = 0; kind < kKinds.size(); ++kind)
    for (size_t r = 0; r < kRows.size(); ++r) {
      chosen[kind][r] = classes.back();
      if (classes.size() == 1 || (pairs_differ && kKinds[kind] == PanelFormat::bf16_pairs)) continue;
      double least = 1e30;
      // The last is the best by all that is known of it: it stays where another is not clearly faster.
      for (size_t i = classes.size(); i-- > 0;) {
        const double seconds = seconds_of(classes[i]->matmul, kKinds[kind], kRows[r], scratch);
        if (seconds < (i + 1 == classes.size() ? 1.0 : 0.9) * least) chosen[kind][r] = classes[i], least = seconds;
      }
    }
  Kernels<float> table = *classes.back();
  table.matmul = multiply;
  return table;
}

std::vector<ProductChoice> product_choices() {
  kernels();   // by then they are chosen
  std::vector<ProductChoice> choices;
  for (size_t kind = 0; kind < kKinds.size(); ++kind)
    for (size_t r = 0; r < kRows.size(); ++r)
      if (chosen[kind][r]) choices.push_back({kKinds[kind], kRows[r], chosen[kind][r]->name});
  return choices;
}

}  // namespace orrery
