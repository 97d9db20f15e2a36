// maxout: y[r, j] = max(x[r, 2j], x[r, 2j + 1]). Goodfellow et al. 2013, with pieces of two. Of equal ones the first counts; one that is no number does.
#include <cmath>

#include "graph/ops/support.h"

namespace orrery {

namespace {

void maxout_shape(ShapeContext& c) {
  c.expect(c.rank(0) == 2 && c.last(0).fixed() && c.last(0).factor % 2 == 0, "pairs of columns are wanted");
  c.output({c.input(0)[0], Dim{c.last(0).factor / 2, -1}});
}
template <class T>
bool takes_second(T first, T second) {
  return second > first || std::isnan(second);
}
template <class T>
void run_maxout(Call<T>& c) {
  c.ranges(c.out_count(), 8192, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const T first = c.in(0)[2 * i], second = c.in(0)[2 * i + 1];
      c.out()[i] = takes_second(first, second) ? second : first;
    }
  });
}
void maxout_gradient(Grad& g) { g.add(0, g.builder().node(maxout_backward_op(), {g.input(0), g.dy()})); }
void maxout_backward_shape(ShapeContext& c) {
  c.expect(c.rank(0) == 2 && c.input(1) == Dims{c.input(0)[0], Dim{c.last(0).factor / 2, -1}}, "the gradient is not that of pairs");
  c.output(c.input(0));
}
template <class T>
void run_maxout_backward(Call<T>& c) {
  c.ranges(c.count(1), 8192, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const bool second = takes_second(c.in(0)[2 * i], c.in(0)[2 * i + 1]);
      c.out()[2 * i] = second ? T(0) : c.in(1)[i];
      c.out()[2 * i + 1] = second ? c.in(1)[i] : T(0);
    }
  });
}

}  // namespace

const Op& maxout_op() {
  static const Op op = {.name = "maxout", .shape = maxout_shape, .gradient = maxout_gradient, .cost = elementwise_cost, ORRERY_RUN(run_maxout)};
  return op;
}
const Op& maxout_backward_op() {
  static const Op op = {.name = "maxout_backward", .shape = maxout_backward_shape, .cost = elementwise_cost, ORRERY_RUN(run_maxout_backward)};
  return op;
}

Value maxout(Value x) { return x.builder->node(maxout_op(), {x}); }

}  // namespace orrery
