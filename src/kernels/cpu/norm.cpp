// LayerNorm, RMSNorm and their gradients (kernels/norm.h).
#include "kernels/norm.h"

#include <type_traits>

#include "kernels/cpu/rows.h"
#include "kernels/cpu/vec_math.h"

namespace orrery::cpu::ORRERY_ISA {

layer_norm_fn<float> layer_norm;
layer_norm_backward_fn<float> layer_norm_backward;
layer_norm_backward_weights_fn<float> layer_norm_backward_weights;
rms_norm_fn<float> rms_norm;
rms_norm_backward_fn<float> rms_norm_backward;
rms_norm_backward_weights_fn<float> rms_norm_backward_weights;

namespace {

// 1 / sqrt(variance + eps) in every lane.
Floats reciprocal_deviation(float variance, float eps) { return constant(1.0f) / sqrt(constant(variance + eps)); }

// dw[c] += dy[r, c] * xhat(r, c, lanes) and db[c] += dy[r, c] over ascending rows, c in [begin, end). Four rows at a
// time, each added in its turn, so that dw is read and written once for the four.
template <class Normalised>
void add_weight_gradients(const float* dy, float* dw, float* db, int64_t rows, int64_t cols, int64_t begin, int64_t end,
                          bool accumulate, Normalised xhat) {
  const auto add_rows = [&](int64_t first, auto count) {
    each_vector(end - begin, [&](int64_t i, auto lanes) {
      const int64_t c = begin + i;
      const bool fresh = first == 0 && !accumulate;
      Floats sum_w = fresh ? Floats::zero() : load(dw + c, lanes);
      Floats sum_b = fresh || !db ? Floats::zero() : load(db + c, lanes);
      for (int64_t r = first; r < first + count; ++r) {
        const Floats g = load(dy + r * cols + c, lanes);
        sum_w = fma(g, xhat(r, c, lanes), sum_w);
        sum_b = sum_b + g;
      }
      store(dw + c, sum_w, lanes);
      if (db) store(db + c, sum_b, lanes);
    });
  };
  int64_t r = 0;
  for (; r + 4 <= rows; r += 4) add_rows(r, std::integral_constant<int64_t, 4>{});
  if (r < rows || rows == 0) add_rows(r, rows - r);
}

}  // namespace

void layer_norm(const float* x, const float* w, const float* b, float* y, float* mean, float* rstd, int64_t rows,
                int64_t cols, float eps) {
  for (int64_t r = 0; r < rows; ++r, x += cols, y += cols) {
    const float average = row_sum(cols, [&](int64_t i, auto lanes) { return load(x + i, lanes); }) / float(cols);
    const Floats m = constant(average);
    const float squares = row_sum(cols, [&](int64_t i, auto lanes) {
      const Floats d = load(x + i, lanes) - m;
      return d * d;
    });
    const Floats s = reciprocal_deviation(squares / float(cols), eps);
    each_vector(cols, [&](int64_t i, auto lanes) {
      const Floats shift = b ? load(b + i, lanes) : Floats::zero();
      store(y + i, fma((load(x + i, lanes) - m) * s, load(w + i, lanes), shift), lanes);
    });
    if (mean) mean[r] = average;
    if (rstd) s.store(rstd + r, 1);
  }
}

void layer_norm_backward(const float* x, const float* w, const float* mean, const float* rstd, const float* dy,
                         float* dx, int64_t rows, int64_t cols) {
  for (int64_t r = 0; r < rows; ++r, x += cols, dy += cols, dx += cols) {
    const Floats m = constant(mean[r]), s = constant(rstd[r]);
    const auto g = [&](int64_t i, auto lanes) { return load(dy + i, lanes) * load(w + i, lanes); };
    const auto xhat = [&](int64_t i, auto lanes) { return (load(x + i, lanes) - m) * s; };
    const Floats mean_g = constant(row_sum(cols, g) / float(cols));
    const float dot = row_sum(cols, [&](int64_t i, auto lanes) { return g(i, lanes) * xhat(i, lanes); });
    const Floats mean_gx = constant(dot / float(cols));
    each_vector(cols, [&](int64_t i, auto lanes) {
      store(dx + i, s * fnma(xhat(i, lanes), mean_gx, g(i, lanes) - mean_g), lanes);
    });
  }
}

void layer_norm_backward_weights(const float* x, const float* mean, const float* rstd, const float* dy, float* dw,
                                 float* db, int64_t rows, int64_t cols, int64_t begin, int64_t end, bool accumulate) {
  add_weight_gradients(dy, dw, db, rows, cols, begin, end, accumulate, [&](int64_t r, int64_t c, auto lanes) {
    return (load(x + r * cols + c, lanes) - constant(mean[r])) * constant(rstd[r]);
  });
}

void rms_norm(const float* x, const float* w, float* y, float* rstd, int64_t rows, int64_t cols, float eps,
              float offset) {
  for (int64_t r = 0; r < rows; ++r, x += cols, y += cols) {
    const float squares = row_sum(cols, [&](int64_t i, auto lanes) {
      const Floats v = load(x + i, lanes);
      return v * v;
    });
    const Floats s = reciprocal_deviation(squares / float(cols), eps);
    each_vector(cols, [&](int64_t i, auto lanes) {
      store(y + i, load(x + i, lanes) * s * (load(w + i, lanes) + constant(offset)), lanes);
    });
    if (rstd) s.store(rstd + r, 1);
  }
}

void rms_norm_backward(const float* x, const float* w, const float* rstd, const float* dy, float* dx, int64_t rows,
                       int64_t cols, float offset) {
  for (int64_t r = 0; r < rows; ++r, x += cols, dy += cols, dx += cols) {
    const Floats s = constant(rstd[r]);
    const auto g = [&](int64_t i, auto lanes) { return load(dy + i, lanes) * (load(w + i, lanes) + constant(offset)); };
    const auto xhat = [&](int64_t i, auto lanes) { return load(x + i, lanes) * s; };
    const float dot = row_sum(cols, [&](int64_t i, auto lanes) { return g(i, lanes) * xhat(i, lanes); });
    const Floats mean_gx = constant(dot / float(cols));
    each_vector(cols,
                [&](int64_t i, auto lanes) { store(dx + i, s * fnma(xhat(i, lanes), mean_gx, g(i, lanes)), lanes); });
  }
}

void rms_norm_backward_weights(const float* x, const float* rstd, const float* dy, float* dw, int64_t rows,
                               int64_t cols, int64_t begin, int64_t end, bool accumulate) {
  add_weight_gradients(dy, dw, nullptr, rows, cols, begin, end, accumulate, [&](int64_t r, int64_t c, auto lanes) {
    return load(x + r * cols + c, lanes) * constant(rstd[r]);
  });
}

}  // namespace orrery::cpu::ORRERY_ISA
