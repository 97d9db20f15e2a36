// fused_linear: up to three linears of the same x in one step, and what is done with their result while a tile of it is in the cache.
//
//   inputs     x, other?, b0?, b1?, b2?, W0, W1?, W2?
//   after      none      y0, y1, y2 = the linears
//              unary     y = f(linear0)                 kind: f
//              gated     y = f(linear0) * linear1       kind: f
//              add       y = linear0 + other            or other + linear0, which is the same number
//
// It is made by passes/fuse.h, from ops that compute the same bits one by one, and has no gradient. Where a product of bf16 alone reads y
// a plan may have it stored as that rounds it (plan/rounded_values.h).
#include <array>

#include "graph/ops/fused_linear.h"
#include "graph/ops/products.h"
#include "graph/ops/support.h"

namespace orrery {

namespace {

constexpr int kOther = 1, kBias = 2, kWeight = kBias + kMostFused;

Fused after(const Attributes& attributes) { return Fused(attributes.integer("after")); }
bool transposed(const Attributes& attributes) { return attributes.integer("transposed") != 0; }

void fused_linear_shape(ShapeContext& c) {
  const bool t = transposed(c.attributes());
  c.expect(c.rank(0) == 2, "rows are wanted");
  for (int i = 0; i < kMostFused && c.has(kWeight + i); ++i) {
    c.expect(c.rank(kWeight + i) == 2 && c.last(0) == c.input(kWeight + i)[t ? 0 : 1], "the inner sizes differ");
    const Dim n = c.input(kWeight + i)[t ? 1 : 0];
    if (c.has(kBias + i)) c.expect(c.last(kBias + i) == n, "the bias does not have one entry per output column");
    if (i == 0 || after(c.attributes()) == Fused::none) c.output({c.input(0)[0], n});
    else c.expect(n == c.input(kWeight)[t ? 1 : 0], "gate and up differ in shape");
  }
}

struct PackedWeights {
  std::array<Panels, kMostFused> parts;
};
Prepared fused_linear_prepare(const PrepareContext& c) {
  const Orientation orientation = transposed(c.node.attributes) ? Orientation::columns : Orientation::rows;
  auto packed = std::make_shared<PackedWeights>();
  Prepared prepared{packed};
  for (int i = 0; i < kMostFused && c.node.inputs[size_t(kWeight + i)] >= 0; ++i) {
    packed->parts[size_t(i)] = c.weights.packed(c.weight_name(kWeight + i), orientation, c.compute, c.pool);
    prepared.hold(packed->parts[size_t(i)].bytes, packed->parts[size_t(i)].format);
  }
  return prepared;
}

// What a later linear is computed to, or the one that `other` is added to. Where y is stored rounded each task has room for its own.
bool needs_room(const Attributes& attributes) { return after(attributes) == Fused::gated || after(attributes) == Fused::add; }
int64_t fused_linear_scratch(const Graph& graph, const Node& node, const Sizes& sizes, DType compute) {
  const ValueInfo& y = graph.values[size_t(node.outputs[0])];
  return needs_room(node.attributes) && y.element != Element::rounded ? sizes.count(y.dims) * size_of(compute) : 0;
}
bool stores_rounded(const Graph& graph, const Node& node) {
  const Fused what = after(node.attributes);
  return (what == Fused::unary || what == Fused::gated) && most_kept_rows(kernels_for<float>(), graph.values[size_t(node.inputs[0])].dims.back().factor) > 0;
}

template <class T>
void run_fused_linear(Call<T>& c) {
  const auto* packed = c.template prepared<PackedWeights>();
  const bool t = transposed(c.attributes());
  const Fused what = after(c.attributes());
  const auto kind = Unary(c.attributes().integer("kind"));
  uint16_t* const rounded = c.out_rounded();
  std::array<Matmul<T>, kMostFused> parts;
  size_t count = 0;
  for (; count < kMostFused && c.has(kWeight + int(count)); ++count) {
    Matmul<T>& p = parts[count];
    p.a = c.in(0);
    p.rounded = c.rounded(0);
    p.a_row_stride = p.k = c.cols(0);
    p.m = c.rows(0);
    p.n = p.c_stride = c.size(kWeight + int(count), t ? 1 : 0);
    p.panels = packed->parts[count].bytes.raw();
    p.format = packed->parts[count].format;
    p.bias = c.in(kBias + int(count));
    const bool aside = what == Fused::add || (what == Fused::gated && count == 1);
    if (!rounded) p.c = aside ? static_cast<T*>(c.scratch()) : c.out(what == Fused::none ? int(count) : 0);
  }
  const int64_t n = parts[0].n;
  T* y = c.out();
  const T* other = c.in(kOther);
  parallel_products(c, std::span<const Matmul<T>>(parts.data(), count), what == Fused::gated, [&](const ProductTile<T>& tile) {
    if (what == Fused::none) return;
    for (int64_t r = 0; r < tile.rows; ++r) {
      const int64_t at = (tile.row + r) * n + tile.column;
      T* const x = tile.c[0] + r * tile.stride[0];
      T* const to = rounded ? x : y + at;
      if (what == Fused::unary) c.k().unary(kind, x, to, tile.columns);
      else if (what == Fused::add) c.k().binary(Binary::add, other + at, x, to, tile.columns);
      else c.k().gated(kind, x, tile.c[1] + r * tile.stride[1], 0, to, 0, 1, tile.columns);
      if (rounded) c.k().round_rows(x, 0, 1, 1, tile.columns, PanelFormat::bf16_pairs, rounded + at);
    }
  });
}

Cost fused_linear_cost(const CostContext& c) {
  double columns = 0;
  for (int i = 0; i < kMostFused && c.node().inputs[size_t(kWeight + i)] >= 0; ++i) columns += double(c.size(kWeight + i, transposed(c.attributes()) ? 1 : 0));
  return {2.0 * double(c.count(0)) * columns + (after(c.attributes()) == Fused::none ? 0.0 : 10.0 * double(c.out_count())), c.operand_bytes()};
}

}  // namespace

Node fused_linear_node(const Node& first, Fused what, int64_t kind) {
  Node node{.op = &fused_linear_op(), .inputs = std::vector<int>(size_t(kWeight + kMostFused), -1), .outputs = {}, .attributes = first.attributes, .payload = nullptr, .scope = first.scope};
  node.attributes.set("after", int64_t(what));
  if (what == Fused::unary || what == Fused::gated) node.attributes.set("kind", kind);
  node.inputs[0] = first.inputs[0];
  return node;
}
void add_part(Node& fused, const Node& linear, int part) {
  fused.inputs[size_t(kWeight + part)] = linear.inputs[1];
  if (linear.inputs.size() > 2) fused.inputs[size_t(kBias + part)] = linear.inputs[2];
}
void add_other(Node& fused, int value) { fused.inputs[kOther] = value; }

const Op& fused_linear_op() {
  static const Op op = {.name = "fused_linear", .shape = fused_linear_shape, .cost = fused_linear_cost, .prepare = fused_linear_prepare, .scratch = fused_linear_scratch, ORRERY_RUN(run_fused_linear), .in_place = kOther, .held_input = kWeight, .held_from_there = true, .reads_rounded = true, .stores_rounded = stores_rounded, .kind_name = unary_op().kind_name};
  return op;
}

}  // namespace orrery
