// Matrix products over packed panels, by the formulas of kernels/matmul.h.
#include "kernels/matmul.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>
#include <vector>

#include "kernels/reference/matmul_int8.h"
#include "kernels/reference/operand.h"
#include "kernels/reference/widen.h"

namespace orrery::reference {

namespace {

// Where b[p, j] is, in elements.
int64_t place(PanelFormat format, int64_t k, int64_t p, int64_t j) {
  const int64_t panel = j / kPanel, column = j % kPanel;
  if (has_pairs(format)) return ((panel * ((k + 1) / 2) + p / 2) * kPanel + column) * 2 + p % 2;
  return (panel * k + p) * kPanel + column;
}

template <class T>
T b_at(const Matmul<T>& product, int64_t p, int64_t j) {
  const int64_t at = place(product.format, product.k, p, j);
  switch (product.format) {
    case PanelFormat::bf16: case PanelFormat::bf16_pairs: case PanelFormat::bf16_split: return widened<T>(product.panels, DType::bf16, at);
    case PanelFormat::f16: return widened<T>(product.panels, DType::f16, at);
    default: break;
  }
  return static_cast<const T*>(product.panels)[at];
}

// ---- blocks -----------------------------------------------------------------------------------------------------------
// The blocks that are rounded together, of a(0), a(1), …
template <class At>
void round_group(At a, const BlockLayout& layout, RowBlock* out, int32_t& sizes) {
  float largest = 0;
  bool finite = true;
  for (int64_t i = 0; i < layout.together * kBlockValues; ++i) {
    finite = finite && std::isfinite(a(i));
    largest = std::max(largest, std::abs(a(i)));
  }
  if (largest < 0x1p-120f) largest = 0;
  const float inverse = finite && largest > 0 ? 127 / largest : 0;
  for (int64_t b = 0; b < layout.together; ++b) {
    RowBlock& block = out[b] = {};
    block.scale = finite ? largest / 127 : std::nanf("");
    if (!finite) continue;
    int total = 0, size = 0;
    for (int64_t i = 0; i < kBlockValues; ++i) {
      block.q[i] = int8_t(std::nearbyint(a(b * kBlockValues + i) * inverse));
      total += block.q[i];
      size += std::abs(block.q[i]);
      block.start[i * layout.parts / kBlockValues] -= layout.offset * block.q[i];
    }
    if (layout.together == 1) block.total = float(total) * block.scale;
    else if (b % 2 == 0) block.totals = total & 0xffff;
    else out[b - 1].totals |= int32_t(uint32_t(total) << 16);
    sizes = std::max(sizes, size);
  }
}
template <class At>
void round_row(At a, int64_t k, const BlockLayout& layout, RowBlock* out) {
  const int64_t values = layout.together * kBlockValues;
  int32_t sizes = 0;
  for (int64_t p = 0; p < k; p += values) round_group([&](int64_t i) { return a(p + i); }, layout, out + p / kBlockValues, sizes);
  if (layout.together > 1 && k > 0) out[1].sizes = sizes;
}

// A column of block `block` of its panel, by the layout that kernels/matmul.h describes.
class BlockColumn {
 public:
  BlockColumn(PanelFormat format, const void* panels, int64_t k, int64_t j, int64_t block)
      : layout_(layout_of(format)), column_(j % kPanel), group_(static_cast<const std::byte*>(panels) + j / kPanel * panel_bytes(format, k) + block / layout_.together * layout_.group_bytes()),
        block_(group_ + layout_.head_bytes() + block % layout_.together * layout_.block_bytes()) {}
  float scale(int part) const { return layout_.together > 1 ? float(int8_t(block_[part * kPanel + column_])) : half(0); }
  float min() const { return layout_.together > 1 ? float(int(block_[layout_.parts * kPanel + column_])) : half(1); }
  float group_scale() const { return half(0); }
  float group_min() const { return -half(1); }
  int number(int64_t p) const {
    if (layout_.bits == 8) return byte(p / 4, p) - layout_.offset;
    const int low = p < 16 ? byte(p / 4, p) & 15 : byte(p / 4 - 4, p) >> 4;
    const int high = layout_.bits == 5 ? byte(4, p) >> (p / 4) & 1 : layout_.bits == 6 ? byte(4 + p / 16, p) >> (2 * (p / 4 % 4)) & 3 : 0;
    return (low | high << 4) - layout_.offset;
  }

 private:
  float half(int which) const {
    uint16_t bits;
    std::memcpy(&bits, group_ + 2 * (which * kPanel + column_), 2);
    return f16_to_float(bits);
  }
  int byte(int64_t word, int64_t p) const { return int(block_[layout_.scale_bytes() + (word * kPanel + column_) * 4 + p % 4]); }
  BlockLayout layout_;
  int64_t column_;
  const std::byte *group_, *block_;
};

void matmul_of_blocks(const Matmul<float>& product) {
  const BlockLayout layout = layout_of(product.format);
  static thread_local std::vector<RowBlock> row;   // kept, so that a step of writing allocates nothing
  row.resize(size_t(product.k / kBlockValues));
  for (int64_t i = 0; i < product.m; ++i) {
    round_row([&](int64_t p) { return product.a[i * product.a_row_stride + p * product.a_k_stride]; }, product.k, layout, row.data());
    for (int64_t j = 0; j < product.n; ++j) {
      float& c = product.c[i * product.c_stride + j];
      float sum = product.accumulate ? c : product.bias ? product.bias[j] : 0, of_group = 0;
      int mins_of_group = 0;
      for (int64_t b = 0; b < product.k / kBlockValues; ++b) {
        const RowBlock& a = row[size_t(b)];
        const BlockColumn column(product.format, product.panels, product.k, j, b);
        const auto dot = [&](int part) {
          int found = 0;
          for (int64_t p = part * kBlockValues / layout.parts; p < (part + 1) * kBlockValues / layout.parts; ++p) found += a.q[p] * column.number(p);
          return float(found);
        };
        if (layout.together == 1) {
          for (int part = 0; part < layout.parts; ++part) sum = std::fma(dot(part), a.scale * column.scale(part), sum);
          if (layout.mins) sum = std::fma(a.total, column.min(), sum);
          continue;
        }
        for (int part = 0; part < layout.parts; ++part) of_group = std::fma(dot(part), column.scale(part), of_group);
        if (layout.mins)
          for (const int8_t q : a.q) mins_of_group += q * int(column.min());
        if ((b + 1) % layout.together == 0) {
          of_group *= column.group_scale();
          if (layout.mins) of_group = std::fma(float(mins_of_group), column.group_min(), of_group);
          sum = std::fma(of_group, a.scale, sum);
          of_group = 0, mins_of_group = 0;
        }
      }
      c = sum;
    }
  }
}

}  // namespace

template <class T>
void pack_panels(const void* source, DType from, int64_t k_stride, int64_t n_stride, int64_t k, int64_t n, void* panels,
                 PanelFormat to) {
  if (to == PanelFormat::int8) return pack_int8(k, n, static_cast<std::byte*>(panels), [&](int64_t p, int64_t j) { return float(widened<T>(source, from, p * k_stride + j * n_stride)); });
  const bool pairs = has_pairs(to), keeps = to == PanelFormat::bf16 || to == PanelFormat::f16;
  for (int64_t j = 0; j < packed_size(n, 1); ++j)
    for (int64_t p = 0; p < (pairs ? (k + 1) / 2 * 2 : k); ++p) {
      const bool there = j < n && p < k;
      const int64_t in = p * k_stride + j * n_stride, out = place(to, k, p, j);
      if (keeps)
        static_cast<uint16_t*>(panels)[out] = there ? static_cast<const uint16_t*>(source)[in] : uint16_t(0);
      else if (pairs)
        static_cast<uint16_t*>(panels)[out] = there ? as_operand(widened<T>(source, from, in)) : uint16_t(0);
      else
        static_cast<T*>(panels)[out] = there ? widened<T>(source, from, in) : T(0);
    }
}

template <class T>
void round_rows(const T* a, int64_t row_stride, int64_t k_stride, int64_t m, int64_t k, PanelFormat format, void* rounded) {
  const auto at = [&](int64_t i, int64_t p) { return float(a[i * row_stride + p * k_stride]); };
  if (format == PanelFormat::int8) return round_int8_rows(m, k, static_cast<std::byte*>(rounded), at);
  if (format == PanelFormat::bf16_pairs) {
    auto* numbers = static_cast<uint16_t*>(rounded);
    for (int64_t i = 0; i < m; ++i)
      for (int64_t p = 0; p < (k + 1) / 2 * 2; ++p) *numbers++ = p < k ? as_operand(at(i, p)) : uint16_t(0);
    return;
  }
  auto* out = static_cast<RowBlock*>(rounded);
  for (int64_t i = 0; i < m; ++i, out += k / kBlockValues) round_row([&](int64_t p) { return at(i, p); }, k, layout_of(format), out);
}

template <class T>
void matmul(const Matmul<T>& product) {
  if constexpr (std::is_same_v<T, float>) {
    if (is_blocks(product.format)) return matmul_of_blocks(product);
    if (product.format == PanelFormat::int8) return matmul_of_int8(product);
  }
  const bool pairs = product.format == PanelFormat::bf16_pairs;
  for (int64_t i = 0; i < product.m; ++i)
    for (int64_t j = 0; j < product.n; ++j) {
      T& c = product.c[i * product.c_stride + j];
      T sum = product.accumulate ? c : product.bias ? product.bias[j] : T(0);
      const auto a = [&](int64_t p) {
        if (pairs && product.rounded) return T(bf16_to_float(static_cast<const uint16_t*>(product.rounded)[i * ((product.k + 1) / 2 * 2) + p]));
        return p < product.k ? product.a[i * product.a_row_stride + p * product.a_k_stride] : T(0);
      };
      if (pairs)
        for (int64_t p = 0; p < product.k; p += 2)
          for (const int64_t q : {p + 1, p}) sum = flushed(std::fma(T(bf16_to_float(as_operand(a(q)))), flushed(b_at(product, q, j)), flushed(sum)));
      else
        for (int64_t p = 0; p < product.k; ++p) sum += a(p) * b_at(product, p, j);
      c = sum;
    }
}

template void pack_panels<float>(const void*, DType, int64_t, int64_t, int64_t, int64_t, void*, PanelFormat);
template void pack_panels<double>(const void*, DType, int64_t, int64_t, int64_t, int64_t, void*, PanelFormat);
template void round_rows<float>(const float*, int64_t, int64_t, int64_t, int64_t, PanelFormat, void*);
template void round_rows<double>(const double*, int64_t, int64_t, int64_t, int64_t, PanelFormat, void*);
template void matmul(const Matmul<float>&);
template void matmul(const Matmul<double>&);

}  // namespace orrery::reference
