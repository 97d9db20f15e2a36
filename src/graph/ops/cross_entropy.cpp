// cross_entropy: sum over rows of -log softmax(logits)[label]; and linear_cross_entropy, the same fused with the output
// layer: logits are formed for a few hundred rows at a time, turned into their own gradient in place, and used up at once
// by both products of the backward pass, so that [rows, vocab] never exists. Formula: kernels/cross_entropy.h.
//
// Outputs: 0 the sum [1]; 1 the loss of each row [rows].
#include "graph/ops/products.h"
#include "graph/ops/support.h"

namespace orrery {

namespace {

constexpr int64_t kChunkRows = 512;     // rows whose logits exist at a time
constexpr int64_t kVocabTile = 4096;    // rows of the weight packed at a time, where it is not packed for good

template <class T>
T sum_in_order(const T* x, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += double(x[i]);
  return T(sum);
}

void check_labels(const int32_t* labels, int64_t rows, int64_t vocab) {
  for (int64_t r = 0; r < rows; ++r)
    if (labels[r] >= vocab)
      throw Error{ErrorKind::out_of_range, "label " + std::to_string(labels[r]) + " is outside the " + std::to_string(vocab) + " classes", "row " + std::to_string(r)};
}

// ---- cross_entropy ----------------------------------------------------------------------------------------------------
void cross_entropy_shape(ShapeContext& c) {
  c.expect(c.rank(0) == 2 && c.rank(1) == 1 && c.input(0)[0] == c.input(1)[0], "labels do not match the rows of the logits");
  c.output({Dim{1, -1}});
  c.output({c.input(0)[0]});
}
template <class T>
void run_cross_entropy(Call<T>& c) {
  const int64_t rows = c.rows(0), cols = c.cols(0);
  check_labels(c.indices(1), rows, cols);
  const T smoothing = T(c.attributes().number("label_smoothing"));
  c.row_ranges(rows, cols, [&](int64_t begin, int64_t end) {
    c.k().cross_entropy(c.in(0) + begin * cols, cols, c.indices(1) + begin, c.out(1) + begin, nullptr, nullptr, T(0), smoothing, end - begin, cols);
  });
  c.out(0)[0] = sum_in_order(c.out(1), rows);
}
// The losses of single rows are there to be looked at.
[[noreturn]] void no_row_gradients() {
  throw Error{ErrorKind::unsupported, "the losses of single rows have no gradient, their sum has", "cross_entropy"};
}
void cross_entropy_gradient(Grad& g) {
  if (g.dy(1)) no_row_gradients();
  g.add(0, g.builder().node(cross_entropy_backward_op(), {g.input(0), g.input(1), g.dy()}, g.attributes()));
}
int64_t row_scratch(const Graph& graph, const Node& node, const Sizes& sizes, DType compute) {
  return sizes.of(graph.values[size_t(node.inputs[0])].dims[0]) * size_of(compute);
}
template <class T>
void run_cross_entropy_backward(Call<T>& c) {
  const int64_t rows = c.rows(0), cols = c.cols(0);
  const T smoothing = T(c.attributes().number("label_smoothing")), factor = c.in(2)[0];
  T* loss = static_cast<T*>(c.scratch());
  c.row_ranges(rows, cols, [&](int64_t begin, int64_t end) {
    c.k().cross_entropy(c.in(0) + begin * cols, cols, c.indices(1) + begin, loss + begin, nullptr, c.out() + begin * cols, factor, smoothing, end - begin, cols);
  });
}
Cost cross_entropy_cost(const CostContext& c) { return {6.0 * double(c.count(0)), c.operand_bytes()}; }

// ---- linear_cross_entropy: inputs x, W [vocab, hidden], labels, bias? ---------------------------------------------------
void linear_cross_entropy_shape(ShapeContext& c) {
  c.expect(c.rank(0) == 2 && c.rank(1) == 2 && c.last(0) == c.last(1), "the inner sizes differ");
  c.expect(c.rank(2) == 1 && c.input(0)[0] == c.input(2)[0], "labels do not match the rows");
  if (c.has(3)) c.expect(c.rank(3) == 1 && c.last(3) == c.input(1)[0], "the bias does not have one entry per class");
  c.output({Dim{1, -1}});
  c.output({c.input(0)[0]});
}

struct ChunkScratch {
  int64_t rows, vocab, hidden, tile;
  ChunkScratch(int64_t total_rows, int64_t vocab_size, int64_t hidden_size)
      : rows(std::min(total_rows, kChunkRows)), vocab(vocab_size), hidden(hidden_size), tile(std::min(vocab_size, kVocabTile)) {}
  int64_t logits() const { return rows * vocab; }
  int64_t weight_panels() const { return std::max(packed_size(tile, hidden), packed_size(hidden, tile)); }
  int64_t row_panels() const { return packed_size(hidden, rows); }
  int64_t elements() const { return logits() + weight_panels() + row_panels(); }
};
int64_t chunk_scratch(const Graph& graph, const Node& node, const Sizes& sizes, DType compute) {
  const Dims& x = graph.values[size_t(node.inputs[0])].dims;
  const Dims& w = graph.values[size_t(node.inputs[1])].dims;
  return ChunkScratch(sizes.of(x[0]), sizes.of(w[0]), sizes.of(w[1])).elements() * size_of(compute);
}

// logits [rows, vocab] = x W^T + bias for a chunk, the weight packed tile by tile.
template <class T>
void chunk_logits(const Call<T>& c, const ChunkScratch& s, const T* x, int64_t rows, const T* bias, T* logits, T* panels) {
  for (int64_t first = 0; first < s.vocab; first += s.tile) {
    const int64_t n = std::min(s.tile, s.vocab - first);
    const std::byte* weight = static_cast<const std::byte*>(c.held(1)) + first * s.hidden * size_of(c.held_dtype(1));
    Matmul<T> p;
    p.format = parallel_pack(c, weight, c.held_dtype(1), 1, s.hidden, s.hidden, n, panels);
    p.a = x;
    p.a_row_stride = s.hidden;
    p.panels = panels;
    p.c = logits + first;
    p.c_stride = s.vocab;
    p.m = rows, p.n = n, p.k = s.hidden;
    p.bias = bias ? bias + first : nullptr;
    parallel_product(c, p);
  }
}

template <class T>
void chunk_loss(const Call<T>& c, T* logits, int64_t rows, int64_t vocab, const int32_t* labels, T* loss, T* dlogits, T factor) {
  const T smoothing = T(c.attributes().number("label_smoothing"));
  c.row_ranges(rows, vocab, [&](int64_t begin, int64_t end) {
    c.k().cross_entropy(logits + begin * vocab, vocab, labels + begin, loss + begin, nullptr, dlogits ? dlogits + begin * vocab : nullptr, factor, smoothing, end - begin, vocab);
  });
}

template <class T>
void run_linear_cross_entropy(Call<T>& c) {
  const int64_t rows = c.rows(0);
  const ChunkScratch s(rows, c.size(1, 0), c.size(1, 1));
  check_labels(c.indices(2), rows, s.vocab);
  T* logits = static_cast<T*>(c.scratch());
  T* panels = logits + s.logits();
  for (int64_t first = 0; first < rows; first += kChunkRows) {
    const int64_t count = std::min(kChunkRows, rows - first);
    chunk_logits(c, s, c.in(0) + first * s.hidden, count, c.in(3), logits, panels);
    chunk_loss(c, logits, count, s.vocab, c.indices(2) + first, c.out(1) + first, static_cast<T*>(nullptr), T(0));
  }
  c.out(0)[0] = sum_in_order(c.out(1), rows);
}

void linear_cross_entropy_gradient(Grad& g) {
  Builder& b = g.builder();
  const Value none{&b, -1};
  if (g.dy(1)) no_row_gradients();
  const std::vector<Value> inputs{g.input(0), g.input(1), g.input(2), g.has(3) ? g.input(3) : none, g.dy(), g.sum_so_far(1)};
  const auto parts = b.node_outputs(linear_cross_entropy_backward_op(), inputs, g.attributes());
  if (g.wants(0)) g.add(0, parts[1]);
  if (g.wants(1)) g.replace(1, parts[0]);
  if (g.has(3) && g.wants(3)) g.add(3, parts[4]);
  // The backward step forms the logits once more anyway, so it tells the loss too, and the forward one is not run.
  const int loss = g.output(0).id, row_losses = g.output(1).id;
  Graph& graph = b.graph();
  bool read = false;
  for (const Node& node : graph.nodes)
    for (int input : node.inputs) read = read || input == loss || input == row_losses;
  if (read) return;
  for (auto& [name, value] : graph.outputs) {
    if (value == loss) value = parts[2].id;
    else if (value == row_losses) value = parts[3].id;
  }
}

// Inputs x, W, labels, bias?, dy [1], sum so far of dW?; outputs dW, dx, loss, losses of rows, dbias?
void linear_cross_entropy_backward_shape(ShapeContext& c) {
  c.output(c.input(1));
  c.output(c.input(0));
  c.output({Dim{1, -1}});
  c.output({c.input(0)[0]});
  if (c.has(3)) c.output(c.input(3));
}

template <class T>
void run_linear_cross_entropy_backward(Call<T>& c) {
  const int64_t rows = c.rows(0);
  const ChunkScratch s(rows, c.size(1, 0), c.size(1, 1));
  check_labels(c.indices(2), rows, s.vocab);
  T *logits = static_cast<T*>(c.scratch()), *panels = logits + s.logits(), *row_panels = panels + s.weight_panels();
  const T factor = c.in(4)[0];
  T *dw = c.out(0), *dx = c.out(1), *losses = c.out(3);
  if (rows == 0 && !c.has(5)) std::fill(dw, dw + c.out_count(0), T(0));
  if (rows == 0 && c.has(3)) std::fill(c.out(4), c.out(4) + s.vocab, T(0));
  for (int64_t first = 0; first < rows; first += kChunkRows) {
    const int64_t count = std::min(kChunkRows, rows - first);
    const T* x = c.in(0) + first * s.hidden;
    chunk_logits(c, s, x, count, c.in(3), logits, panels);
    chunk_loss(c, logits, count, s.vocab, c.indices(2) + first, losses + first, logits, factor);
    // dx = dlogits W, tile by tile over the vocabulary, each going on from the sum of the ones before
    for (int64_t v = 0; v < s.vocab; v += s.tile) {
      const int64_t k = std::min(s.tile, s.vocab - v);
      const std::byte* weight = static_cast<const std::byte*>(c.held(1)) + v * s.hidden * size_of(c.held_dtype(1));
      Matmul<T> p;
      p.format = parallel_pack(c, weight, c.held_dtype(1), s.hidden, 1, k, s.hidden, panels);
      p.a = logits + v;
      p.a_row_stride = s.vocab;
      p.panels = panels;
      p.c = dx + first * s.hidden;
      p.c_stride = s.hidden;
      p.m = count, p.n = s.hidden, p.k = k;
      p.accumulate = v > 0;
      parallel_product(c, p);
    }
    // dW (+)= dlogits^T x
    Matmul<T> p;
    p.format = parallel_pack(c, x, dtype_of<T>(), s.hidden, 1, count, s.hidden, row_panels);
    p.a = logits;
    p.a_row_stride = 1;
    p.a_k_stride = s.vocab;
    p.panels = row_panels;
    p.c = dw;
    p.c_stride = s.hidden;
    p.m = s.vocab, p.n = s.hidden, p.k = count;
    p.accumulate = first > 0 || c.has(5);
    parallel_product(c, p);
    if (c.has(3))
      c.ranges(s.vocab, 4096, [&](int64_t begin, int64_t end) { c.k().column_sum(logits, s.vocab, c.out(4), count, begin, end, first > 0); });
  }
  c.out(2)[0] = sum_in_order(losses, rows);
}

Cost linear_cross_entropy_cost(const CostContext& c) {
  return {2.0 * double(c.count(0)) * double(c.size(1, 0)), c.operand_bytes()};
}
Cost linear_cross_entropy_backward_cost(const CostContext& c) {
  return {6.0 * double(c.count(0)) * double(c.size(1, 0)), c.operand_bytes()};
}

}  // namespace

const Op& cross_entropy_op() {
  static const Op op = {.name = "cross_entropy", .shape = cross_entropy_shape, .gradient = cross_entropy_gradient, .cost = cross_entropy_cost, ORRERY_RUN(run_cross_entropy), .index_input = 1};
  return op;
}
const Op& cross_entropy_backward_op() {
  static const Op op = {.name = "cross_entropy_backward", .shape = same_as_input, .cost = cross_entropy_cost, .scratch = row_scratch, ORRERY_RUN(run_cross_entropy_backward), .in_place = 0, .index_input = 1};
  return op;
}
const Op& linear_cross_entropy_op() {
  static const Op op = {.name = "linear_cross_entropy", .shape = linear_cross_entropy_shape, .gradient = linear_cross_entropy_gradient, .cost = linear_cross_entropy_cost, .scratch = chunk_scratch, ORRERY_RUN(run_linear_cross_entropy), .index_input = 2, .held_input = 1};
  return op;
}
const Op& linear_cross_entropy_backward_op() {
  static const Op op = {.name = "linear_cross_entropy_backward", .shape = linear_cross_entropy_backward_shape, .cost = linear_cross_entropy_backward_cost, .scratch = chunk_scratch, ORRERY_RUN(run_linear_cross_entropy_backward), .writes_into = 5, .index_input = 2, .held_input = 1};
  return op;
}

Value cross_entropy(Value logits, Value labels, double label_smoothing) {
  return logits.builder->node(cross_entropy_op(), {logits, labels}, {{"label_smoothing", label_smoothing}});
}

}  // namespace orrery
