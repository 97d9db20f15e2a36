// Matrix products over packed panels, by the formulas of kernels/matmul.h.
#include "kernels/matmul.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "kernels/reference/widen.h"

namespace orrery::reference {

namespace {

// Where b[p, j] is, in elements.
int64_t place(PanelFormat format, int64_t k, int64_t p, int64_t j) {
  const int64_t panel = j / kPanel, column = j % kPanel;
  if (format == PanelFormat::bf16_pairs) return ((panel * ((k + 1) / 2) + p / 2) * kPanel + column) * 2 + p % 2;
  return (panel * k + p) * kPanel + column;
}

template <class T>
T b_at(const Matmul<T>& product, int64_t p, int64_t j) {
  const int64_t at = place(product.format, product.k, p, j);
  switch (product.format) {
    case PanelFormat::bf16: case PanelFormat::bf16_pairs: return widened<T>(product.panels, DType::bf16, at);
    case PanelFormat::f16: return widened<T>(product.panels, DType::f16, at);
    case PanelFormat::own: case PanelFormat::q8: case PanelFormat::q4: break;
  }
  return static_cast<const T*>(product.panels)[at];
}

template <class T>
T rounded_to_bf16(T value) {
  return T(bf16_to_float(float_to_bf16(float(value))));
}

// ---- blocks -----------------------------------------------------------------------------------------------------------
struct RoundedBlock {
  float scale;
  int q[kBlockValues];
};
template <class At>
RoundedBlock rounded_block(At a) {
  RoundedBlock block;
  float largest = 0;
  bool finite = true;
  for (int i = 0; i < kBlockValues; ++i) {
    finite = finite && std::isfinite(a(i));
    largest = std::max(largest, std::abs(a(i)));
  }
  if (largest < 0x1p-120f) largest = 0;
  block.scale = finite ? largest / 127 : std::nanf("");
  const float inverse = finite && largest > 0 ? 127 / largest : 0;
  for (int i = 0; i < kBlockValues; ++i) block.q[i] = finite ? int(std::nearbyint(a(i) * inverse)) : 0;
  return block;
}

// Block `block` of panel `panel`, and what its bytes say for a column.
const std::byte* block_at(PanelFormat format, const void* panels, int64_t k, int64_t panel, int64_t block) {
  return static_cast<const std::byte*>(panels) + panel * panel_bytes(format, k) + block * panel_bytes(format, kBlockValues);
}
float scale_of(const std::byte* block, int64_t column) {
  uint16_t bits;
  std::memcpy(&bits, block + 2 * column, 2);
  return f16_to_float(bits);
}
int number_of(PanelFormat format, const std::byte* block, int64_t column, int64_t i) {
  const std::byte* q = block + 2 * kPanel;
  if (format == PanelFormat::q8) return int(q[i / 4 * 4 * kPanel + column * 4 + i % 4]) - 128;
  const int both = int(q[i % 16 / 4 * 4 * kPanel + column * 4 + i % 4]);
  return (i < 16 ? both & 15 : both >> 4) - 8;
}

void matmul_of_blocks(const Matmul<float>& product) {
  for (int64_t i = 0; i < product.m; ++i)
    for (int64_t j = 0; j < product.n; ++j) {
      float& c = product.c[i * product.c_stride + j];
      float sum = product.accumulate ? c : product.bias ? product.bias[j] : 0;
      for (int64_t b = 0; b < product.k / kBlockValues; ++b) {
        const RoundedBlock a = rounded_block([&](int64_t p) { return product.a[i * product.a_row_stride + (b * kBlockValues + p) * product.a_k_stride]; });
        const std::byte* block = block_at(product.format, product.panels, product.k, j / kPanel, b);
        int dot = 0;
        for (int64_t p = 0; p < kBlockValues; ++p) dot += a.q[p] * number_of(product.format, block, j % kPanel, p);
        sum = std::fma(float(dot), a.scale * scale_of(block, j % kPanel), sum);
      }
      c = sum;
    }
}

// The scale of a block of a file, and its 32 numbers: what it says with a scale of 1. Returns its size.
template <class Block>
int64_t numbers_of(const std::byte* at, uint16_t& scale, float* numbers) {
  Block block;
  std::memcpy(&block, at, sizeof block);
  scale = block.d;
  block.d = float_to_f16(1);
  decode(block, numbers);
  return int64_t(sizeof block);
}
int64_t numbers_of(BlockFormat format, const std::byte* at, uint16_t& scale, float* numbers) {
  switch (format) {
    case BlockFormat::q8_0: return numbers_of<BlockQ8_0>(at, scale, numbers);
    case BlockFormat::q5_0: return numbers_of<BlockQ5_0>(at, scale, numbers);
    default: return numbers_of<BlockQ4_0>(at, scale, numbers);   // the only other that has_panels
  }
}

}  // namespace

template <class T>
void pack_blocks(const std::byte* rows, BlockFormat from, int64_t k, int64_t n, std::byte* panels) {
  const PanelFormat to = panels_of(from);
  std::memset(panels, 0, size_t(packed_bytes(to, n, k)));
  for (int64_t j = 0; j < n; ++j)
    for (int64_t b = 0; b < k / kBlockValues; ++b) {
      std::byte* block = panels + j / kPanel * panel_bytes(to, k) + b * panel_bytes(to, kBlockValues);
      std::byte* q = block + 2 * kPanel;
      const int64_t column = j % kPanel;
      uint16_t scale;
      float numbers[kBlockValues];
      rows += numbers_of(from, rows, scale, numbers);
      std::memcpy(block + 2 * column, &scale, 2);
      for (int i = 0; i < kBlockValues; ++i) {
        if (to == PanelFormat::q8) q[i / 4 * 4 * kPanel + column * 4 + i % 4] = std::byte(int(numbers[i]) + 128);
        else q[i % 16 / 4 * 4 * kPanel + column * 4 + i % 4] |= std::byte((int(numbers[i]) + 8) << (i < 16 ? 0 : 4));
      }
    }
}

template <class T>
void pack_panels(const void* source, DType from, int64_t k_stride, int64_t n_stride, int64_t k, int64_t n, void* panels,
                 PanelFormat to) {
  const bool pairs = to == PanelFormat::bf16_pairs, keeps = to == PanelFormat::bf16 || to == PanelFormat::f16;
  for (int64_t j = 0; j < packed_size(n, 1); ++j)
    for (int64_t p = 0; p < (pairs ? (k + 1) / 2 * 2 : k); ++p) {
      const bool there = j < n && p < k;
      const int64_t in = p * k_stride + j * n_stride, out = place(to, k, p, j);
      if (keeps)
        static_cast<uint16_t*>(panels)[out] = there ? static_cast<const uint16_t*>(source)[in] : uint16_t(0);
      else if (pairs)
        static_cast<uint16_t*>(panels)[out] = there ? float_to_bf16(float(widened<T>(source, from, in))) : uint16_t(0);
      else
        static_cast<T*>(panels)[out] = there ? widened<T>(source, from, in) : T(0);
    }
}

template <class T>
void matmul(const Matmul<T>& product) {
  if constexpr (std::is_same_v<T, float>)
    if (is_blocks(product.format)) return matmul_of_blocks(product);
  const bool pairs = product.format == PanelFormat::bf16_pairs;
  for (int64_t i = 0; i < product.m; ++i)
    for (int64_t j = 0; j < product.n; ++j) {
      T& c = product.c[i * product.c_stride + j];
      T sum = product.accumulate ? c : product.bias ? product.bias[j] : T(0);
      const auto a = [&](int64_t p) { return p < product.k ? product.a[i * product.a_row_stride + p * product.a_k_stride] : T(0); };
      if (pairs)
        for (int64_t p = 0; p < product.k; p += 2)
          for (const int64_t q : {p + 1, p}) sum += rounded_to_bf16(a(q)) * b_at(product, q, j);
      else
        for (int64_t p = 0; p < product.k; ++p) sum += a(p) * b_at(product, p, j);
      c = sum;
    }
}

template void pack_blocks<float>(const std::byte*, BlockFormat, int64_t, int64_t, std::byte*);
template void pack_blocks<double>(const std::byte*, BlockFormat, int64_t, int64_t, std::byte*);
template void pack_panels<float>(const void*, DType, int64_t, int64_t, int64_t, int64_t, void*, PanelFormat);
template void pack_panels<double>(const void*, DType, int64_t, int64_t, int64_t, int64_t, void*, PanelFormat);
template void matmul(const Matmul<float>&);
template void matmul(const Matmul<double>&);

}  // namespace orrery::reference
