#include "kernels/matmul.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include <doctest/doctest.h>

#include "base/random.h"
#include "kernels/kernels.h"
#include "kernels/test_values.h"
#include "kernels/testing.h"
#include "kernels/trial.h"

namespace orrery {
namespace {

// A product c = a b of random matrices: a is [m, k] and b [n, k] here, and stored in either order, b in some dtype, and packed.
struct Product {
  int64_t m, n, k;
  bool a_transposed = false, b_transposed = false;
  DType dtype = DType::f32;
  PanelFormat packed = PanelFormat::own;
  std::vector<float> a, b, start, bias;
  std::vector<float> a_stored;
  std::vector<char> b_stored;
  AlignedBytes panels;
  inline static AlignedBytes scratch{kMatmulScratchBytes};   // one for all: whatever lies there, the bits are the same

  Product(int64_t m_, int64_t n_, int64_t k_, uint64_t seed) : m(m_), n(n_), k(k_) {
    Random random(seed);
    a = random_floats(random, m * k);
    b = random_floats(random, n * k);
    start = random_floats(random, m * n);
    bias = random_floats(random, n);
  }
  int64_t k_stride() const { return b_transposed ? 1 : n; }
  int64_t n_stride() const { return b_transposed ? k : 1; }

  void store_a(bool transposed) {
    a_transposed = transposed;
    a_stored = transposed ? turned(a, m, k) : a;
  }
  void store_b(bool transposed, DType stored, PanelFormat panel) {
    b_transposed = transposed;
    dtype = stored;
    packed = panel;
    const std::vector<float> values = transposed ? b : turned(b, n, k);
    b_stored.resize(size_t(n * k * size_of(dtype)));
    convert(values.data(), DType::f32, b_stored.data(), dtype, n * k);
  }
  void store_as(DType stored, PanelFormat panel) { store_a(false), store_b(false, stored, panel); }
  void pack(const Kernels<float>& kernels) {
    panels = AlignedBytes(packed_bytes(packed, n, k));
    kernels.pack_panels(b_stored.data(), dtype, k_stride(), n_stride(), k, n, panels.data(), packed);
  }
  Matmul<float> call(std::vector<float>& c) {
    Matmul<float> call;
    call.a = a_stored.data();
    call.a_row_stride = a_transposed ? 1 : k;
    call.a_k_stride = a_transposed ? m : 1;
    call.panels = panels.data();
    call.format = packed;
    call.c = c.data();
    call.c_stride = n;
    call.m = m;
    call.n = n;
    call.k = k;
    call.scratch = scratch.data();
    return call;
  }
  // What an element of c is before the product: nothing, a bias, or what it held.
  float before(int mode, int64_t i, int64_t j) const { return mode == 0 ? 0 : mode == 1 ? bias[size_t(j)] : start[size_t(i * n + j)]; }

  std::vector<double> exact(int mode) const {
    std::vector<float> columns = b;
    round_to(columns, dtype);
    std::vector<double> sums;
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) {
        double sum = before(mode, i, j);
        for (int64_t p = 0; p < k; ++p) sum += double(a[size_t(i * k + p)]) * columns[size_t(j * k + p)];
        sums.push_back(sum);
      }
    return sums;
  }

  // The contract's chain, fused for the vector classes. Made once for all classes, orders of storing and dtypes that say the same.
  const std::vector<float>& chains(int mode, bool fused) {
    const bool pairs = packed == PanelFormat::bf16_pairs;
    std::vector<float>& sums = made_[{mode, fused || pairs, dtype}];
    if (!sums.empty()) return sums;
    std::vector<float> rows = a, columns = b;
    round_to(columns, dtype);
    if (pairs)
      for (std::vector<float>* values : {&rows, &columns}) {
        for (float& value : *values) value = flushed(value);
        round_to(*values, DType::bf16);
      }
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) {
        const float *x = rows.data() + i * k, *y = columns.data() + j * k;
        float sum = before(mode, i, j);
        if (pairs)
          for (int64_t p = 0; p < k; p += 2)
            for (const int64_t q : {p + 1, p}) sum = flushed(std::fma(q < k ? x[q] : 0.0f, q < k ? y[q] : 0.0f, flushed(sum)));
        else
          for (int64_t p = 0; p < k; ++p) sum = fused ? std::fma(x[p], y[p], sum) : sum + x[p] * y[p];
        sums.push_back(sum);
      }
    return sums;
  }

 private:
  std::map<std::tuple<int, bool, DType>, std::vector<float>> made_;   // mode, fused, dtype

  static float flushed(float x) { return std::fabs(x) < FLT_MIN ? std::copysign(0.0f, x) : x; }
  static void round_to(std::vector<float>& values, DType dtype) {
    std::vector<char> rounded(values.size() * size_t(size_of(dtype)));
    convert(values.data(), DType::f32, rounded.data(), dtype, int64_t(values.size()));
    convert(rounded.data(), dtype, values.data(), DType::f32, int64_t(values.size()));
  }
  static std::vector<float> turned(const std::vector<float>& values, int64_t rows, int64_t columns) {
    std::vector<float> result(values.size());
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j) result[size_t(j * rows + i)] = values[size_t(i * columns + j)];
    return result;
  }
};

PanelFormat format_of(DType dtype) {
  return dtype == DType::bf16 ? PanelFormat::bf16 : dtype == DType::f16 ? PanelFormat::f16 : PanelFormat::own;
}

bool sums_in_tiles(const Kernels<float>& kernels, const Product& product) { return std::string(kernels.name) == "amx" && product.packed == PanelFormat::bf16_pairs; }
bool is_fused(const Kernels<float>& kernels) { return kernels.matmul != reference_kernels<float>().matmul; }

// The rows of a, which `call` has, rounded as it would round them.
AlignedBytes rounded_rows(const Kernels<float>& kernels, const Matmul<float>& call) {
  AlignedBytes rows(rounded_bytes(call.format, call.m, call.k));
  kernels.round_rows(call.a, call.a_row_stride, call.a_k_stride, call.m, call.k, call.format, rows.data());
  return rows;
}

// A product of pairs whose rows were rounded before has the bits of the one that rounds them, which are in c.
void check_rounded_before(const Kernels<float>& kernels, Matmul<float> call, const std::vector<float>& c, const std::vector<float>& start) {
  const AlignedBytes rows = rounded_rows(kernels, call), expected = rounded_rows(reference_kernels<float>(), call);
  CHECK(std::memcmp(rows.data(), expected.data(), size_t(rounded_bytes(call.format, call.m, call.k))) == 0);
  std::vector<float> again = start;
  call.rounded = rows.data();
  call.a = nullptr;
  call.c = again.data();
  kernels.matmul(call);
  CHECK(bit_difference(again, c) == "");
}

void check_chain(const Kernels<float>& kernels, Product& product) {
  product.pack(kernels);
  INFO(std::string(kernels.name) << " m " << product.m << " n " << product.n << " k " << product.k);
  for (const int mode : {0, 1, 2}) {  // from zero, from a bias, from what c holds
    std::vector<float> c = product.start;
    Matmul<float> call = product.call(c);
    call.bias = mode == 1 ? product.bias.data() : nullptr;
    call.accumulate = mode == 2;
    kernels.matmul(call);
    if (product.packed == PanelFormat::bf16_pairs && mode == 2) check_rounded_before(kernels, call, c, product.start);
    if (sums_in_tiles(kernels, product)) {
      std::vector<float> in_tiles = product.start;
      call.c = in_tiles.data();
      reference_matmul_in_tiles(call);
      CHECK(bit_difference(c, in_tiles) == "");
    } else {
      CHECK(bit_difference(c, product.chains(mode, is_fused(kernels))) == "");
    }
  }
}

void check_chain_of_all(Product& product) {
  for (const Kernels<float>* kernels : runnable_kernels()) check_chain(*kernels, product);
}

// Some rows at a time give the bits that all gave.
void check_parts(const Kernels<float>& kernels, Product& product, const std::vector<float>& all) {
  for (const int64_t rows : {1, 2, 3, 5, 8, 13}) {
    std::vector<float> some(all.size());
    for (int64_t i = 0; i < product.m; i += rows) {
      Matmul<float> part = product.call(some);
      part.m = std::min(rows, product.m - i);
      part.a += i * part.a_row_stride;
      part.c += i * part.c_stride;
      kernels.matmul(part);
    }
    CHECK(std::memcmp(all.data(), some.data(), all.size() * sizeof(float)) == 0);
  }
}

}  // namespace

TEST_CASE("a product is one chain of multiply-adds per element, whatever the shape") {
  const int64_t shapes[][3] = {{0, 5, 3},   {3, 0, 2},   {2, 3, 0},    {1, 1, 1},    {1, 31, 7},  {1, 32, 64}, {1, 33, 65},
                               {1, 300, 17}, {2, 129, 33}, {3, 64, 5}, {5, 97, 31},  {6, 16, 16}, {7, 47, 8},  {8, 256, 40},
                               {12, 31, 19}, {13, 33, 67}, {14, 32, 1}, {15, 65, 12}, {29, 95, 41}, {64, 64, 64}, {97, 101, 103}};
  for (const auto& [m, n, k] : shapes) {
    Product product(m, n, k, uint64_t(m * 1000 + n * 10 + k));
    for (const int layout : {0, 1, 2, 3}) {
      product.store_a(layout & 1);
      product.store_b(layout & 2, DType::f32, PanelFormat::own);
      check_chain_of_all(product);
    }
  }
}

TEST_CASE("a product longer than a cache block goes on from the stored partial sums") {
  Product product(17, 37, 1031, 5), tall(263, 33, 521, 6);
  product.store_b(true, DType::f32, PanelFormat::own);
  tall.store_b(false, DType::f32, PanelFormat::own);
  for (Product* each : {&product, &tall})
    for (const bool transposed : {false, true}) {
      each->store_a(transposed);
      check_chain_of_all(*each);
    }
}

TEST_CASE("16-bit weights give the bits of the same weights widened first") {
  for (const int64_t m : {1, 2, 9, 30}) {
    Product product(m, 77, 45, 7);
    product.store_a(false);
    for (const DType dtype : {DType::bf16, DType::f16})
      for (const PanelFormat packed : {format_of(dtype), PanelFormat::own})
        for (const bool transposed : {false, true}) {
          product.store_b(transposed, dtype, packed);
          check_chain_of_all(product);
        }
  }
}

TEST_CASE("sums in tiles are near those of pairs, and take numbers near nothing for nothing") {
  for (const int64_t k : {1, 2, 31, 64, 95, 700})
    for (const auto& [m, scale] : {std::pair<int64_t, float>{5, 1.0f}, {5, 1e-18f}, {9, 1e-18f}, {20, 1e-18f}, {5, 1e-20f}, {9, 1e-20f}, {20, 1e-20f}}) {
      Product product(m, 40, k, uint64_t(k));
      for (float& x : product.a) x *= scale;
      for (float& x : product.b) x *= scale;
      product.store_as(DType::f32, PanelFormat::bf16_pairs);
      product.pack(reference_kernels<float>());
      std::vector<float> pairs(product.start.size()), tiles(product.start.size());
      reference_kernels<float>().matmul(product.call(pairs));
      reference_matmul_in_tiles(product.call(tiles));
      for (size_t i = 0; i < pairs.size(); ++i) CHECK(std::fabs(pairs[i] - tiles[i]) <= 1e-5f * scale * scale * float(k) + 2e-38f * float(k));
      for (const Kernels<float>* kernels : runnable_kernels())
        if (sums_in_tiles(*kernels, product)) {
          std::vector<float> c(product.start.size());
          kernels->matmul(product.call(c));
          for (size_t i = 0; i < c.size(); ++i) CHECK(same_bits(c[i], tiles[i]));
        }
    }
}

// Of the sums' size, together.
double error_of(const std::vector<float>& found, const std::vector<double>& exact) {
  double of = 0, all = 0;
  for (size_t i = 0; i < found.size(); ++i) of += (found[i] - exact[i]) * (found[i] - exact[i]), all += exact[i] * exact[i];
  return std::sqrt(of / std::max(all, 1e-300));
}

TEST_CASE("products of floats with split rows are no less exact than multiply-adds, and their bits those of the reference, whatever the shape") {
  // The last ones are longer than a block of few rows.
  const int64_t shapes[][3] = {{0, 5, 3},    {2, 3, 0},     {1, 1, 1},     {1, 31, 7},   {1, 300, 130}, {2, 129, 33},   {5, 97, 31},   {6, 70, 311},   {16, 64, 96}, {17, 65, 95},
                               {29, 95, 41}, {64, 64, 64}, {97, 101, 103}, {17, 37, 3001}, {315, 33, 1000}, {37, 301, 600}, {3, 133, 7711}, {6, 70, 7711}};
  for (const auto& [m, n, k] : shapes) {
    Product product(m, n, k, uint64_t(m * 1000 + n * 10 + k));
    for (const int layout : {0, 1, 2, 3}) {
      product.store_a(layout & 1);
      product.store_b(layout & 2, DType::bf16, PanelFormat::bf16_split);
      product.pack(reference_kernels<float>());
      for (const int mode : {0, 1, 2}) {
        INFO("m " << m << " n " << n << " k " << k << " layout " << layout << " mode " << mode);
        std::vector<float> tiles = product.start;
        Matmul<float> call = product.call(tiles);
        call.bias = mode == 1 ? product.bias.data() : nullptr;
        call.accumulate = mode == 2;
        reference_matmul_in_tiles(call);
        if (m * n * k > 2000) {
          const std::vector<double> exact = product.exact(mode);
          CHECK(error_of(tiles, exact) <= error_of(product.chains(mode, true), exact));
        }
        for (const Kernels<float>* kernels : runnable_kernels())
          if (kernels->splits_floats) {
            std::vector<float> c = product.start;
            call.c = c.data();
            kernels->matmul(call);
            CHECK(bit_difference(c, tiles) == "");
          }
      }
    }
  }
}

TEST_CASE("split rows: what is not finite makes its row NaN, whatever the number of rows") {
  for (const int64_t m : {4, 12, 20}) {   // by each of the ways
    Product product(m, 40, 71, 3);
    const float bad[] = {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN(), FLT_MAX};   // the last is an infinity as bf16
    for (int64_t i = 0; i < 3; ++i) product.a[size_t((m - 1 - i) * 71 + 35 * i)] = bad[i];
    product.store_as(DType::bf16, PanelFormat::bf16_split);
    product.pack(reference_kernels<float>());
    std::vector<float> expected(product.start.size());
    reference_matmul_in_tiles(product.call(expected));
    for (size_t i = 0; i < expected.size(); ++i) CHECK(std::isnan(expected[i]) == (int64_t(i) / 40 >= m - 3));
    for (const Kernels<float>* kernels : runnable_kernels())
      if (kernels->splits_floats) {
        std::vector<float> c(product.start.size());
        kernels->matmul(product.call(c));
        for (size_t i = 0; i < c.size(); ++i) CHECK((std::isnan(expected[i]) ? std::isnan(c[i]) : same_bits(c[i], expected[i])));
      }
  }
}

TEST_CASE("split rows: numbers near nothing lose only what is below 2^-126") {
  for (const int64_t m : {4, 12, 20})
    for (const float scale : {1e-20f, 1e-34f, 1e-36f, 1e-38f})
      for (const float start : {1.0f, 1e-38f}) {
        Product product(m, 40, 71, uint64_t(m));
        for (float& x : product.a) x *= scale;
        for (float& x : product.start) x *= start;
        product.store_as(DType::bf16, PanelFormat::bf16_split);
        product.pack(reference_kernels<float>());
        std::vector<float> expected = product.start;
        Matmul<float> call = product.call(expected);
        call.accumulate = true;
        reference_matmul_in_tiles(call);
        const std::vector<double> exact = product.exact(2);
        for (size_t i = 0; i < expected.size(); ++i) CHECK(std::fabs(expected[i] - exact[i]) <= 20 * 0x1p-126 + 1e-5 * std::fabs(exact[i]) + 1e-5 * scale);
        for (const Kernels<float>* kernels : runnable_kernels())
          if (kernels->splits_floats) {
            std::vector<float> c = product.start;
            call.c = c.data();
            kernels->matmul(call);
            for (size_t i = 0; i < c.size(); ++i) CHECK(std::fabs(double(c[i]) - expected[i]) <= 0x1p-125);   // which sums near 2^-126 are zeros is the processor's
          }
      }
}

TEST_CASE("products of bf16 give the same bits in every class (but amx, which has its own), whatever the shape") {
  const int64_t shapes[][3] = {{2, 3, 0},   {1, 1, 1},    {1, 31, 7},   {1, 300, 18}, {1, 300, 130}, {2, 129, 33}, {3, 64, 5},   {5, 97, 31},   {8, 256, 40}, {13, 33, 67},
                               {14, 32, 1}, {15, 65, 12}, {29, 95, 41}, {64, 64, 64}, {97, 101, 103}, {17, 37, 3001}, {9, 40, 8301}, {315, 33, 1801}, {37, 301, 600}, {65, 270, 1090}, {3, 133, 16421}, {9, 40, 16421}};
  for (const auto& [m, n, k] : shapes) {
    Product product(m, n, k, uint64_t(m * 1000 + n * 10 + k));
    const bool large = m * n * k > 1000000;   // each layout with one type of weights
    for (const int layout : {0, 1, 2, 3})
      for (const DType dtype : {DType::f32, DType::bf16}) {
        if (large && (dtype == DType::bf16) != (layout == 1 || layout == 2)) continue;
        product.store_a(layout & 1);
        product.store_b(layout & 2, dtype, PanelFormat::bf16_pairs);
        for (const Kernels<float>* kernels : runnable_kernels())
          if (!large || is_fused(*kernels)) check_chain(*kernels, product);   // of large ones the chain is reference enough
      }
  }
}

TEST_CASE("products of bf16 take numbers near nothing for nothing, in every class") {
  for (const float scale : {1e-17f, 1e-18f, 1e-19f, 1e-20f, 1e-38f})
    for (const int64_t m : {1, 3, 20})
      for (const float start : {1.0f, 1e-38f}) {
        Product product(m, 40, 71, uint64_t(m));
        for (float& x : product.a) x *= scale;
        for (float& x : product.b) x *= scale > 1e-30f ? scale : 1.0f;
        for (float& x : product.start) x *= start;
        product.store_as(DType::f32, PanelFormat::bf16_pairs);
        for (const Kernels<float>* kernels : runnable_kernels())
          if (!sums_in_tiles(*kernels, product)) check_chain(*kernels, product);   // which zeros its sums near 2^-126 are is the processor's
      }
}

TEST_CASE("every class packs the same panels") {
  for (const Kernels<float>* kernels : runnable_kernels())
    for (const DType dtype : {DType::f32, DType::bf16, DType::f16})
      for (const PanelFormat packed : {format_of(dtype), PanelFormat::own, PanelFormat::bf16_pairs, PanelFormat::bf16_split})
        for (const int64_t n : {1, 8, 31, 32, 33, 100})
          for (const int64_t k : {0, 1, 7, 8, 15, 16, 17, 50})
            for (const bool transposed : {false, true}) {
              Product product(1, n, k, 3), expected(1, n, k, 3);
              product.store_b(transposed, dtype, packed);
              expected.store_b(transposed, dtype, packed);
              product.pack(*kernels);
              expected.pack(reference_kernels<float>());
              INFO(std::string(kernels->name) << " n " << n << " k " << k << " transposed " << transposed);
              const size_t bytes = size_t(packed_bytes(packed, n, k));
              CHECK(std::memcmp(product.panels.data(), expected.panels.data(), bytes) == 0);
            }
}

TEST_CASE("a row gives the same bits alone and among others") {
  for (const Kernels<float>* kernels : runnable_kernels())
    for (const PanelFormat format : {PanelFormat::own, PanelFormat::bf16, PanelFormat::bf16_pairs, PanelFormat::bf16_split}) {
      if (format == PanelFormat::bf16_split && !kernels->splits_floats) continue;
      Product product(61, 203, 311, 11);
      product.store_as(format == PanelFormat::bf16 ? DType::bf16 : DType::f32, format);
      product.pack(*kernels);
      std::vector<float> all(product.start.size());
      kernels->matmul(product.call(all));
      check_parts(*kernels, product, all);
    }
}

TEST_CASE("rows that are kept for a product of other columns give the bits of rows packed anew, in half of the scratch") {
  // The last ones are just as long as can be kept, and too long.
  const int64_t shapes[][3] = {{1, 40, 5}, {3, 33, 31}, {13, 64, 100}, {29, 95, 41}, {40, 31, 0}, {64, 64, 64}, {97, 101, 103}, {64, 33, 3500}, {256, 70, 896}, {224, 65, 1024}, {32, 40, 7392}, {256, 70, 924}, {257, 33, 20}};
  for (const Kernels<float>* kernels : runnable_kernels())
    for (const auto& [m, n, k] : shapes) {
      if (!is_fused(*kernels) && m * n * k > 1100000) continue;   // the reference, slow and of no rows of its own
      for (const bool transposed : {false, true})
        for (const int mode : {0, 1, 2})   // from zero, from a bias, from what c holds
          for (const bool rounded_before : {false, true}) {
            INFO(std::string(kernels->name) << " m " << m << " n " << n << " k " << k << " mode " << mode << (rounded_before ? " rounded before" : ""));
            Product product(m, n, k, uint64_t(m + n + k));
            product.store_a(transposed);
            product.store_b(false, DType::f32, PanelFormat::bf16_pairs);
            product.pack(*kernels);
            std::vector<float> expected = product.start, c = product.start;
            auto* const upper = static_cast<char*>(product.scratch.data()) + kMatmulScratchBytes / 2;   // no product of these needs it
            std::fill_n(upper, kMatmulScratchBytes / 2, '\7');
            const auto call = [&](std::vector<float>& to) {
              Matmul<float> made = product.call(to);
              made.bias = mode == 1 ? product.bias.data() : nullptr;
              made.accumulate = mode == 2;
              return made;
            };
            kernels->matmul(call(expected));
            const AlignedBytes rows = rounded_rows(*kernels, call(c));
            for (int64_t j = 0; j < n; j += kPanel) {
              Matmul<float> part = call(c);
              if (rounded_before) part.rounded = rows.data();
              part.panels = static_cast<const std::byte*>(part.panels) + j / kPanel * panel_bytes(part.format, k);
              part.c += j;
              part.n = std::min(kPanel, n - j);
              if (part.bias) part.bias += j;
              part.packing = j == 0 ? Packing::keep : Packing::kept;
              kernels->matmul(part);
            }
            CHECK(std::memcmp(expected.data(), c.data(), c.size() * sizeof(float)) == 0);
            CHECK(std::count(upper, upper + kMatmulScratchBytes / 2, '\7') == kMatmulScratchBytes / 2);
          }
    }
}

TEST_CASE("rows that are kept are not read again") {
  for (const Kernels<float>* kernels : runnable_kernels()) {
    if (!is_fused(*kernels)) continue;   // the reference packs nothing
    Product product(64, 40, 100, 3);
    product.store_as(DType::f32, PanelFormat::bf16_pairs);
    product.pack(*kernels);
    std::vector<float> expected(product.start.size()), c(product.start.size());
    Matmul<float> call = product.call(expected);
    call.packing = Packing::keep;
    kernels->matmul(call);
    std::fill(product.a_stored.begin(), product.a_stored.end(), std::numeric_limits<float>::quiet_NaN());
    call.c = c.data();
    call.packing = Packing::kept;
    kernels->matmul(call);
    CHECK(bit_difference(c, expected) == "");
  }
}

namespace {

// The rows of a, each 32 or 256 numbers rounded to whole numbers of their largest's 127th part.
std::vector<float> rounded_in_blocks(std::vector<float> a, size_t values) {
  for (size_t begin = 0; begin < a.size(); begin += values) {
    float largest = 0;
    for (size_t i = begin; i < begin + values; ++i) largest = std::max(largest, std::abs(a[i]));
    for (size_t i = begin; i < begin + values; ++i) a[i] = largest == 0 ? 0 : std::nearbyint(a[i] * (127 / largest)) * (largest / 127);
  }
  return a;
}

// Weights in blocks, as a file has them, and packed; product.b is what they say.
struct BlockProduct : Product {
  BlockFormat format;
  std::vector<std::byte> bytes;
  std::vector<const std::byte*> rows;

  BlockProduct(BlockFormat format_, int64_t m_, int64_t n_, int64_t k_) : Product(m_, n_, k_, uint64_t(m_ * 1000 + n_ * 10 + k_)), format(format_) {
    bytes.resize(size_t(n * bytes_of(format, k)));
    for (int64_t j = 0; j < n; ++j) {
      std::byte* row = bytes.data() + j * bytes_of(format, k);
      quantise(format, b.data() + j * k, row, k);
      dequantise(format, row, b.data() + j * k, k);
      rows.push_back(row);
    }
    store_a(false);
    packed = panels_of(format);
    panels = AlignedBytes(packed_bytes(packed, n, k));
  }
  void pack(const Kernels<float>& kernels) { kernels.pack_blocks(rows.data(), format, k, n, static_cast<std::byte*>(panels.data())); }
};

constexpr BlockFormat kBlockFormats[] = {BlockFormat::q8_0, BlockFormat::q5_0, BlockFormat::q4_0, BlockFormat::q4_1, BlockFormat::q5_1, BlockFormat::q4_k, BlockFormat::q5_k, BlockFormat::q6_k};
int64_t whole_blocks(BlockFormat format, int64_t k) { return (k + values_per_block(format) - 1) / values_per_block(format) * values_per_block(format); }

}  // namespace

TEST_CASE("products of blocks are the products of what the blocks say, with the same bits in every class") {
  const int64_t shapes[][3] = {{1, 1, 0}, {1, 1, 32}, {1, 33, 64}, {1, 210, 256}, {2, 70, 96}, {3, 300, 544}, {5, 31, 160}, {6, 64, 2048}, {7, 40, 1056}, {13, 95, 512}, {64, 65, 544}, {33, 40, 8192}, {1700, 34, 64}, {500, 3, 576}, {16, 40, 4352}, {17, 1, 163840}};
  for (const BlockFormat format : kBlockFormats)
    for (const auto& [m, n, least] : shapes) {
      const int64_t k = whole_blocks(format, least);
      INFO(std::string(name_of(format)) << " m " << m << " n " << n << " k " << k);
      BlockProduct product(format, m, n, k);
      const std::vector<float> rounded = rounded_in_blocks(product.a, size_t(values_per_block(format)));
      std::vector<double> exact;
      for (int64_t i = 0; i < m; ++i)
        for (int64_t j = 0; j < n; ++j) {
          double sum = 0;
          for (int64_t p = 0; p < k; ++p) sum += double(rounded[size_t(i * k + p)]) * double(product.b[size_t(j * k + p)]);
          exact.push_back(sum);
        }
      std::vector<float> expected[3];   // what the first class gave
      std::vector<RowBlock> expected_rows;
      for (const Kernels<float>* kernels : runnable_kernels()) {
        product.pack(*kernels);
        for (const bool a_transposed : {false, true}) {
          product.store_a(a_transposed);
          std::vector<float> c;
          Matmul<float> call = product.call(c);
          std::vector<RowBlock> rows(size_t(m * k / kBlockValues));
          kernels->round_rows(call.a, call.a_row_stride, call.a_k_stride, m, k, product.packed, rows.data());
          if (expected_rows.empty()) expected_rows = rows;
          CHECK((rows.empty() || std::memcmp(expected_rows.data(), rows.data(), rows.size() * sizeof(RowBlock)) == 0));
          for (const int mode : {0, 1, 2})
            for (const bool rounded_before : {false, true}) {
              INFO(std::string(kernels->name) << " mode " << mode << (a_transposed ? " transposed" : "") << (rounded_before ? " rounded before" : ""));
              c = product.start;
              call.c = c.data();
              call.bias = mode == 1 ? product.bias.data() : nullptr;
              call.accumulate = mode == 2;
              call.rounded = nullptr;
              if (rounded_before) {
                call.rounded = rows.data();
                if (int64_t(rows.size() * sizeof(RowBlock)) <= kMatmulScratchBytes / 2) {   // in the half of the scratch that is left, as ops have them
                  auto* there = reinterpret_cast<RowBlock*>(static_cast<std::byte*>(call.scratch) + kMatmulScratchBytes / 2);
                  std::copy(rows.begin(), rows.end(), there);
                  call.rounded = there;
                }
              }
              kernels->matmul(call);
              if (expected[mode].empty()) {
                double worst = 0;
                for (int64_t i = 0; i < m; ++i)
                  for (int64_t j = 0; j < n; ++j)
                    worst = std::max(worst, std::abs(exact[size_t(i * n + j)] + double(product.before(mode, i, j)) - double(c[size_t(i * n + j)])));
                CHECK(worst < 2e-5 * std::sqrt(double(k + 1)));
                expected[mode] = c;
              }
              CHECK(std::memcmp(expected[mode].data(), c.data(), c.size() * sizeof(float)) == 0);
            }
        }
      }
    }
}

TEST_CASE("blocks of any bits give the same product in every class, and it is that of what they say") {
  Random random(17);
  for (const BlockFormat format : kBlockFormats)
    for (const int64_t m : {1, 6, 17}) {
      BlockProduct product(format, m, 195, 1024);
      const size_t size = size_t(bytes_per_block(format));
      for (size_t at = 0; at < product.bytes.size(); at += size) {
        std::vector<float> values(size_t(values_per_block(format)));
        do {      // until the halfs among them are numbers, and not huge ones
          for (size_t i = 0; i < size; ++i) product.bytes[at + i] = std::byte(random.uniform() * 256);
          dequantise(format, product.bytes.data() + at, values.data(), values_per_block(format));
        } while (!std::all_of(values.begin(), values.end(), [](float value) { return std::abs(value) < 1e4f; }));
        std::copy(values.begin(), values.end(), product.b.begin() + std::ptrdiff_t(at / size * values.size()));
      }
      for (float& value : product.a) value = random.uniform() < 0.1 ? 3.0f : -3.0f;   // the largest whole numbers
      product.store_a(false);
      std::vector<float> expected;
      for (const Kernels<float>* kernels : runnable_kernels()) {
        INFO(std::string(kernels->name) << " " << name_of(format) << " m " << m);
        product.pack(*kernels);
        std::vector<float> c = product.start;
        kernels->matmul(product.call(c));
        if (expected.empty()) {
          expected = c;
          int64_t wrong = 0;
          for (int64_t i = 0; i < m; ++i)
            for (int64_t j = 0; j < product.n; ++j) {
              double sum = 0, size_of_all = 0;
              for (int64_t p = 0; p < product.k; ++p) {
                const double one = double(product.a[size_t(i * product.k + p)]) * double(product.b[size_t(j * product.k + p)]);
                sum += one, size_of_all += std::abs(one);
              }
              wrong += std::abs(sum - double(c[size_t(i * product.n + j)])) > 1e-5 * size_of_all;
            }
          CHECK(wrong == 0);
        }
        CHECK(std::memcmp(expected.data(), c.data(), c.size() * sizeof(float)) == 0);
      }
    }
}

TEST_CASE("the largest numbers of blocks add up exactly, in every class") {
  for (const BlockFormat format : kBlockFormats)
    for (const float most : {1.0f, -1.0f})   // of all numbers of b but the first of a block, which makes them the largest stored, or the least
      for (const float row : {1.0f, -1.0f}) {
        BlockProduct product(format, 5, 40, 512);
        for (size_t i = 0; i < product.b.size(); ++i) product.b[i] = i % 32 == 0 ? -most : most;
        for (int64_t j = 0; j < product.n; ++j) {
          std::byte* bytes = product.bytes.data() + j * bytes_of(format, product.k);
          quantise(format, product.b.data() + j * product.k, bytes, product.k);
          dequantise(format, bytes, product.b.data() + j * product.k, product.k);
        }
        std::fill(product.a.begin(), product.a.end(), row);
        product.store_a(false);
        double exact = 0;
        for (int64_t p = 0; p < product.k; ++p) exact += double(row) * double(product.b[size_t(p)]);
        for (const Kernels<float>* kernels : runnable_kernels()) {
          INFO(std::string(kernels->name) << " " << name_of(format));
          product.pack(*kernels);
          std::vector<float> c(product.start.size());
          kernels->matmul(product.call(c));
          CHECK(std::all_of(c.begin(), c.end(), [&](float value) { return std::abs(double(value) - exact) < 1e-4 * double(product.k); }));
        }
      }
}

TEST_CASE("sums of blocks are exact where 16 bits hold them, and where they just do not, in every class") {
  for (const BlockFormat format : {BlockFormat::q4_k, BlockFormat::q5_k, BlockFormat::q6_k})
    for (const float sign : {1.0f, -1.0f}) {
      BlockProduct product(format, 99, 70, 1024);
      for (int64_t j = 0; j < product.n; ++j) {   // all numbers stored are the largest but the first of a block
        std::vector<float> row(size_t(product.k), float(j + 1));
        for (size_t p = 0; p < row.size(); p += 32) row[p] = -float(j + 1);
        quantise(format, row.data(), product.bytes.data() + j * bytes_of(format, product.k), product.k);
      }
      for (int64_t i = 0; i < product.m; ++i)     // of each block so many are as large as can be
        for (int64_t p = 0; p < product.k; ++p) product.a[size_t(i * product.k + p)] = p % 32 >= 32 - i / 3 ? sign : 0;
      product.store_a(false);
      std::vector<float> expected;
      for (const Kernels<float>* kernels : runnable_kernels()) {
        INFO(std::string(kernels->name) << " " << name_of(format));
        product.pack(*kernels);
        std::vector<float> c(product.start.size());
        kernels->matmul(product.call(c));
        if (expected.empty()) expected = c;
        CHECK(std::memcmp(expected.data(), c.data(), c.size() * sizeof(float)) == 0);
      }
    }
}

TEST_CASE("a row of a product of blocks gives the same bits alone and among others, and NaN and infinities make it NaN") {
  for (const BlockFormat format : kBlockFormats) {
    std::vector<RowBlock> expected_rows;
    for (const Kernels<float>* kernels : runnable_kernels()) {
      BlockProduct product(format, 61, 203, whole_blocks(format, 608));
      product.a[size_t(3 * product.k + 40)] = std::numeric_limits<float>::infinity();
      product.a[size_t(4 * product.k + 600)] = std::numeric_limits<float>::quiet_NaN();
      std::fill(product.a.begin() + 5 * product.k, product.a.begin() + 6 * product.k, 1e-39f);
      product.store_a(false);
      product.pack(*kernels);
      std::vector<float> all(product.start.size());
      kernels->matmul(product.call(all));
      for (int64_t j = 0; j < product.n; ++j) {
        CHECK(std::isnan(all[size_t(3 * product.n + j)]));
        CHECK(std::isnan(all[size_t(4 * product.n + j)]));
        CHECK(all[size_t(5 * product.n + j)] == 0);
      }
      check_parts(*kernels, product, all);
      std::vector<RowBlock> rows(size_t(product.m * product.k / kBlockValues));
      kernels->round_rows(product.a.data(), product.k, 1, product.m, product.k, product.packed, rows.data());
      if (expected_rows.empty()) expected_rows = rows;
      CHECK(std::memcmp(expected_rows.data(), rows.data(), rows.size() * sizeof(RowBlock)) == 0);
    }
  }
}

TEST_CASE("the inner dimension may be cut anywhere") {
  for (const Kernels<float>* kernels : runnable_kernels())
    for (const int64_t m : {1, 4, 40}) {
      Product product(m, 70, 90, 13);
      product.store_as(DType::f32, PanelFormat::own);
      product.pack(*kernels);
      std::vector<float> whole(product.start.size()), parts(product.start.size());
      kernels->matmul(product.call(whole));
      for (int64_t begin = 0; begin < product.k; begin += 37) {
        const int64_t end = std::min(product.k, begin + 37);
        AlignedBytes panels(packed_size(product.n, end - begin) * 4);
        kernels->pack_panels(product.b_stored.data() + begin * product.k_stride() * 4, DType::f32, product.k_stride(),
                             product.n_stride(), end - begin, product.n, panels.data(), PanelFormat::own);
        Matmul<float> part = product.call(parts);
        part.a += begin;
        part.panels = panels.data();
        part.k = end - begin;
        part.accumulate = begin > 0;
        kernels->matmul(part);
      }
      CHECK(std::memcmp(whole.data(), parts.data(), whole.size() * sizeof(float)) == 0);
    }
}

TEST_CASE("a product writes its own columns only, and NaN and infinities go their way") {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  for (const Kernels<float>* kernels : runnable_kernels())
    for (const int64_t m : {1, 3, 16}) {
      Product product(m, 35, 9, 17);
      product.b[size_t(3 * product.k)] = inf;
      product.a[size_t(product.k * (m - 1) + 2)] = nan;
      product.store_as(DType::f32, PanelFormat::own);
      product.pack(*kernels);
      std::vector<float> c(size_t(m * 40), -7.0f);
      Matmul<float> call = product.call(c);
      call.c_stride = 40;
      kernels->matmul(call);
      for (int64_t i = 0; i < m; ++i) {
        for (int64_t j = 0; j < 35; ++j) {
          const float value = c[size_t(i * 40 + j)];
          if (i == m - 1) CHECK(std::isnan(value));
          else if (j == 3) CHECK(std::isinf(value));
          else CHECK(std::isfinite(value));
        }
        for (int64_t j = 35; j < 40; ++j) CHECK(c[size_t(i * 40 + j)] == -7.0f);
      }
    }
}

// While a trial is open, that is: 1 GB of panels decides it, more than all tests read.
TEST_CASE("few rows give the same bits in every class, whichever way panels are read (kernels/trial.h)") {
  constexpr int64_t n = 11 * kPanel + 5, k = 1024, kTurns = 10;   // enough that each way has one
  for (const PanelFormat format : {PanelFormat::own, PanelFormat::bf16, PanelFormat::bf16_pairs, PanelFormat::int8, PanelFormat::q8, PanelFormat::q4, PanelFormat::q4_k, PanelFormat::bf16_split}) {
    Random random(uint64_t(format) + 1);
    AlignedBytes panels(packed_bytes(format, n, k));
    for (int64_t i = 0; i < packed_bytes(format, n, k); ++i) static_cast<std::byte*>(panels.data())[i] = std::byte(random.bits() & 0x2f);   // finite numbers in any format
    const std::vector<float> a = random_floats(random, 8 * k), bias = random_floats(random, n);
    for (const int64_t m : {1, 2, 3, 4, 8}) {
      std::vector<float> first;
      for (const Kernels<float>* kernels : runnable_kernels()) {
        if (!is_fused(*kernels) || (format == PanelFormat::bf16_split && !kernels->splits_floats)) continue;
        INFO("format " << int(format) << " m " << m << " " << std::string(kernels->name));
        if (format == PanelFormat::bf16_pairs && std::string(kernels->name) == "amx") first.clear();   // in tiles' own order
        std::vector<float> c(size_t(m * n));
        Matmul<float> call;
        call.a = a.data(), call.a_row_stride = k, call.panels = panels.data(), call.format = format, call.c = c.data(), call.c_stride = n;
        call.m = m, call.n = n, call.k = k, call.bias = bias.data(), call.scratch = Product::scratch.data();
        int64_t differ = 0;
        for (int64_t bytes = 0; bytes < kTurns * Trial::kTurnBytes; bytes += packed_bytes(format, n, k)) {
          kernels->matmul(call);
          if (first.empty()) first = c;
          differ += std::memcmp(c.data(), first.data(), c.size() * sizeof(float)) != 0;
        }
        CHECK(differ == 0);
        CHECK(std::all_of(c.begin(), c.end(), [](float x) { return std::isfinite(x); }));
      }
    }
  }
}

}  // namespace orrery
