// Rotary position embedding, by the formula of kernels/rotary.h.
#include "kernels/rotary.h"

namespace orrery::reference {

template <class T>
void rotary(const Rotary<T>& args) {
  const int64_t half = args.rotary_dim / 2;
  for (int64_t r = 0; r < args.rows; ++r) {
    const T* const cosines = args.cosines + int64_t(args.positions[r]) * half;
    const T* const sines = args.sines + int64_t(args.positions[r]) * half;
    for (int64_t h = 0; h < args.heads; ++h) {
      const T* const x = args.x + r * args.x_stride + h * args.head_dim;
      T* const y = args.y + r * args.y_stride + h * args.head_dim;
      for (int64_t i = 0; i < half; ++i) {
        const bool split = args.layout == RotaryLayout::half_split;
        const int64_t first = split ? i : 2 * i, second = split ? i + half : 2 * i + 1;
        const T a = x[first], b = x[second], cosine = cosines[i], sine = args.inverse ? -sines[i] : sines[i];
        y[first] = a * cosine - b * sine;
        y[second] = a * sine + b * cosine;
      }
      for (int64_t i = args.rotary_dim; i < args.head_dim; ++i) y[i] = x[i];
    }
  }
}

template void rotary(const Rotary<float>&);
template void rotary(const Rotary<double>&);

}  // namespace orrery::reference
