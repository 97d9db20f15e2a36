// Matrix products over packed panels, by the formulas of kernels/matmul.h.
#include "kernels/matmul.h"

#include "kernels/reference/widen.h"

namespace orrery::reference {

template <class T>
void pack_panels(const void* source, DType from, int64_t k_stride, int64_t n_stride, int64_t k, int64_t n, void* panels,
                 DType to) {
  const bool keep16 = size_of(to) == 2;  // then from == to, and the bits are copied
  for (int64_t j = 0; j < packed_size(n, 1); ++j)
    for (int64_t p = 0; p < k; ++p) {
      const int64_t in = p * k_stride + j * n_stride;
      const int64_t out = (j / kPanel * k + p) * kPanel + j % kPanel;
      if (keep16)
        static_cast<uint16_t*>(panels)[out] = j < n ? static_cast<const uint16_t*>(source)[in] : uint16_t(0);
      else
        static_cast<T*>(panels)[out] = j < n ? widened<T>(source, from, in) : T(0);
    }
}

template <class T>
void matmul(const Matmul<T>& product) {
  for (int64_t i = 0; i < product.m; ++i)
    for (int64_t j = 0; j < product.n; ++j) {
      T& c = product.c[i * product.c_stride + j];
      T sum = product.accumulate ? c : product.bias ? product.bias[j] : T(0);
      for (int64_t p = 0; p < product.k; ++p) {
        const int64_t b = (j / kPanel * product.k + p) * kPanel + j % kPanel;
        sum += product.a[i * product.a_row_stride + p * product.a_k_stride] *
               widened<T>(product.panels, product.panel_dtype, b);
      }
      c = sum;
    }
}

template void pack_panels<float>(const void*, DType, int64_t, int64_t, int64_t, int64_t, void*, DType);
template void pack_panels<double>(const void*, DType, int64_t, int64_t, int64_t, int64_t, void*, DType);
template void matmul(const Matmul<float>&);
template void matmul(const Matmul<double>&);

}  // namespace orrery::reference
