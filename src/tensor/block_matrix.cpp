#include "tensor/block_matrix.h"

namespace orrery {

Tensor BlockMatrix::values() const {
  Tensor values = Tensor::zeros(DType::f32, shape());
  float* out = values.mutable_data<float>();
  std::vector<float> kept(turned ? size_t(cols) : 0);
  for (int64_t r = 0; r < rows; ++r) {
    dequantise(format, row(r), turned ? kept.data() : out + r * cols, cols);
    if (turned)
      for (int64_t c = 0; c < cols; ++c) out[c * rows + r] = kept[size_t(c)];
  }
  return values;
}

Tensor BlockMatrix::row_values(int64_t first, int64_t count) const {
  Tensor values = Tensor::zeros(DType::f32, {count, cols});
  for (int64_t r = 0; r < count; ++r) dequantise(format, row(first + r), values.mutable_data<float>() + r * cols, cols);
  return values;
}

}  // namespace orrery
