// round_to: each element as the cache's dtype would keep it (bf16, f16, i8: heads in blocks of q8_0), so that keys and values are the same with and without a
// cache. Its gradient is passed on as it is; in double nothing is rounded.
#include <cstring>

#include "graph/ops/support.h"
#include "kernels/attention.h"
#include "kernels/scaled_block.h"

namespace orrery {

namespace {

template <class T>
void round_heads(Call<T>& c) {
  const int64_t dim = c.attributes().integer("head_dim");
  c.ranges(c.count(0) / dim, 256, [&](int64_t begin, int64_t end) {
    for (int64_t head = begin; head < end; ++head)
      for (int64_t x = 0; x < dim; x += kScaledElements) {
        const int64_t count = std::min(kScaledElements, dim - x);
        float rounded[BlockQ8_0::kValues];
        decode(scaled_block(c.in(0) + head * dim + x, count), rounded);
        std::copy_n(rounded, count, c.out() + head * dim + x);
      }
  });
}

template <class T>
void run_round_to(Call<T>& c) {
  const DType dtype = *dtype_named(c.attributes().text("dtype"));
  if (sizeof(T) == 8) {
    std::memcpy(c.out(), c.in(0), size_t(c.count(0)) * sizeof(T));
    return;
  }
  if (dtype == DType::i8) return round_heads(c);
  c.ranges(c.count(0), 16384, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float x = float(c.in(0)[i]);
      c.out()[i] = T(dtype == DType::bf16 ? bf16_to_float(float_to_bf16(x)) : dtype == DType::f16 ? f16_to_float(float_to_f16(x)) : x);
    }
  });
}
void round_to_gradient(Grad& g) { g.add(0, g.dy()); }

}  // namespace

const Op& round_to_op() {
  static const Op op = {.name = "round_to", .shape = same_as_input, .gradient = round_to_gradient, .cost = elementwise_cost, ORRERY_RUN(run_round_to), .in_place = 0};
  return op;
}

}  // namespace orrery
