// Rotary position embedding (kernels/rotary.h).
#include "kernels/rotary.h"

#include "kernels/cpu/rows.h"

namespace orrery::cpu::ORRERY_ISA {

rotary_fn<float> rotary;

namespace {

// The pairs (a, b) turned by the angle whose cosine and sine are given.
struct Pairs {
  Floats a, b;
};
Pairs turned(Pairs p, Floats cosine, Floats sine) {
  return {fnma(p.b, sine, p.a * cosine), fma(p.a, sine, p.b * cosine)};
}

void turn_half_split(const float* x, float* y, const float* cosines, const float* sines, int64_t half, Floats sign) {
  each_vector(half, [&](int64_t i, auto lanes) {
    const Pairs out = turned({load(x + i, lanes), load(x + half + i, lanes)}, load(cosines + i, lanes),
                             load(sines + i, lanes) * sign);
    store(y + i, out.a, lanes);
    store(y + half + i, out.b, lanes);
  });
}

// Neighbours are taken apart into two vectors and put together again.
void turn_interleaved(const float* x, float* y, const float* cosines, const float* sines, int64_t half, Floats sign) {
  constexpr int64_t n = Floats::kLanes;
  for (int64_t i = 0; i < half; i += n) {
    const int64_t lanes = half - i < n ? half - i : n;
    alignas(64) float a[n] = {}, b[n] = {};
    for (int64_t k = 0; k < lanes; ++k) {
      a[k] = x[2 * (i + k)];
      b[k] = x[2 * (i + k) + 1];
    }
    const Pairs out =
        turned({Floats::load(a), Floats::load(b)}, load(cosines + i, lanes), load(sines + i, lanes) * sign);
    out.a.store(a);
    out.b.store(b);
    for (int64_t k = 0; k < lanes; ++k) {
      y[2 * (i + k)] = a[k];
      y[2 * (i + k) + 1] = b[k];
    }
  }
}

}  // namespace

void rotary(const Rotary<float>& args) {
  const int64_t half = args.rotary_dim / 2;
  const Floats sign = Floats::broadcast(args.inverse ? -1.0f : 1.0f);
  const auto turn = args.layout == RotaryLayout::half_split ? turn_half_split : turn_interleaved;
  for (int64_t r = 0; r < args.rows; ++r) {
    const float* const cosines = args.cosines + int64_t(args.positions[r]) * half;
    const float* const sines = args.sines + int64_t(args.positions[r]) * half;
    for (int64_t h = 0; h < args.heads; ++h) {
      const float* const x = args.x + r * args.x_stride + h * args.head_dim;
      float* const y = args.y + r * args.y_stride + h * args.head_dim;
      turn(x, y, cosines, sines, half, sign);
      if (x == y) continue;
      each_vector(args.head_dim - 2 * half,
                  [&](int64_t i, auto lanes) { store(y + 2 * half + i, load(x + 2 * half + i, lanes), lanes); });
    }
  }
}

}  // namespace orrery::cpu::ORRERY_ISA
