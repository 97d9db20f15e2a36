// Elementwise ops: y = a op b, y = factor x + offset, y = f(x), y = f(gate) * up, and their gradients.
#include "graph/ops/support.h"

namespace orrery {

namespace {

bool is_row_of(const Dims& row, const Dims& matrix) { return row.size() == 1 && matrix.size() == 2 && row[0] == matrix[1]; }

const char* unary_name(int64_t kind) {
  switch (Unary(kind)) {
    case Unary::gelu: return "gelu";
    case Unary::gelu_tanh: return "gelu_tanh";
    case Unary::relu: return "relu";
    case Unary::silu: return "silu";
    case Unary::tanh: return "tanh";
    case Unary::sigmoid: return "sigmoid";
    case Unary::exp: return "exp";
    case Unary::square: return "square";
    case Unary::sqrt: return "sqrt";
    case Unary::reciprocal: return "reciprocal";
    case Unary::log: return "log";
  }
  return "?";
}
const char* binary_name(int64_t kind) {
  switch (Binary(kind)) {
    case Binary::add: return "add";
    case Binary::subtract: return "subtract";
    case Binary::multiply: return "multiply";
    case Binary::divide: return "divide";
    case Binary::maximum: return "maximum";
  }
  return "?";
}

// ---- binary -----------------------------------------------------------------------------------------------------------
void binary_shape(ShapeContext& c) {
  c.expect(c.input(0) == c.input(1) || is_row_of(c.input(1), c.input(0)), "the shapes differ, and the second is not one row of the first");
  c.output(c.input(0));
}

template <class T>
void run_binary(Call<T>& c) {
  const auto kind = Binary(c.attributes().integer("kind"));
  const T *a = c.in(0), *b = c.in(1);
  T* y = c.out();
  if (c.dims(0) == c.dims(1)) {
    c.ranges(c.count(0), 16384, [&](int64_t begin, int64_t end) { c.k().binary(kind, a + begin, b + begin, y + begin, end - begin); });
    return;
  }
  const int64_t cols = c.cols();
  c.row_ranges(c.rows(), cols, [&](int64_t begin, int64_t end) {
    c.k().binary_row(kind, a + begin * cols, b, y + begin * cols, end - begin, cols);
  });
}

void binary_gradient(Grad& g) {
  const auto kind = Binary(g.attributes().integer("kind"));
  const Value a = g.input(0), b = g.input(1), dy = g.dy();
  const bool row = a.dims() != b.dims();
  const auto add_b = [&](Value db) { g.add(1, row ? g.builder().node(column_sum_op(), {db}) : db); };
  switch (kind) {
    case Binary::add:
      if (g.wants(0)) g.add(0, dy);
      if (g.wants(1)) add_b(dy);
      return;
    case Binary::subtract:
      if (g.wants(0)) g.add(0, dy);
      if (g.wants(1)) add_b(dy * -1.0);
      return;
    case Binary::multiply:
      if (g.wants(0)) g.add(0, dy * b);
      if (g.wants(1)) add_b(dy * a);
      return;
    case Binary::divide:
      if (g.wants(0)) g.add(0, dy / b);
      if (g.wants(1)) add_b((dy * g.output()) / b * -1.0);
      return;
    case Binary::maximum: throw Error{ErrorKind::unsupported, "maximum has no gradient here", "binary"};
  }
}

// ---- scale ------------------------------------------------------------------------------------------------------------
template <class T>
void run_scale(Call<T>& c) {
  const T factor = T(c.attributes().number("factor", 1)), offset = T(c.attributes().number("offset", 0));
  c.ranges(c.count(0), 16384, [&](int64_t begin, int64_t end) { c.k().scale(c.in(0) + begin, factor, offset, c.out() + begin, end - begin); });
}
void scale_gradient(Grad& g) { g.add(0, g.dy() * g.attributes().number("factor", 1)); }

// ---- unary ------------------------------------------------------------------------------------------------------------
template <class T>
void run_unary(Call<T>& c) {
  const auto kind = Unary(c.attributes().integer("kind"));
  c.ranges(c.count(0), 4096, [&](int64_t begin, int64_t end) { c.k().unary(kind, c.in(0) + begin, c.out() + begin, end - begin); });
}
template <class T>
void run_unary_backward(Call<T>& c) {
  const auto kind = Unary(c.attributes().integer("kind"));
  c.ranges(c.count(0), 4096, [&](int64_t begin, int64_t end) {
    c.k().unary_backward(kind, c.in(0) + begin, c.in(1) + begin, c.out() + begin, end - begin);
  });
}
void unary_gradient(Grad& g) { g.add(0, g.builder().node(unary_backward_op(), {g.input(0), g.dy()}, g.attributes())); }
Cost transcendental_cost(const CostContext& c) { return {10.0 * double(c.out_count()), c.operand_bytes()}; }

// ---- gated ------------------------------------------------------------------------------------------------------------
void gated_shape(ShapeContext& c) {
  c.expect(c.input(0) == c.input(1), "gate and up differ in shape");
  c.output(c.input(0));
}
template <class T>
void run_gated(Call<T>& c) {
  const auto kind = Unary(c.attributes().integer("kind"));
  const int64_t cols = c.cols();
  c.ranges(c.rows(), std::max<int64_t>(1, 4096 / std::max<int64_t>(1, cols)), [&](int64_t begin, int64_t end) {
    c.k().gated(kind, c.in(0) + begin * cols, c.in(1) + begin * cols, cols, c.out() + begin * cols, cols, end - begin, cols);
  });
}
void gated_backward_shape(ShapeContext& c) {
  c.output(c.input(0));
  c.output(c.input(0));
}
template <class T>
void run_gated_backward(Call<T>& c) {
  const auto kind = Unary(c.attributes().integer("kind"));
  const int64_t cols = c.cols();
  c.ranges(c.rows(), std::max<int64_t>(1, 4096 / std::max<int64_t>(1, cols)), [&](int64_t begin, int64_t end) {
    const int64_t at = begin * cols;
    c.k().gated_backward(kind, c.in(0) + at, c.in(1) + at, cols, c.in(2) + at, cols, c.out(0) + at, c.out(1) + at, cols, end - begin, cols);
  });
}
void gated_gradient(Grad& g) {
  const auto parts = g.builder().node_outputs(gated_backward_op(), {g.input(0), g.input(1), g.dy()}, g.attributes());
  if (g.wants(0)) g.add(0, parts[0]);
  if (g.wants(1)) g.add(1, parts[1]);
}

// ---- sums -------------------------------------------------------------------------------------------------------------
void column_sum_shape(ShapeContext& c) {
  c.expect(c.rank(0) == 2, "a matrix is wanted");
  c.output({c.last(0)});
}
template <class T>
void run_column_sum(Call<T>& c) {
  const int64_t rows = c.rows(), cols = c.cols();
  c.ranges(cols, std::max<int64_t>(64, 65536 / std::max<int64_t>(1, rows)), [&](int64_t begin, int64_t end) {
    c.k().column_sum(c.in(0), cols, c.out(), rows, begin, end, c.has(1));
  });
}
void sum_all_shape(ShapeContext& c) { c.output({Dim{1, -1}}); }
template <class T>
void run_sum_all(Call<T>& c) {  // in double and in order: once per run, over few numbers
  double sum = 0;
  for (int64_t i = 0; i < c.count(0); ++i) sum += double(c.in(0)[i]);
  c.out()[0] = T(sum);
}
void sum_all_backward_shape(ShapeContext& c) { c.output(c.input(1)); }
template <class T>
void run_sum_all_backward(Call<T>& c) {
  const T dy = c.in(0)[0];
  std::fill(c.out(), c.out() + c.out_count(), dy);
}
void sum_all_gradient(Grad& g) { g.add(0, g.builder().node(sum_all_backward_op(), {g.dy(), g.input(0)})); }

}  // namespace

const Op& binary_op() {
  static const Op op = {.name = "binary", .shape = binary_shape, .gradient = binary_gradient, .cost = elementwise_cost, ORRERY_RUN(run_binary), .in_place = 0, .in_place_other = 1, .kind_name = binary_name};
  return op;
}
const Op& scale_op() {
  static const Op op = {.name = "scale", .shape = same_as_input, .gradient = scale_gradient, .cost = elementwise_cost, ORRERY_RUN(run_scale), .in_place = 0};
  return op;
}
const Op& unary_op() {
  static const Op op = {.name = "unary", .shape = same_as_input, .gradient = unary_gradient, .cost = transcendental_cost, ORRERY_RUN(run_unary), .in_place = 0, .kind_name = unary_name};
  return op;
}
const Op& unary_backward_op() {
  static const Op op = {.name = "unary_backward", .shape = same_as_input, .cost = transcendental_cost, ORRERY_RUN(run_unary_backward), .in_place = 1, .kind_name = unary_name};
  return op;
}
const Op& gated_op() {
  static const Op op = {.name = "gated", .shape = gated_shape, .gradient = gated_gradient, .cost = transcendental_cost, ORRERY_RUN(run_gated), .in_place = 1, .kind_name = unary_name};
  return op;
}
const Op& gated_backward_op() {
  static const Op op = {.name = "gated_backward", .shape = gated_backward_shape, .cost = transcendental_cost, ORRERY_RUN(run_gated_backward), .in_place = 0, .kind_name = unary_name};
  return op;
}
const Op& column_sum_op() {
  static const Op op = {.name = "column_sum", .shape = column_sum_shape, .cost = elementwise_cost, ORRERY_RUN(run_column_sum), .writes_into = 1};
  return op;
}
const Op& sum_all_op() {
  static const Op op = {.name = "sum_all", .shape = sum_all_shape, .gradient = sum_all_gradient, .cost = elementwise_cost, ORRERY_RUN(run_sum_all)};
  return op;
}
const Op& sum_all_backward_op() {
  static const Op op = {.name = "sum_all_backward", .shape = sum_all_backward_shape, .cost = elementwise_cost, ORRERY_RUN(run_sum_all_backward)};
  return op;
}

// ---- as functions on values -------------------------------------------------------------------------------------------
namespace {
Value binary(Binary kind, Value a, Value b) { return a.builder->node(binary_op(), {a, b}, {{"kind", int64_t(kind)}}); }
}  // namespace
Value operator+(Value a, Value b) { return binary(Binary::add, a, b); }
Value operator-(Value a, Value b) { return binary(Binary::subtract, a, b); }
Value operator*(Value a, Value b) { return binary(Binary::multiply, a, b); }
Value operator/(Value a, Value b) { return binary(Binary::divide, a, b); }
Value operator*(Value a, double factor) { return a.builder->node(scale_op(), {a}, {{"factor", factor}}); }
Value operator+(Value a, double offset) { return a.builder->node(scale_op(), {a}, {{"offset", offset}}); }
Value unary(Unary kind, Value x) { return x.builder->node(unary_op(), {x}, {{"kind", int64_t(kind)}}); }
Value gated(Unary kind, Value gate, Value up) { return gate.builder->node(gated_op(), {gate, up}, {{"kind", int64_t(kind)}}); }
Value sum_all(Value x) { return x.builder->node(sum_all_op(), {x}); }

}  // namespace orrery
