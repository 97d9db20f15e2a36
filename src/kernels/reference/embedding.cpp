// Rows of a table by index, and the gradient of that, by the formulas of kernels/embedding.h.
#include "kernels/embedding.h"

namespace orrery::reference {

template <class T>
void gather_rows(const void* table, DType dtype, const int32_t* ids, T* y, int64_t rows, int64_t cols) {
  const auto element = [&](int64_t i) {
    switch (dtype) {
      case DType::bf16: return T(bf16_to_float(static_cast<const uint16_t*>(table)[i]));
      case DType::f16: return T(f16_to_float(static_cast<const uint16_t*>(table)[i]));
      default: return static_cast<const T*>(table)[i];
    }
  };
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < cols; ++c) y[r * cols + c] = ids[r] < 0 ? T(0) : element(int64_t(ids[r]) * cols + c);
}

template <class T>
void scatter_add(const int32_t* ids, const T* dy, T* table, int64_t rows, int64_t cols, int64_t begin, int64_t end) {
  for (int64_t r = 0; r < rows; ++r) {
    if (ids[r] < 0) continue;
    for (int64_t c = begin; c < end; ++c) table[int64_t(ids[r]) * cols + c] += dy[r * cols + c];
  }
}

#define INSTANTIATE(T)                                                                 \
  template void gather_rows(const void*, DType, const int32_t*, T*, int64_t, int64_t); \
  template void scatter_add(const int32_t*, const T*, T*, int64_t, int64_t, int64_t, int64_t);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace orrery::reference
