// round_to: each element as the cache's dtype would keep it, bf16 or f16, so that keys and values are the same with and without a
// cache. Its gradient is passed on as it is; in double nothing is rounded.
#include <cstring>

#include "graph/ops/support.h"

namespace orrery {

namespace {

template <class T>
void run_round_to(Call<T>& c) {
  const DType dtype = *dtype_named(c.attributes().text("dtype"));
  if (sizeof(T) == 8) {
    std::memcpy(c.out(), c.in(0), size_t(c.count(0)) * sizeof(T));
    return;
  }
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
