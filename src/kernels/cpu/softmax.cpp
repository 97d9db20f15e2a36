// Softmax of rows, and its gradient (kernels/softmax.h).
#include "kernels/softmax.h"

#include "kernels/cpu/rows.h"
#include "kernels/cpu/vec_math.h"

namespace orrery::cpu::ORRERY_ISA {

softmax_fn<float> softmax;
softmax_backward_fn<float> softmax_backward;

void softmax(const float* x, float* y, int64_t rows, int64_t cols) {
  for (int64_t r = 0; r < rows; ++r, x += cols, y += cols) {
    float top = row_max(x, cols);
    if (top == -__builtin_inff()) top = 0;  // exp(-inf - 0) is 0; -inf - -inf would be NaN
    const Floats max = constant(top);
    const float total = row_sum(cols, [&](int64_t i, auto lanes) {
      const Floats e = exp(load(x + i, lanes) - max);
      store(y + i, e, lanes);
      return e;
    });
    const Floats factor = constant(total == 0 ? 0 : 1 / total);
    each_vector(cols, [&](int64_t i, auto lanes) { store(y + i, load(y + i, lanes) * factor, lanes); });
  }
}

void softmax_backward(const float* y, const float* dy, float* dx, int64_t rows, int64_t cols) {
  for (int64_t r = 0; r < rows; ++r, y += cols, dy += cols, dx += cols) {
    const Floats dot =
        constant(row_sum(cols, [&](int64_t i, auto lanes) { return load(y + i, lanes) * load(dy + i, lanes); }));
    each_vector(cols,
                [&](int64_t i, auto lanes) { store(dx + i, load(y + i, lanes) * (load(dy + i, lanes) - dot), lanes); });
  }
}

}  // namespace orrery::cpu::ORRERY_ISA
