#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/random.h"
#include "kernels/kernels.h"
#include "kernels/testing.h"

namespace orrery {
namespace {

// A product of random matrices in int8, a and b lying in rows or in columns.
struct Int8Product {
  int64_t m, n, k;
  bool a_turned = false, b_turned = false;
  std::vector<float> a, b, start, bias;
  AlignedBytes panels;
  inline static AlignedBytes scratch{kMatmulScratchBytes};   // one for all: whatever lies there, the bits are the same

  Int8Product(int64_t m_, int64_t n_, int64_t k_) : m(m_), n(n_), k(k_), panels(packed_bytes(PanelFormat::int8, n_, k_)) {
    Random random(uint64_t(m * 1000 + n * 10 + k));
    a = random_floats(random, m * k), b = random_floats(random, n * k), start = random_floats(random, m * n), bias = random_floats(random, n);
  }
  float& a_at(int64_t i, int64_t p) { return a[size_t(a_turned ? p * m + i : i * k + p)]; }
  float& b_at(int64_t p, int64_t j) { return b[size_t(b_turned ? j * k + p : p * n + j)]; }
  void pack(const Kernels<float>& kernels, DType held = DType::f32) {
    std::vector<char> stored(b.size() * size_t(size_of(held)));
    convert(b.data(), DType::f32, stored.data(), held, n * k);
    convert(stored.data(), held, b.data(), DType::f32, n * k);
    kernels.pack_panels(stored.data(), held, b_turned ? 1 : n, b_turned ? k : 1, k, n, panels.data(), PanelFormat::int8);
  }
  Matmul<float> call(std::vector<float>& c) {
    Matmul<float> call;
    call.a = a.data(), call.a_row_stride = a_turned ? 1 : k, call.a_k_stride = a_turned ? m : 1;
    call.panels = panels.data(), call.format = PanelFormat::int8, call.c = c.data(), call.c_stride = n;
    call.m = m, call.n = n, call.k = k, call.scratch = scratch.data();
    return call;
  }
};

bool same(const std::vector<float>& a, const std::vector<float>& b) { return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0); }

// k numbers, at(p), as whole numbers times their largest's 127th part.
template <class At>
std::vector<double> rounded(int64_t k, At&& at) {
  float largest = 0;
  for (int64_t p = 0; p < k; ++p) largest = std::max(largest, std::abs(at(p)));
  std::vector<double> values;
  for (int64_t p = 0; p < k; ++p) values.push_back(largest > 0 ? double(std::nearbyint(at(p) * (127 / largest))) * double(largest / 127) : 0);
  return values;
}

}  // namespace

TEST_CASE("products of int8 are the products of rounded rows and columns, with the same bits in every class") {
  const int64_t shapes[][3] = {{1, 1, 0},   {1, 1, 1},    {1, 33, 64},  {2, 70, 63},   {3, 300, 65},  {1, 300, 65},  {4, 31, 130},  {5, 64, 200},  {8, 40, 7},     {9, 95, 511},
                               {16, 32, 64}, {17, 65, 192}, {31, 97, 1000}, {33, 40, 2049}, {47, 34, 96}, {130, 100, 128}, {1700, 34, 640}, {90, 33, 20000}};
  for (const auto& shape : shapes)
    for (const int layout : {0, 1, 2, 3}) {
      const int64_t m = shape[0], n = shape[1], k = shape[2];
      INFO("m " << m << " n " << n << " k " << k << " layout " << layout);
      if (m * n * k > 10'000'000 && layout % 3 != 0) continue;
      Int8Product product(m, n, k);
      product.a_turned = layout & 1, product.b_turned = layout & 2;
      std::vector<std::vector<double>> rows, columns;
      for (int64_t i = 0; i < m; ++i) rows.push_back(rounded(k, [&](int64_t p) { return product.a_at(i, p); }));
      for (int64_t j = 0; j < n; ++j) columns.push_back(rounded(k, [&](int64_t p) { return product.b_at(p, j); }));
      for (const int mode : {0, 1, 2}) {
        std::vector<float> expected;
        for (const Kernels<float>* kernels : runnable_kernels()) {
          INFO(std::string(kernels->name) << " mode " << mode);
          product.pack(*kernels);
          std::vector<float> c = product.start;
          Matmul<float> call = product.call(c);
          call.bias = mode == 1 ? product.bias.data() : nullptr;
          call.accumulate = mode == 2;
          kernels->matmul(call);
          if (expected.empty()) {
            double worst = 0;
            for (int64_t i = 0; i < m; ++i)
              for (int64_t j = 0; j < n; ++j) {
                double sum = mode == 0 ? 0 : double(mode == 1 ? product.bias[size_t(j)] : product.start[size_t(i * n + j)]);
                for (int64_t p = 0; p < k; ++p) sum += rows[size_t(i)][size_t(p)] * columns[size_t(j)][size_t(p)];
                worst = std::max(worst, std::abs(sum - double(c[size_t(i * n + j)])));
              }
            CHECK(worst < 1e-6 * std::sqrt(double(k + 1)));
            expected = c;
          }
          CHECK(same(expected, c));

          // Rows that were rounded before, elsewhere or in the half of the scratch that is left, as ops have them.
          const int64_t bytes = rounded_bytes(PanelFormat::int8, m, k);
          AlignedBytes before(bytes);
          void* there = bytes <= kMatmulScratchBytes / 2 ? static_cast<std::byte*>(call.scratch) + kMatmulScratchBytes / 2 : before.data();
          kernels->round_rows(call.a, call.a_row_stride, call.a_k_stride, m, k, PanelFormat::int8, there);
          call.rounded = there;
          call.c = c.data();
          c = product.start;
          kernels->matmul(call);
          CHECK(same(expected, c));
        }
      }
    }
}

TEST_CASE("every class packs the same panels of int8 and rounds the same rows") {
  for (const DType held : {DType::f32, DType::bf16, DType::f16})
    for (const int64_t k : {0, 1, 5, 63, 64, 65, 300})
      for (const int64_t n : {1, 31, 32, 33, 70})
        for (const bool turned : {false, true}) {
          INFO(std::string(name_of(held)) << " n " << n << " k " << k << " turned " << turned);
          const int64_t rows = kInt8Rows * 2;   // whole groups, of which all bytes say something
          Int8Product product(rows, n, k);
          product.b_turned = product.a_turned = turned;
          std::string panels, groups;
          for (const Kernels<float>* kernels : runnable_kernels()) {
            product.pack(*kernels, held);
            AlignedBytes rounded(rounded_bytes(PanelFormat::int8, rows, k));
            kernels->round_rows(product.a.data(), turned ? 1 : k, turned ? rows : 1, rows, k, PanelFormat::int8, rounded.data());
            const std::string packed(static_cast<const char*>(product.panels.data()), size_t(packed_bytes(PanelFormat::int8, n, k)));
            const std::string made(static_cast<const char*>(rounded.data()), size_t(rounded_bytes(PanelFormat::int8, rows, k)));
            if (panels.empty()) panels = packed, groups = made;
            CHECK(panels == packed);
            CHECK(groups == made);
          }
        }
}

TEST_CASE("the largest whole numbers add up exactly over the longest rows of int8") {
  for (const int64_t m : {1, 10, 18}) {
    Int8Product product(m, 35, kInt8Depth);
    product.b_turned = true;
    for (float& value : product.a) value = 127;
    for (int64_t j = 0; j < product.n; ++j)
      for (int64_t p = 0; p < product.k; ++p) product.b_at(p, j) = j == 0 ? -127.0f : j == 1 ? 127.0f : p % 2 ? 127.0f : -127.0f;
    for (const Kernels<float>* kernels : runnable_kernels()) {
      INFO(std::string(kernels->name) << " m " << m);
      product.pack(*kernels);
      std::vector<float> c(product.start.size());
      kernels->matmul(product.call(c));
      for (int64_t i = 0; i < m; ++i) {
        CHECK(c[size_t(i * product.n)] == -127.0f * 127.0f * float(kInt8Depth));
        CHECK(c[size_t(i * product.n + 1)] == 127.0f * 127.0f * float(kInt8Depth));
        CHECK(c[size_t(i * product.n + 2)] == 0);
      }
    }
  }
}

TEST_CASE("a row of a product of int8 gives the same bits alone and among others; NaN and infinities stay in their row or column") {
  for (const Kernels<float>* kernels : runnable_kernels()) {
    INFO(std::string(kernels->name));
    Int8Product product(61, 203, 311);
    product.a_at(3, 40) = std::numeric_limits<float>::infinity();
    product.a_at(4, 310) = std::numeric_limits<float>::quiet_NaN();
    for (int64_t p = 0; p < product.k; ++p) product.a_at(5, p) = 1e-39f, product.b_at(p, 6) = -1e-39f, product.b_at(p, 8) = 0;
    product.b_at(7, 202) = -std::numeric_limits<float>::infinity();
    product.b_at(300, 7) = std::numeric_limits<float>::quiet_NaN();
    product.pack(*kernels);
    std::vector<float> all(product.start.size());
    kernels->matmul(product.call(all));
    for (int64_t i = 0; i < product.m; ++i)
      for (int64_t j = 0; j < product.n; ++j) {
        const float c = all[size_t(i * product.n + j)];
        const bool nothing = i == 3 || i == 4 || j == 7 || j == 202;
        CHECK(std::isnan(c) == nothing);
        if (!nothing && (i == 5 || j == 6 || j == 8)) CHECK(c == 0);
      }
    for (int64_t i = 0; i < product.m; ++i)
      for (const int64_t rows : {int64_t(1), std::min<int64_t>(20, product.m - i)}) {
        std::vector<float> some(size_t(rows * product.n));
        Matmul<float> call = product.call(some);
        call.a += i * product.k;
        call.m = rows;
        kernels->matmul(call);
        CHECK(std::memcmp(some.data(), all.data() + i * product.n, some.size() * sizeof(float)) == 0);
      }
    std::vector<float> last(all.size());
    Matmul<float> call = product.call(last);   // the columns from the third panel on
    call.panels = static_cast<const std::byte*>(call.panels) + 2 * panel_bytes(PanelFormat::int8, product.k);
    call.c += 2 * kPanel;
    call.n -= 2 * kPanel;
    kernels->matmul(call);
    for (int64_t i = 0; i < product.m; ++i) CHECK(std::memcmp(&last[size_t(i * product.n + 2 * kPanel)], &all[size_t(i * product.n + 2 * kPanel)], size_t(call.n) * sizeof(float)) == 0);
  }
}

}  // namespace orrery
