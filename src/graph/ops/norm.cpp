// layer_norm, rms_norm and softmax over the last axis, with their gradients. Formulas: kernels/norm.h, kernels/softmax.h.
#include "graph/ops/support.h"

namespace orrery {

namespace {

// Outputs: y, and the statistics that the backward pass reads (mean and rstd, or rstd), one per row.
void layer_norm_shape(ShapeContext& c) {
  c.expect(c.rank(0) == 2 && c.rank(1) == 1 && c.last(1) == c.last(0), "the weight does not have one entry per column");
  if (c.has(2)) c.expect(c.rank(2) == 1 && c.last(2) == c.last(0), "the bias does not have one entry per column");
  c.output(c.input(0));
  c.output({c.input(0)[0]});
  c.output({c.input(0)[0]});
}
template <class T>
void run_layer_norm(Call<T>& c) {
  const int64_t cols = c.cols();
  const T eps = T(c.attributes().number("eps"));
  c.row_ranges(c.rows(), cols, [&](int64_t begin, int64_t end) {
    c.k().layer_norm(c.in(0) + begin * cols, c.in(1), c.in(2), c.out(0) + begin * cols, c.out(1) + begin, c.out(2) + begin, end - begin, cols, eps);
  });
}
void layer_norm_gradient(Grad& g) {
  Builder& b = g.builder();
  const Value mean = g.output(1), rstd = g.output(2);
  if (g.wants(1) || g.wants(2)) {
    const auto dwb = b.node_outputs(layer_norm_backward_weights_op(), {g.input(0), mean, rstd, g.dy()});
    if (g.wants(1)) g.add(1, dwb[0]);
    if (g.wants(2)) g.add(2, dwb[1]);
  }
  if (g.wants(0)) g.add(0, b.node(layer_norm_backward_op(), {g.input(0), g.input(1), mean, rstd, g.dy()}));
}
template <class T>
void run_layer_norm_backward(Call<T>& c) {
  const int64_t cols = c.cols();
  c.row_ranges(c.rows(), cols, [&](int64_t begin, int64_t end) {
    c.k().layer_norm_backward(c.in(0) + begin * cols, c.in(1), c.in(2) + begin, c.in(3) + begin, c.in(4) + begin * cols, c.out() + begin * cols, end - begin, cols);
  });
}
void norm_weights_shape(ShapeContext& c) {
  c.output({c.last(0)});
  c.output({c.last(0)});
}
template <class T>
void run_layer_norm_backward_weights(Call<T>& c) {
  const int64_t rows = c.rows(), cols = c.cols();
  c.ranges(cols, std::max<int64_t>(64, 65536 / std::max<int64_t>(1, rows)), [&](int64_t begin, int64_t end) {
    c.k().layer_norm_backward_weights(c.in(0), c.in(1), c.in(2), c.in(3), c.out(0), c.out(1), rows, cols, begin, end, false);
  });
}

void rms_norm_shape(ShapeContext& c) {
  c.expect(c.rank(0) == 2 && c.rank(1) == 1 && c.last(1) == c.last(0), "the weight does not have one entry per column");
  c.output(c.input(0));
  c.output({c.input(0)[0]});
}
template <class T>
void run_rms_norm(Call<T>& c) {
  const int64_t cols = c.cols();
  const T eps = T(c.attributes().number("eps")), offset = T(c.attributes().number("offset"));
  c.row_ranges(c.rows(), cols, [&](int64_t begin, int64_t end) {
    c.k().rms_norm(c.in(0) + begin * cols, c.in(1), c.out(0) + begin * cols, c.out(1) + begin, end - begin, cols, eps, offset);
  });
}
void rms_norm_gradient(Grad& g) {
  Builder& b = g.builder();
  if (g.wants(1)) g.add(1, b.node(rms_norm_backward_weights_op(), {g.input(0), g.output(1), g.dy()}));
  if (g.wants(0)) g.add(0, b.node(rms_norm_backward_op(), {g.input(0), g.input(1), g.output(1), g.dy()}, g.attributes()));
}
template <class T>
void run_rms_norm_backward(Call<T>& c) {
  const int64_t cols = c.cols();
  const T offset = T(c.attributes().number("offset"));
  c.row_ranges(c.rows(), cols, [&](int64_t begin, int64_t end) {
    c.k().rms_norm_backward(c.in(0) + begin * cols, c.in(1), c.in(2) + begin, c.in(3) + begin * cols, c.out() + begin * cols, end - begin, cols, offset);
  });
}
void rms_weights_shape(ShapeContext& c) { c.output({c.last(0)}); }
template <class T>
void run_rms_norm_backward_weights(Call<T>& c) {
  const int64_t rows = c.rows(), cols = c.cols();
  c.ranges(cols, std::max<int64_t>(64, 65536 / std::max<int64_t>(1, rows)), [&](int64_t begin, int64_t end) {
    c.k().rms_norm_backward_weights(c.in(0), c.in(1), c.in(2), c.out(), rows, cols, begin, end, false);
  });
}

Cost norm_cost(const CostContext& c) { return {8.0 * double(c.count(0)), c.operand_bytes()}; }

template <class T>
void run_softmax(Call<T>& c) {
  const int64_t cols = c.cols();
  c.row_ranges(c.rows(), cols, [&](int64_t begin, int64_t end) { c.k().softmax(c.in(0) + begin * cols, c.out() + begin * cols, end - begin, cols); });
}
template <class T>
void run_softmax_backward(Call<T>& c) {
  const int64_t cols = c.cols();
  c.row_ranges(c.rows(), cols, [&](int64_t begin, int64_t end) {
    c.k().softmax_backward(c.in(0) + begin * cols, c.in(1) + begin * cols, c.out() + begin * cols, end - begin, cols);
  });
}
void softmax_gradient(Grad& g) { g.add(0, g.builder().node(softmax_backward_op(), {g.output(), g.dy()})); }
Cost softmax_cost(const CostContext& c) { return {5.0 * double(c.count(0)), c.operand_bytes()}; }

}  // namespace

const Op& layer_norm_op() {
  static const Op op = {.name = "layer_norm", .shape = layer_norm_shape, .gradient = layer_norm_gradient, .cost = norm_cost, ORRERY_RUN(run_layer_norm), .in_place = 0};
  return op;
}
const Op& layer_norm_backward_op() {
  static const Op op = {.name = "layer_norm_backward", .shape = same_as_input, .cost = norm_cost, ORRERY_RUN(run_layer_norm_backward), .in_place = 4};
  return op;
}
const Op& layer_norm_backward_weights_op() {
  static const Op op = {.name = "layer_norm_backward_weights", .shape = norm_weights_shape, .cost = norm_cost, ORRERY_RUN(run_layer_norm_backward_weights)};
  return op;
}
const Op& rms_norm_op() {
  static const Op op = {.name = "rms_norm", .shape = rms_norm_shape, .gradient = rms_norm_gradient, .cost = norm_cost, ORRERY_RUN(run_rms_norm), .in_place = 0};
  return op;
}
const Op& rms_norm_backward_op() {
  static const Op op = {.name = "rms_norm_backward", .shape = same_as_input, .cost = norm_cost, ORRERY_RUN(run_rms_norm_backward), .in_place = 3};
  return op;
}
const Op& rms_norm_backward_weights_op() {
  static const Op op = {.name = "rms_norm_backward_weights", .shape = rms_weights_shape, .cost = norm_cost, ORRERY_RUN(run_rms_norm_backward_weights)};
  return op;
}
const Op& softmax_op() {
  static const Op op = {.name = "softmax", .shape = same_as_input, .gradient = softmax_gradient, .cost = softmax_cost, ORRERY_RUN(run_softmax), .in_place = 0};
  return op;
}
const Op& softmax_backward_op() {
  static const Op op = {.name = "softmax_backward", .shape = same_as_input, .cost = softmax_cost, ORRERY_RUN(run_softmax_backward), .in_place = 1};
  return op;
}

Value layer_norm(Value x, Value weight, std::optional<Value> bias, double eps) {
  std::vector<Value> inputs{x, weight};
  if (bias) inputs.push_back(*bias);
  return x.builder->node(layer_norm_op(), inputs, {{"eps", eps}});
}
Value rms_norm(Value x, Value weight, double eps, double offset) {
  return x.builder->node(rms_norm_op(), {x, weight}, {{"eps", eps}, {"offset", offset}});
}
Value softmax(Value x) { return x.builder->node(softmax_op(), {x}); }

}  // namespace orrery
