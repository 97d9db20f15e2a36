// Functions of single elements, and sums over columns (kernels/elementwise.h). A loop is written once over the functions
// of functions.h and built once for each of them.
#include "kernels/elementwise.h"

#include <type_traits>

#include "kernels/cpu/functions.h"
#include "kernels/cpu/rows.h"

namespace orrery::cpu::ORRERY_ISA {

unary_fn<float> unary;
unary_backward_fn<float> unary_backward;
binary_fn<float> binary;
binary_row_fn<float> binary_row;
scale_fn<float> scale;
gated_fn<float> gated;
gated_backward_fn<float> gated_backward;
column_sum_fn<float> column_sum;

void unary(Unary kind, const float* x, float* y, int64_t count) {
  with_function(kind, [&](auto function) {
    each_vectors(count, [&](int64_t i, auto lanes) { store(y + i, function.value(load(x + i, lanes)), lanes); });
  });
}

void unary_backward(Unary kind, const float* x, const float* dy, float* dx, int64_t count) {
  with_function(kind, [&](auto function) {
    each_vectors(count, [&](int64_t i, auto lanes) {
      store(dx + i, function.derivative(load(x + i, lanes)) * load(dy + i, lanes), lanes);
    });
  });
}

void binary(Binary kind, const float* a, const float* b, float* y, int64_t count) {
  with_operation(kind, [&](auto operation) {
    each_vector(count,
                [&](int64_t i, auto lanes) { store(y + i, operation(load(a + i, lanes), load(b + i, lanes)), lanes); });
  });
}

void binary_row(Binary kind, const float* a, const float* b, float* y, int64_t rows, int64_t cols) {
  with_operation(kind, [&](auto operation) {
    for (int64_t r = 0; r < rows; ++r)
      each_vector(cols, [&](int64_t i, auto lanes) {
        store(y + r * cols + i, operation(load(a + r * cols + i, lanes), load(b + i, lanes)), lanes);
      });
  });
}

void scale(const float* x, float factor, float offset, float* y, int64_t count) {
  const Floats f = constant(factor), o = constant(offset);
  each_vector(count, [&](int64_t i, auto lanes) { store(y + i, load(x + i, lanes) * f + o, lanes); });
}

void gated(Unary kind, const float* gate, const float* up, int64_t in_stride, float* y, int64_t out_stride,
           int64_t rows, int64_t cols) {
  with_function(kind, [&](auto function) {
    for (int64_t r = 0; r < rows; ++r)
      each_vectors(cols, [&](int64_t i, auto lanes) {
        const auto g = load(gate + r * in_stride + i, lanes), u = load(up + r * in_stride + i, lanes);
        store(y + r * out_stride + i, function.value(g) * u, lanes);
      });
  });
}

void gated_backward(Unary kind, const float* gate, const float* up, int64_t in_stride, const float* dy,
                    int64_t dy_stride, float* dgate, float* dup, int64_t grad_stride, int64_t rows, int64_t cols) {
  with_function(kind, [&](auto function) {
    for (int64_t r = 0; r < rows; ++r)
      each_vectors(cols, [&](int64_t i, auto lanes) {
        const auto g = load(gate + r * in_stride + i, lanes), u = load(up + r * in_stride + i, lanes);
        const auto d = load(dy + r * dy_stride + i, lanes);
        store(dgate + r * grad_stride + i, d * u * function.derivative(g), lanes);
        store(dup + r * grad_stride + i, d * function.value(g), lanes);
      });
  });
}

void column_sum(const float* x, int64_t stride, float* y, int64_t rows, int64_t begin, int64_t end, bool accumulate) {
  // Four rows at a time, each added in its turn, so that y is read and written once for the four.
  const auto add_rows = [&](int64_t first, auto count) {
    each_vector(end - begin, [&](int64_t i, auto lanes) {
      const int64_t c = begin + i;
      Floats sum = first == 0 && !accumulate ? Floats::zero() : load(y + c, lanes);
      for (int64_t r = first; r < first + count; ++r) sum = sum + load(x + r * stride + c, lanes);
      store(y + c, sum, lanes);
    });
  };
  int64_t r = 0;
  for (; r + 4 <= rows; r += 4) add_rows(r, std::integral_constant<int64_t, 4>{});
  if (r < rows || rows == 0) add_rows(r, rows - r);
}

}  // namespace orrery::cpu::ORRERY_ISA
