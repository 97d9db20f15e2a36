// matmul: c = a b of two computed matrices, each possibly transposed. For writing models out from primitives; the fused
// attention never forms these products whole.
#include "graph/ops/products.h"
#include "graph/ops/support.h"

namespace orrery {

namespace {

void matmul_shape(ShapeContext& c) {
  const bool ta = c.attributes().integer("transpose_a") != 0, tb = c.attributes().integer("transpose_b") != 0;
  c.expect(c.rank(0) == 2 && c.rank(1) == 2, "two matrices are wanted");
  c.expect(c.input(0)[ta ? 0 : 1] == c.input(1)[tb ? 1 : 0], "the inner sizes differ");
  c.output({c.input(0)[ta ? 1 : 0], c.input(1)[tb ? 0 : 1]});
}

int64_t matmul_scratch(const Graph& graph, const Node& node, const Sizes& sizes, DType compute) {
  const Dims& b = graph.values[size_t(node.inputs[1])].dims;
  const bool tb = node.attributes.integer("transpose_b") != 0;
  return packed_size(sizes.of(b[tb ? 0 : 1]), sizes.of(b[tb ? 1 : 0])) * size_of(compute);
}

template <class T>
void run_matmul(Call<T>& c) {
  const bool ta = c.attributes().integer("transpose_a") != 0, tb = c.attributes().integer("transpose_b") != 0;
  const int64_t m = c.out_size(0, 0), n = c.out_size(0, 1), k = c.size(0, ta ? 0 : 1);
  Matmul<T> p;
  p.format = parallel_pack(c, c.in(1), dtype_of<T>(), tb ? 1 : n, tb ? k : 1, k, n, c.scratch());
  p.a = c.in(0);
  p.a_row_stride = ta ? 1 : k;
  p.a_k_stride = ta ? m : 1;
  p.panels = c.scratch();
  p.c = c.out();
  p.c_stride = n;
  p.m = m, p.n = n, p.k = k;
  parallel_product(c, p);
}

void matmul_gradient(Grad& g) {
  const bool ta = g.attributes().integer("transpose_a") != 0, tb = g.attributes().integer("transpose_b") != 0;
  const Value a = g.input(0), b = g.input(1), dy = g.dy();
  // With A = op(a), B = op(b): dA = dy B^T, dB = A^T dy.
  if (g.wants(0)) g.add(0, ta ? matmul(b, dy, tb, true) : matmul(dy, b, false, !tb));
  if (g.wants(1)) g.add(1, tb ? matmul(dy, a, true, ta) : matmul(a, dy, !ta, false));
}

Cost matmul_cost(const CostContext& c) {
  const bool ta = c.attributes().integer("transpose_a") != 0;
  return {2.0 * double(c.out_count()) * double(c.size(0, ta ? 0 : 1)), c.operand_bytes()};
}

void transpose_shape(ShapeContext& c) {
  c.expect(c.rank(0) == 2, "a matrix is wanted");
  c.output({c.input(0)[1], c.input(0)[0]});
}
template <class T>
void run_transpose(Call<T>& c) {
  const int64_t m = c.size(0, 0), n = c.size(0, 1);
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) c.out()[j * m + i] = c.in(0)[i * n + j];
}
void transpose_gradient(Grad& g) { g.add(0, transpose(g.dy())); }

}  // namespace

const Op& matmul_op() {
  static const Op op = {.name = "matmul", .shape = matmul_shape, .gradient = matmul_gradient, .cost = matmul_cost, .scratch = matmul_scratch, ORRERY_RUN(run_matmul)};
  return op;
}
const Op& transpose_op() {
  static const Op op = {.name = "transpose", .shape = transpose_shape, .gradient = transpose_gradient, .cost = elementwise_cost, ORRERY_RUN(run_transpose)};
  return op;
}

Value matmul(Value a, Value b, bool transpose_a, bool transpose_b) {
  return a.builder->node(matmul_op(), {a, b}, {{"transpose_a", int64_t(transpose_a)}, {"transpose_b", int64_t(transpose_b)}});
}
Value transpose(Value x) { return x.builder->node(transpose_op(), {x}); }

}  // namespace orrery
