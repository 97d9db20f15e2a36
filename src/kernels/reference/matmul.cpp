// Matrix products over packed panels, by the formulas of kernels/matmul.h.
#include "kernels/matmul.h"

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
    case PanelFormat::own: break;
  }
  return static_cast<const T*>(product.panels)[at];
}

template <class T>
T rounded_to_bf16(T value) {
  return T(bf16_to_float(float_to_bf16(float(value))));
}

}  // namespace

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

template void pack_panels<float>(const void*, DType, int64_t, int64_t, int64_t, int64_t, void*, PanelFormat);
template void pack_panels<double>(const void*, DType, int64_t, int64_t, int64_t, int64_t, void*, PanelFormat);
template void matmul(const Matmul<float>&);
template void matmul(const Matmul<double>&);

}  // namespace orrery::reference
