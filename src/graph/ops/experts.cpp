// What experts compute from the rows that `route` sends them, which lie sorted by expert:
//
//   expert_linear     y[r] = x[r] W_e^T, e = expert[r]: one product for each expert that has rows, over its rows alone
//   combine_experts   y[t] = sum over the rows r of t, by ascending expert, of weights[t, expert[r]] x[r]
//
// A row's sums do not depend on which other rows its expert got.
#include "graph/ops/products.h"
#include "graph/ops/support.h"

namespace orrery {

namespace {

struct PackedExperts {
  std::vector<Panels> panels;    // one for each expert
};

// Calls f(expert, first row, rows) for every expert that has rows.
template <class F>
void for_each_expert(const int32_t* expert, int64_t rows, F&& f) {
  for (int64_t begin = 0, end = 0; begin < rows; begin = end) {
    while (end < rows && expert[end] == expert[begin]) ++end;
    f(int64_t(expert[begin]), begin, end - begin);
  }
}

Prepared pack_experts(const PrepareContext& c, Orientation orientation) {
  if (!c.pack_weights) return {};
  auto packed = std::make_shared<PackedExperts>();
  Prepared prepared{packed};
  for (int i = 2; i < int(c.node.inputs.size()); ++i) {
    if (!c.is_weight(i)) return {};
    packed->panels.push_back(c.weights.packed(c.weight_name(i), orientation, c.compute, c.pool));
    prepared.hold(packed->panels.back().bytes, packed->panels.back().format);
  }
  return prepared;
}

// One expert's weight is packed at a time where none is packed for good.
int64_t packing_scratch(const Graph& graph, const Node& node, bool by_rows, DType compute) {
  const Dims& w = graph.values[size_t(node.inputs[2])].dims;
  return packed_size(w[by_rows ? 0 : 1].factor, w[by_rows ? 1 : 0].factor) * size_of(compute);
}

// out [rows, n] = each row times its expert's b, with b[p, j] = W[j, p], or W[p, j] for the gradient (by_rows false).
template <class T>
void products(Call<T>& c, bool by_rows) {
  const int64_t k = c.cols(0), n = c.out_size(0, 1);
  for_each_expert(c.indices(1), c.rows(0), [&](int64_t e, int64_t begin, int64_t rows) {
    const int weight = int(e) + 2;
    Matmul<T> p;
    p.a = c.in(0) + begin * k;
    p.a_row_stride = k;
    p.c = c.out() + begin * n;
    p.c_stride = n;
    p.m = rows, p.n = n, p.k = k;
    if (const auto* packed = c.template prepared<PackedExperts>()) {
      p.panels = packed->panels[size_t(e)].bytes.raw();
      p.format = packed->panels[size_t(e)].format;
    } else {
      p.format = parallel_pack(c, c.held(weight), c.held_dtype(weight), by_rows ? 1 : n, by_rows ? k : 1, k, n, c.scratch());
      p.panels = c.scratch();
    }
    parallel_product(c, p);
  });
}

// ---- expert_linear: inputs x, expert, W of each expert --------------------------------------------------------------------
void expert_shape(ShapeContext& c, int inner, int outer) {
  c.expect(c.node().inputs.size() > 2 && c.rank(0) == 2 && c.rank(1) == 1 && c.input(1)[0] == c.input(0)[0], "there is not one expert for each row");
  for (int i = 2; i < int(c.node().inputs.size()); ++i) c.expect(c.rank(i) == 2 && c.input(i) == c.input(2), "the experts differ in shape");
  c.expect(c.input(2)[size_t(inner)] == c.last(0), "the inner sizes differ");
  c.output({c.input(0)[0], c.input(2)[size_t(outer)]});
}
void expert_linear_shape(ShapeContext& c) { expert_shape(c, 1, 0); }
Prepared expert_linear_prepare(const PrepareContext& c) { return pack_experts(c, Orientation::rows); }
int64_t expert_linear_scratch(const Graph& graph, const Node& node, const Sizes&, DType compute) { return packing_scratch(graph, node, true, compute); }
template <class T>
void run_expert_linear(Call<T>& c) {
  products(c, true);
}
void expert_linear_gradient(Grad& g) {
  Builder& b = g.builder();
  const int experts = int(g.node().inputs.size()) - 2;
  bool weights = false;
  std::vector<Value> inputs{g.dy(), g.input(1)};
  for (int e = 0; e < experts; ++e) {
    inputs.push_back(g.input(e + 2));
    weights = weights || g.wants(e + 2);
  }
  if (weights) {
    const auto parts = b.node_outputs(expert_linear_backward_weights_op(), {g.dy(), g.input(0), g.input(1)}, {{"experts", int64_t(experts)}});
    for (int e = 0; e < experts; ++e)
      if (g.wants(e + 2)) g.add(e + 2, parts[size_t(e)]);
  }
  if (g.wants(0)) g.add(0, b.node(expert_linear_backward_input_op(), inputs));
}
Cost expert_linear_cost(const CostContext& c) { return {2.0 * double(c.out_count()) * double(c.size(0, -1)), c.operand_bytes()}; }

// ---- dx[r] = dy[r] W_e ------------------------------------------------------------------------------------------------------
void expert_linear_backward_input_shape(ShapeContext& c) { expert_shape(c, 0, 1); }
Prepared expert_linear_backward_input_prepare(const PrepareContext& c) { return pack_experts(c, Orientation::columns); }
int64_t expert_linear_backward_input_scratch(const Graph& graph, const Node& node, const Sizes&, DType compute) { return packing_scratch(graph, node, false, compute); }
template <class T>
void run_expert_linear_backward_input(Call<T>& c) {
  products(c, false);
}

// ---- dW_e = dy^T x over the rows of e: inputs dy, x, expert -----------------------------------------------------------------
void expert_linear_backward_weights_shape(ShapeContext& c) {
  c.expect(c.input(0)[0] == c.input(1)[0] && c.input(1)[0] == c.input(2)[0], "the rows differ");
  for (int64_t e = 0; e < c.attributes().integer("experts"); ++e) c.output({c.last(0), c.last(1)});
}
int64_t expert_linear_backward_weights_scratch(const Graph& graph, const Node& node, const Sizes& sizes, DType compute) {
  const Dims& x = graph.values[size_t(node.inputs[1])].dims;
  return packed_size(sizes.of(x[1]), sizes.of(x[0])) * size_of(compute);
}
template <class T>
void run_expert_linear_backward_weights(Call<T>& c) {
  const int64_t height = c.cols(0), width = c.cols(1);
  const int experts = int(c.node().outputs.size());
  int64_t next = 0;
  const auto without_rows = [&](int64_t end) {
    for (; next < end; ++next) std::fill(c.out(int(next)), c.out(int(next)) + height * width, T(0));
  };
  for_each_expert(c.indices(2), c.rows(0), [&](int64_t e, int64_t begin, int64_t rows) {
    without_rows(e);
    next = e + 1;
    Matmul<T> p;
    p.format = parallel_pack(c, c.in(1) + begin * width, dtype_of<T>(), width, 1, rows, width, c.scratch());
    p.a = c.in(0) + begin * height;
    p.a_row_stride = 1;
    p.a_k_stride = height;
    p.panels = c.scratch();
    p.c = c.out(int(e));
    p.c_stride = width;
    p.m = height, p.n = width, p.k = rows;
    parallel_product(c, p);
  });
  without_rows(experts);
}
Cost expert_linear_backward_weights_cost(const CostContext& c) { return {2.0 * double(c.count(0)) * double(c.size(1, -1)), c.operand_bytes()}; }

// ---- combine_experts: inputs x, weights, source, expert ---------------------------------------------------------------------
void combine_experts_shape(ShapeContext& c) {
  c.expect(c.rank(0) == 2 && c.rank(1) == 2 && c.input(2) == Dims{c.input(0)[0]} && c.input(3) == c.input(2), "the rows are not those of a routing");
  c.output({c.input(1)[0], c.last(0)});
}
template <class T>
void run_combine_experts(Call<T>& c) {
  const int64_t routed = c.rows(0), cols = c.cols(0), experts = c.cols(1);
  const int32_t *source = c.indices(2), *expert = c.indices(3);
  c.ranges(cols, std::max<int64_t>(32, 65536 / std::max<int64_t>(1, routed)), [&](int64_t begin, int64_t end) {
    for (int64_t t = 0, rows = c.rows(1); t < rows; ++t) std::fill(c.out() + t * cols + begin, c.out() + t * cols + end, T(0));
    for (int64_t r = 0; r < routed; ++r) {
      const T weight = c.in(1)[source[r] * experts + expert[r]];
      const T* x = c.in(0) + r * cols;
      T* y = c.out() + source[r] * cols;
      for (int64_t j = begin; j < end; ++j) y[j] += weight * x[j];
    }
  });
}
void combine_experts_gradient(Grad& g) {
  const auto parts = g.builder().node_outputs(combine_experts_backward_op(), {g.input(0), g.input(1), g.input(2), g.input(3), g.dy()});
  for (int i = 0; i < 2; ++i)
    if (g.wants(i)) g.add(i, parts[size_t(i)]);
}
void combine_experts_backward_shape(ShapeContext& c) {
  c.output(c.input(0));
  c.output(c.input(1));
}
template <class T>
void run_combine_experts_backward(Call<T>& c) {
  const int64_t cols = c.cols(0), experts = c.cols(1);
  const int32_t *source = c.indices(2), *expert = c.indices(3);
  std::fill(c.out(1), c.out(1) + c.out_count(1), T(0));
  c.row_ranges(c.rows(0), cols, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const int64_t at = source[r] * experts + expert[r];     // of this row alone
      const T* x = c.in(0) + r * cols;
      const T* dy = c.in(4) + source[r] * cols;
      T dot = 0;
      for (int64_t j = 0; j < cols; ++j) dot += dy[j] * x[j];
      c.out(1)[at] = dot;
      c.k().scale(dy, c.in(1)[at], T(0), c.out(0) + r * cols, cols);
    }
  });
}
Cost combine_experts_cost(const CostContext& c) { return {2.0 * double(c.count(0)), c.operand_bytes()}; }
Cost combine_experts_backward_cost(const CostContext& c) { return {3.0 * double(c.count(0)), c.operand_bytes()}; }

}  // namespace

const Op& expert_linear_op() {
  static const Op op = {.name = "expert_linear", .shape = expert_linear_shape, .gradient = expert_linear_gradient, .cost = expert_linear_cost, .prepare = expert_linear_prepare, .scratch = expert_linear_scratch, ORRERY_RUN(run_expert_linear), .index_input = 1, .held_input = 2, .held_from_there = true, .scratch_if_prepared = false};
  return op;
}
const Op& expert_linear_backward_input_op() {
  static const Op op = {.name = "expert_linear_backward_input", .shape = expert_linear_backward_input_shape, .cost = expert_linear_cost, .prepare = expert_linear_backward_input_prepare, .scratch = expert_linear_backward_input_scratch, ORRERY_RUN(run_expert_linear_backward_input), .index_input = 1, .held_input = 2, .held_from_there = true, .scratch_if_prepared = false};
  return op;
}
const Op& expert_linear_backward_weights_op() {
  static const Op op = {.name = "expert_linear_backward_weights", .shape = expert_linear_backward_weights_shape, .cost = expert_linear_backward_weights_cost, .scratch = expert_linear_backward_weights_scratch, ORRERY_RUN(run_expert_linear_backward_weights), .index_input = 2};
  return op;
}
const Op& combine_experts_op() {
  static const Op op = {.name = "combine_experts", .shape = combine_experts_shape, .gradient = combine_experts_gradient, .cost = combine_experts_cost, ORRERY_RUN(run_combine_experts), .index_input = 2, .index_input_other = 3};
  return op;
}
const Op& combine_experts_backward_op() {
  static const Op op = {.name = "combine_experts_backward", .shape = combine_experts_backward_shape, .cost = combine_experts_backward_cost, ORRERY_RUN(run_combine_experts_backward), .index_input = 2, .index_input_other = 3};
  return op;
}

Value expert_linear(Value routed, const Routing& routing, std::vector<Value> weights) {
  std::vector<Value> inputs{routed, routing.expert};
  inputs.insert(inputs.end(), weights.begin(), weights.end());
  return routed.builder->node(expert_linear_op(), inputs);
}
Value combine_experts(Value routed, const Routing& routing) {
  return routed.builder->node(combine_experts_op(), {routed, routing.weights, routing.source, routing.expert});
}

}  // namespace orrery
