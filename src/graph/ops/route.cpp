// route: which experts a row goes to and with what weight, and the rows sorted by expert; load_balance: the loss that keeps
// the experts equally busy (Fedus et al. 2021, eq. 4-6, over all layers at once as transformers counts them).
//
// route's outputs: 0 weights [rows, experts]; 1 chosen, 2 source, 3 expert, each i32 [k * rows] (kernels/route.h, builder.h).
#include "graph/ops/support.h"

namespace orrery {

namespace {

int64_t choices(const Attributes& a) { return a.integer("k"); }

// ---- route --------------------------------------------------------------------------------------------------------------
void route_shape(ShapeContext& c) {
  const int64_t k = choices(c.attributes());
  c.expect(c.rank(0) == 2 && c.last(0).fixed(), "a row of probabilities for each token is wanted");
  c.expect(k >= 1 && k <= c.last(0).factor, "a row cannot go to that many experts");
  c.output(c.input(0));
  const Dim rows = c.input(0)[0];
  for (int i = 0; i < 3; ++i) c.output({Dim{k * rows.factor, rows.symbol}}, Element::index);
}
int64_t route_scratch(const Graph& graph, const Node& node, const Sizes& sizes, DType) {
  return (sizes.of(graph.values[size_t(node.inputs[0])].dims[1]) + 1) * int64_t(sizeof(int32_t));
}
template <class T>
void run_route(Call<T>& c) {
  const int64_t rows = c.rows(0), experts = c.cols(0), k = choices(c.attributes());
  int32_t* chosen = c.out_indices(1);
  c.row_ranges(rows, experts * experts, [&](int64_t begin, int64_t end) {
    c.k().route(c.in(0) + begin * experts, c.out(0) + begin * experts, chosen + begin * k, end - begin, experts, k);
  });
  int32_t* next = static_cast<int32_t*>(c.scratch());     // where each expert's next row goes
  std::fill(next, next + experts + 1, 0);
  for (int64_t i = 0; i < rows * k; ++i) ++next[chosen[i] + 1];
  for (int64_t e = 0; e < experts; ++e) next[e + 1] += next[e];
  for (int64_t i = 0; i < rows * k; ++i) {
    const int32_t at = next[chosen[i]]++;
    c.out_indices(2)[at] = int32_t(i / k);
    c.out_indices(3)[at] = chosen[i];
  }
}
void route_gradient(Grad& g) {
  g.add(0, g.builder().node(route_backward_op(), {g.input(0), g.output(1), g.dy()}, g.attributes()));
}
template <class T>
void run_route_backward(Call<T>& c) {
  const int64_t experts = c.cols(0), k = choices(c.attributes());
  c.row_ranges(c.rows(0), experts, [&](int64_t begin, int64_t end) {
    c.k().route_backward(c.in(0) + begin * experts, c.indices(1) + begin * k, c.in(2) + begin * experts, c.out() + begin * experts, end - begin, experts, k);
  });
}
// Every probability of a row is held against every other.
Cost route_cost(const CostContext& c) { return {double(c.count(0)) * double(c.size(0, 1)), c.operand_bytes()}; }

// ---- load_balance: inputs labels, probabilities of each layer -------------------------------------------------------------
void load_balance_shape(ShapeContext& c) {
  c.expect(c.rank(0) == 1 && c.node().inputs.size() > 1, "labels and the probabilities of a layer are wanted");
  for (size_t i = 1; i < c.node().inputs.size(); ++i)
    c.expect(c.input(int(i)) == c.input(1) && c.rank(1) == 2 && c.input(1)[0] == c.input(0)[0], "the layers do not have a row of probabilities for each label");
  c.output({Dim{1, -1}});
}
int64_t balance_scratch(int64_t experts, int64_t k) { return 8 * (3 * experts + k); }
int64_t load_balance_scratch(const Graph& graph, const Node& node, const Sizes& sizes, DType) {
  return balance_scratch(sizes.of(graph.values[size_t(node.inputs.back())].dims[1]), choices(node.attributes));
}

// coefficient * scored labels * experts / (rows of all layers)^2, and how often each expert was chosen. Layers from input `first`.
template <class T>
double balance(const Call<T>& c, const int32_t* labels, int first, double* counts, double* sums) {
  const int64_t rows = c.rows(first), experts = c.cols(first), k = choices(c.attributes());
  T* weights = reinterpret_cast<T*>(sums + experts);
  int32_t* chosen = reinterpret_cast<int32_t*>(sums + 2 * experts);
  std::fill(counts, counts + 2 * experts, 0.0);
  for (int layer = first; layer < int(c.node().inputs.size()); ++layer)
    for (int64_t r = 0; r < rows; ++r) {
      const T* probs = c.in(layer) + r * experts;
      c.k().route(probs, weights, chosen, 1, experts, k);
      for (int64_t i = 0; i < k; ++i) counts[chosen[i]] += 1;
      for (int64_t e = 0; e < experts; ++e) sums[e] += double(probs[e]);
    }
  int64_t scored = 0;
  for (int64_t r = 0; r < rows; ++r) scored += labels[r] >= 0;
  const double total = double(rows) * double(c.node().inputs.size() - size_t(first));
  return total > 0 ? c.attributes().number("coefficient") * double(scored) * double(experts) / (total * total) : 0;
}
template <class T>
void run_load_balance(Call<T>& c) {
  const int64_t experts = c.cols(1);
  double* counts = static_cast<double*>(c.scratch());
  double* sums = counts + experts;
  const double factor = balance(c, c.indices(0), 1, counts, sums);
  double sum = 0;
  for (int64_t e = 0; e < experts; ++e) sum += counts[e] * sums[e];
  c.out()[0] = T(factor * sum);
}
void load_balance_gradient(Grad& g) {
  std::vector<Value> inputs{g.dy()};
  for (size_t i = 0; i < g.node().inputs.size(); ++i) inputs.push_back(g.input(int(i)));
  const auto parts = g.builder().node_outputs(load_balance_backward_op(), inputs, g.attributes());
  for (size_t i = 0; i < parts.size(); ++i)
    if (g.wants(int(i) + 1)) g.add(int(i) + 1, parts[i]);
}
void load_balance_backward_shape(ShapeContext& c) {
  for (size_t i = 2; i < c.node().inputs.size(); ++i) c.output(c.input(int(i)));
}
template <class T>
void run_load_balance_backward(Call<T>& c) {   // inputs dy, labels, probabilities; how often an expert is chosen has no gradient
  const int64_t experts = c.cols(2), rows = c.rows(2);
  double* counts = static_cast<double*>(c.scratch());
  const double factor = balance(c, c.indices(1), 2, counts, counts + experts) * double(c.in(0)[0]);
  for (size_t layer = 0; layer < c.node().outputs.size(); ++layer)
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t e = 0; e < experts; ++e) c.out(int(layer))[r * experts + e] = T(factor * counts[e]);
}
Cost load_balance_cost(const CostContext& c) {
  const int last = int(c.node().inputs.size()) - 1;
  return {double(c.count(last)) * double(c.size(last, 1)) * double(last), c.operand_bytes()};
}

}  // namespace

const Op& route_op() {
  static const Op op = {.name = "route", .shape = route_shape, .gradient = route_gradient, .cost = route_cost, .scratch = route_scratch, ORRERY_RUN(run_route)};
  return op;
}
const Op& route_backward_op() {
  static const Op op = {.name = "route_backward", .shape = same_as_input, .cost = elementwise_cost, ORRERY_RUN(run_route_backward), .index_input = 1};
  return op;
}
const Op& load_balance_op() {
  static const Op op = {.name = "load_balance", .shape = load_balance_shape, .gradient = load_balance_gradient, .cost = load_balance_cost, .scratch = load_balance_scratch, ORRERY_RUN(run_load_balance), .index_input = 0};
  return op;
}
const Op& load_balance_backward_op() {
  static const Op op = {.name = "load_balance_backward", .shape = load_balance_backward_shape, .cost = load_balance_cost, .scratch = load_balance_scratch, ORRERY_RUN(run_load_balance_backward), .index_input = 1};
  return op;
}

Routing route(Value probs, int64_t k) {
  const auto parts = probs.builder->node_outputs(route_op(), {probs}, {{"k", k}});
  return {parts[0], parts[2], parts[3]};
}
Value load_balance(std::vector<Value> probs, Value labels, int64_t k, double coefficient) {
  std::vector<Value> inputs{labels};
  inputs.insert(inputs.end(), probs.begin(), probs.end());
  return labels.builder->node(load_balance_op(), inputs, {{"k", k}, {"coefficient", coefficient}});
}

}  // namespace orrery
