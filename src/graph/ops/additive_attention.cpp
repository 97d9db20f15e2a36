// additive_attention: what a query finds in a sequence of keys by a small network instead of a product (Bahdanau et al. 2014,
// appendix A.1.2):
//
//   score[j] = v . tanh(q + keys[j]);   pattern = softmax(score);   y = sum over j of pattern[j] * values[j]
//
//   additive_attention            the i-th sequence of queries looks at the i-th sequence of keys, at all of it
//   additive_pattern              the pattern beside it, computed anew by the same steps
//   additive_attention_backward   dq, dkeys, dvalues, dv; the pattern is computed anew
//
// A sequence without keys gives zeros.
#include "graph/ops/support.h"

namespace orrery {

namespace {

// Memory of one sequence of keys.
template <class T>
struct Alignment {
  T* hidden;     // [keys, dim]: tanh(q + keys)
  T* pattern;    // [keys]
};

void check_alignment(ShapeContext& c, int q, int keys, int v) {
  c.expect(c.has_sequences(q) && c.has_sequences(keys), "queries and keys are not the rows of sequences");
  c.expect(c.last(q) == c.last(keys) && c.rank(v) == 1 && c.last(v) == c.last(q), "queries, keys and v differ in width");
}

// Pairs of sequences, one task each: f(sequence, queries, keys, memory of the keys).
template <class T, class F>
void for_each_pair(Call<T>& c, int q, int keys, F&& f) {
  const Rows &queries = c.sequences(q), &sources = c.sequences(keys);
  if (queries.sequences.size() != sources.sequences.size())
    throw Error{ErrorKind::bad_usage, std::to_string(queries.sequences.size()) + " sequences look at " + std::to_string(sources.sequences.size()), "additive_attention"};
  const int64_t dim = c.cols(keys);
  T* scratch = static_cast<T*>(c.scratch());
  c.pool().parallel(int64_t(queries.sequences.size()), [&](int64_t s) {
    const SequenceRows& source = sources.sequences[size_t(s)];
    T* own = scratch + source.begin * (dim + 1);
    f(size_t(s), queries.sequences[size_t(s)], source, Alignment<T>{own, own + source.count * dim});
  });
}
int64_t pair_scratch(const Graph& graph, const Node& node, const Sizes& sizes, DType compute, int keys) {
  const Dims& dims = graph.values[size_t(node.inputs[size_t(keys)])].dims;
  return sizes.of(dims[0]) * (sizes.of(dims[1]) + 1) * size_of(compute);
}

template <class T>
T dot(const T* a, const T* b, int64_t n) {
  T sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}
template <class T>
void add_scaled(const T* x, T factor, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] += factor * x[i];
}

template <class T>
void align(const Call<T>& c, const T* q, const T* keys, const T* v, int64_t count, int64_t dim, const Alignment<T>& a) {
  c.k().binary_row(Binary::add, keys, q, a.hidden, count, dim);
  c.k().unary(Unary::tanh, a.hidden, a.hidden, count * dim);
  for (int64_t j = 0; j < count; ++j) a.pattern[j] = dot(a.hidden + j * dim, v, dim);
  c.k().softmax(a.pattern, a.pattern, 1, count);
}

// ---- inputs q, keys, values, v ------------------------------------------------------------------------------------------
void additive_attention_shape(ShapeContext& c) {
  check_alignment(c, 0, 1, 3);
  c.expect(c.rank(2) == 2 && c.input(2)[0] == c.input(1)[0], "there is not one value for each key");
  c.output({c.input(0)[0], c.last(2)});
}
int64_t additive_attention_scratch(const Graph& graph, const Node& node, const Sizes& sizes, DType compute) { return pair_scratch(graph, node, sizes, compute, 1); }
template <class T>
void run_additive_attention(Call<T>& c) {
  const int64_t dim = c.cols(1), width = c.cols(2);
  for_each_pair(c, 0, 1, [&](size_t, const SequenceRows& queries, const SequenceRows& keys, const Alignment<T>& a) {
    for (int64_t r = queries.begin; r < queries.begin + queries.count; ++r) {
      T* y = c.out() + r * width;
      std::fill(y, y + width, T(0));
      align(c, c.in(0) + r * dim, c.in(1) + keys.begin * dim, c.in(3), keys.count, dim, a);
      for (int64_t j = 0; j < keys.count; ++j) add_scaled(c.in(2) + (keys.begin + j) * width, a.pattern[j], y, width);
    }
  });
}
void additive_attention_gradient(Grad& g) {
  const auto parts = g.builder().node_outputs(additive_attention_backward_op(), {g.input(0), g.input(1), g.input(2), g.input(3), g.dy()});
  for (int i = 0; i < 4; ++i)
    if (g.wants(i)) g.add(i, parts[size_t(i)]);
}
// For each key: a sum, a tanh and a product of `dim`, and a product of the value's width.
Cost additive_attention_cost(const CostContext& c) {
  return {double(c.size(0, 0)) * double(c.keys()) * (4.0 * double(c.size(0, -1)) + 2.0 * double(c.size(2, -1))), c.operand_bytes()};
}

// ---- inputs q, keys, v; output [query rows, 1, keys], filled up with zeros ------------------------------------------------
void additive_pattern_shape(ShapeContext& c) {
  check_alignment(c, 0, 1, 2);
  c.output({c.input(0)[0], Dim{1, -1}, Dim{1, c.graph().symbol("keys")}});
}
template <class T>
void run_additive_pattern(Call<T>& c) {
  const int64_t dim = c.cols(1), width = c.out_size(0, 2);
  for_each_pair(c, 0, 1, [&](size_t, const SequenceRows& queries, const SequenceRows& keys, const Alignment<T>& a) {
    for (int64_t r = queries.begin; r < queries.begin + queries.count; ++r) {
      align(c, c.in(0) + r * dim, c.in(1) + keys.begin * dim, c.in(2), keys.count, dim, a);
      std::copy(a.pattern, a.pattern + keys.count, c.out() + r * width);
      std::fill(c.out() + r * width + keys.count, c.out() + (r + 1) * width, T(0));
    }
  });
}
Cost additive_pattern_cost(const CostContext& c) { return {4.0 * double(c.size(0, 0)) * double(c.keys()) * double(c.size(0, -1)), c.operand_bytes()}; }

// ---- backward: inputs q, keys, values, v, dy; outputs dq, dkeys, dvalues, dv ----------------------------------------------
void additive_attention_backward_shape(ShapeContext& c) {
  for (int i = 0; i < 4; ++i) c.output(c.input(i));
}
int64_t additive_attention_backward_scratch(const Graph& graph, const Node& node, const Sizes& sizes, DType compute) {
  // … and a sum of dv for each row of queries, of which a sequence uses the first.
  const Dims& q = graph.values[size_t(node.inputs[0])].dims;
  return pair_scratch(graph, node, sizes, compute, 1) + sizes.count(q) * size_of(compute);
}
template <class T>
void run_additive_attention_backward(Call<T>& c) {
  const int64_t dim = c.cols(1), width = c.cols(2);
  T* sums = static_cast<T*>(c.scratch()) + c.rows(1) * (dim + 1);
  for_each_pair(c, 0, 1, [&](size_t, const SequenceRows& queries, const SequenceRows& keys, const Alignment<T>& a) {
    T *dkeys = c.out(1) + keys.begin * dim, *dvalues = c.out(2) + keys.begin * width;
    std::fill(dkeys, dkeys + keys.count * dim, T(0));
    std::fill(dvalues, dvalues + keys.count * width, T(0));
    if (queries.count == 0) return;
    T* dv = sums + queries.begin * dim;
    std::fill(dv, dv + dim, T(0));
    for (int64_t r = queries.begin; r < queries.begin + queries.count; ++r) {
      const T* dy = c.in(4) + r * width;
      T* dq = c.out(0) + r * dim;
      std::fill(dq, dq + dim, T(0));
      align(c, c.in(0) + r * dim, c.in(1) + keys.begin * dim, c.in(3), keys.count, dim, a);
      T mean = 0;     // of dpattern, by the pattern
      for (int64_t j = 0; j < keys.count; ++j) {
        mean += a.pattern[j] * dot(dy, c.in(2) + (keys.begin + j) * width, width);
        add_scaled(dy, a.pattern[j], dvalues + j * width, width);
      }
      for (int64_t j = 0; j < keys.count; ++j) {
        const T dscore = a.pattern[j] * (dot(dy, c.in(2) + (keys.begin + j) * width, width) - mean);
        const T* h = a.hidden + j * dim;
        for (int64_t d = 0; d < dim; ++d) {
          const T through = dscore * c.in(3)[d] * (1 - h[d] * h[d]);
          dkeys[j * dim + d] += through;
          dq[d] += through;
          dv[d] += dscore * h[d];
        }
      }
    }
  });
  std::fill(c.out(3), c.out(3) + dim, T(0));
  for (const SequenceRows& queries : c.sequences(0).sequences)
    if (queries.count > 0) add_scaled(sums + queries.begin * dim, T(1), c.out(3), dim);
}
Cost additive_attention_backward_cost(const CostContext& c) {
  return {double(c.size(0, 0)) * double(c.keys()) * (12.0 * double(c.size(0, -1)) + 6.0 * double(c.size(2, -1))), c.operand_bytes()};
}

}  // namespace

const Op& additive_attention_op() {
  static const Op op = {.name = "additive_attention", .shape = additive_attention_shape, .gradient = additive_attention_gradient, .cost = additive_attention_cost, .scratch = additive_attention_scratch, ORRERY_RUN(run_additive_attention)};
  return op;
}
const Op& additive_attention_backward_op() {
  static const Op op = {.name = "additive_attention_backward", .shape = additive_attention_backward_shape, .cost = additive_attention_backward_cost, .scratch = additive_attention_backward_scratch, ORRERY_RUN(run_additive_attention_backward)};
  return op;
}
const Op& additive_pattern_op() {
  static const Op op = {.name = "additive_pattern", .shape = additive_pattern_shape, .cost = additive_pattern_cost, .scratch = additive_attention_scratch, ORRERY_RUN(run_additive_pattern)};
  return op;
}

Value additive_attention(Value q, Value keys, Value values, Value v) { return q.builder->node(additive_attention_op(), {q, keys, values, v}); }
Value additive_pattern(Value q, Value keys, Value v) { return q.builder->node(additive_pattern_op(), {q, keys, v}); }

}  // namespace orrery
