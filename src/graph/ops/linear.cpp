// linear:  y [rows, n] = x [rows, k] W^T + b,  and the three products of training.
//
//   W [n, k] as in torch.nn.Linear, or [k, n] where `transposed` (GPT-2's Conv1D).
//   dx = dy W      dW = dy^T x (x^T dy where transposed)      db = column sums of dy
//
// Where weights stay the same between runs they are packed once, when the plan is compiled; in training they are packed
// for each product, into the step's scratch.
#include "graph/ops/products.h"
#include "graph/ops/support.h"

namespace orrery {

namespace {

struct PackedWeight {
  Panels panels;
};

bool transposed(const Attributes& attributes) { return attributes.integer("transposed") != 0; }

void linear_shape(ShapeContext& c) {
  const bool t = transposed(c.attributes());
  c.expect(c.rank(0) == 2 && c.rank(1) == 2, "two matrices are wanted");
  const Dim k = c.input(1)[t ? 0 : 1], n = c.input(1)[t ? 1 : 0];
  c.expect(c.last(0) == k, "the inner sizes differ");
  if (c.has(2)) c.expect((c.rank(2) == 1 || (c.rank(2) == 2 && c.input(2)[0] == Dim{1, -1})) && c.last(2) == n, "the bias does not have one entry per output column");
  c.output({c.input(0)[0], n});
}

Prepared packed_weight(const PrepareContext& c, Orientation orientation) {
  if (!c.pack_weights || !c.is_weight(1)) return {};
  auto packed = std::make_shared<PackedWeight>();
  packed->panels = c.weights.packed(c.weight_name(1), orientation, c.compute, c.pool);
  Prepared prepared{packed};
  prepared.hold(packed->panels.bytes, packed->panels.format);
  return prepared;
}
// b[p, j] of the product y = x b: W[j, p], or W[p, j] where transposed.
Prepared linear_prepare(const PrepareContext& c) { return packed_weight(c, transposed(c.node.attributes) ? Orientation::columns : Orientation::rows); }

int64_t packing_scratch(const Graph& graph, const Node& node, int weight, bool by_rows, const Sizes& sizes, DType compute) {
  const Dims& w = graph.values[size_t(node.inputs[size_t(weight)])].dims;
  const int64_t height = sizes.of(w[0]), width = sizes.of(w[1]);
  return packed_size(by_rows ? height : width, by_rows ? width : height) * size_of(compute);
}
int64_t linear_scratch(const Graph& graph, const Node& node, const Sizes& sizes, DType compute) {
  return packing_scratch(graph, node, 1, !transposed(node.attributes), sizes, compute);
}

template <class T>
void run_linear(Call<T>& c) {
  const bool t = transposed(c.attributes());
  const int64_t m = c.rows(0), k = c.cols(0), n = c.out_size(0, 1);
  Matmul<T> p;
  p.a = c.in(0);
  p.rounded = c.rounded(0);
  p.a_row_stride = k;
  p.c = c.out();
  p.c_stride = n;
  p.m = m, p.n = n, p.k = k;
  p.bias = c.in(2);
  if (const auto* packed = c.template prepared<PackedWeight>()) {
    p.panels = packed->panels.bytes.raw();
    p.format = packed->panels.format;
  } else {
    p.format = parallel_pack(c, c.held(1), c.held_dtype(1), t ? n : 1, t ? 1 : k, k, n, c.scratch());
    p.panels = c.scratch();
  }
  parallel_product(c, p);
}

void linear_gradient(Grad& g) {
  const bool t = transposed(g.attributes());
  Builder& b = g.builder();
  const Value dy = g.dy();
  if (g.wants(1)) {
    // dW [n, k] = dy^T x, or dW [k, n] = x^T dy
    std::vector<Value> inputs = t ? std::vector<Value>{g.input(0), dy} : std::vector<Value>{dy, g.input(0)};
    if (g.sum_so_far(1)) inputs.push_back(g.sum_so_far(1));
    g.replace(1, b.node(linear_backward_weight_op(), inputs));
  }
  if (g.wants(2)) {
    std::vector<Value> inputs{dy};
    if (g.sum_so_far(2)) inputs.push_back(g.sum_so_far(2));
    g.replace(2, b.node(column_sum_op(), inputs));
  }
  if (g.wants(0)) g.add(0, b.node(linear_backward_input_op(), {dy, g.input(1)}, g.attributes()));
}

Cost linear_cost(const CostContext& c) {
  return {2.0 * double(c.out_count()) * double(c.size(0, -1)), c.operand_bytes()};
}

// ---- dx = dy W --------------------------------------------------------------------------------------------------------
void backward_input_shape(ShapeContext& c) {
  const bool t = transposed(c.attributes());
  c.expect(c.last(0) == c.input(1)[t ? 1 : 0], "the gradient does not fit the weight");
  c.output({c.input(0)[0], c.input(1)[t ? 0 : 1]});
}
Prepared backward_input_prepare(const PrepareContext& c) { return packed_weight(c, transposed(c.node.attributes) ? Orientation::rows : Orientation::columns); }
int64_t backward_input_scratch(const Graph& graph, const Node& node, const Sizes& sizes, DType compute) {
  return packing_scratch(graph, node, 1, transposed(node.attributes), sizes, compute);
}
template <class T>
void run_backward_input(Call<T>& c) {
  const bool t = transposed(c.attributes());
  const int64_t m = c.rows(0), n = c.cols(0), k = c.out_size(0, 1);   // dy [m, n] -> dx [m, k]
  Matmul<T> p;
  p.a = c.in(0);
  p.a_row_stride = n;
  p.c = c.out();
  p.c_stride = k;
  p.m = m, p.n = k, p.k = n;
  if (const auto* packed = c.template prepared<PackedWeight>()) {
    p.panels = packed->panels.bytes.raw();
    p.format = packed->panels.format;
  } else {
    p.format = parallel_pack(c, c.held(1), c.held_dtype(1), t ? 1 : k, t ? n : 1, n, k, c.scratch());   // b[p, j] = W[p, j]
    p.panels = c.scratch();
  }
  parallel_product(c, p);
}
Cost backward_input_cost(const CostContext& c) { return {2.0 * double(c.out_count()) * double(c.size(0, -1)), c.operand_bytes()}; }

// ---- dW = a^T b, over the rows of both --------------------------------------------------------------------------------
void backward_weight_shape(ShapeContext& c) {
  c.expect(c.input(0)[0] == c.input(1)[0], "the rows differ");
  c.output({c.last(0), c.last(1)});
}
int64_t backward_weight_scratch(const Graph& graph, const Node& node, const Sizes& sizes, DType compute) {
  const Dims& b = graph.values[size_t(node.inputs[1])].dims;
  return packed_size(sizes.of(b[1]), sizes.of(b[0])) * size_of(compute);
}
template <class T>
void run_backward_weight(Call<T>& c) {
  const int64_t rows = c.rows(0), height = c.cols(0), width = c.cols(1);
  Matmul<T> p;
  p.format = parallel_pack(c, c.in(1), dtype_of<T>(), width, 1, rows, width, c.scratch());
  p.a = c.in(0);
  p.a_row_stride = 1;
  p.a_k_stride = height;
  p.panels = c.scratch();
  p.c = c.out();
  p.c_stride = width;
  p.m = height, p.n = width, p.k = rows;
  p.accumulate = c.has(2);
  parallel_product(c, p);
}
Cost backward_weight_cost(const CostContext& c) { return {2.0 * double(c.count(0)) * double(c.size(1, -1)), c.operand_bytes()}; }

}  // namespace

const Op& linear_op() {
  static const Op op = {.name = "linear", .shape = linear_shape, .gradient = linear_gradient, .cost = linear_cost, .prepare = linear_prepare, .scratch = linear_scratch, ORRERY_RUN(run_linear), .held_input = 1, .scratch_if_prepared = false, .reads_rounded = true};
  return op;
}
const Op& linear_backward_input_op() {
  static const Op op = {.name = "linear_backward_input", .shape = backward_input_shape, .cost = backward_input_cost, .prepare = backward_input_prepare, .scratch = backward_input_scratch, ORRERY_RUN(run_backward_input), .held_input = 1, .scratch_if_prepared = false};
  return op;
}
const Op& linear_backward_weight_op() {
  static const Op op = {.name = "linear_backward_weight", .shape = backward_weight_shape, .cost = backward_weight_cost, .scratch = backward_weight_scratch, ORRERY_RUN(run_backward_weight), .writes_into = 2};
  return op;
}

Value linear(Value x, Value weight, std::optional<Value> bias, bool is_transposed) {
  std::vector<Value> inputs{x, weight};
  if (bias) inputs.push_back(*bias);
  return x.builder->node(linear_op(), inputs, {{"transposed", int64_t(is_transposed)}});
}

}  // namespace orrery
