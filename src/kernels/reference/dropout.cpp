// Dropout, by the formula of kernels/dropout.h.
#include "kernels/dropout.h"

#include "base/random.h"

namespace orrery::reference {

template <class T>
void dropout(const T* x, T* y, int64_t rows, int64_t cols, const Dropout& dropout) {
  const T keep = T(1 / (1 - double(dropout.probability)));
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < cols; ++c) {
      const Counter bits =
          philox(dropout.seed, {dropout.stream, dropout.sequences[r], uint32_t(dropout.positions[r]), uint32_t(c / 4)});
      const bool drop = uniform(bits[size_t(c % 4)]) < dropout.probability;
      y[r * cols + c] = drop ? T(0) : x[r * cols + c] * keep;
    }
}

template void dropout(const float*, float*, int64_t, int64_t, const Dropout&);
template void dropout(const double*, double*, int64_t, int64_t, const Dropout&);

}  // namespace orrery::reference
