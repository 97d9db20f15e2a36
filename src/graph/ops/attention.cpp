// attention: softmax(q k^T * scale) v, fused, over the sequences of two row spaces; and what goes with it.
//
//   attention            keys and values are values of this run (training, encoders, cross-attention without state)
//                        … with a bias by distance (ops/relative_bias.cpp), where there is one
//   append_keys          writes keys and values behind the sequences' earlier ones in the cache: state → state'
//   cached_attention     reads them there
//   source_keys          the state that an encode run wrote: the keys and values of the sequences' sources
//   attention_pattern    the [query, key] probabilities, computed beside the fused path from q, k and the kept lse
//   attention_scores     the same before the softmax, scaled, -inf where a query may not look
//   attention_backward   dq, dk, dv from the kept lse
//
// Formulas and the order of sums: kernels/attention.h.
#include <cmath>
#include <limits>

#include "graph/ops/support.h"
#include "graph/state/paged_cache.h"

namespace orrery {

PagedCache& cache_of(Workspace& workspace);   // plan/workspace.cpp

namespace {

struct Heads {
  int64_t heads, kv_heads, head_dim;
  explicit Heads(const Attributes& a) : heads(a.integer("num_heads")), kv_heads(a.integer("num_kv_heads")), head_dim(a.integer("head_dim")) {}
};

void check_heads(ShapeContext& c) {
  const Heads h(c.attributes());
  c.expect(h.heads > 0 && h.kv_heads > 0 && h.heads % h.kv_heads == 0, "num_heads is not a multiple of num_kv_heads");
  c.expect(h.head_dim > 0 && h.head_dim <= 256, "head_dim must be 1 to 256");
  c.expect(c.has_sequences(0), "q is not the rows of sequences");
  c.expect(c.last(0) == Dim{h.heads * h.head_dim, -1}, "q does not have num_heads * head_dim columns");
}

// Input 3 of every op but attention_backward, whose input 6 it is.
void check_bias(ShapeContext& c, int input) {
  if (!c.has(input)) return;
  c.expect(c.rank(input) == 2 && c.input(input)[0] == Dim{Heads(c.attributes()).heads, -1} && c.last(input).fixed() && c.last(input).factor % 2 == 1,
           "the bias is not one row of distances for each head");
}

void attention_outputs(ShapeContext& c) {
  c.output(c.input(0));
  c.output({c.input(0)[0], Dim{Heads(c.attributes()).heads, -1}});
}

void attention_shape(ShapeContext& c) {
  check_heads(c);
  const Heads h(c.attributes());
  c.expect(c.has_sequences(1), "k is not the rows of sequences");
  c.expect(c.last(1) == Dim{h.kv_heads * h.head_dim, -1} && c.input(1) == c.input(2), "k and v do not have num_kv_heads * head_dim columns each");
  check_bias(c, 3);
  attention_outputs(c);
}

template <class T>
Attention<T> arguments(const Call<T>& c, int bias = 3) {
  const Heads h(c.attributes());
  Attention<T> a;
  a.num_heads = h.heads, a.num_kv_heads = h.kv_heads, a.head_dim = h.head_dim;
  a.q_stride = a.out_stride = h.heads * h.head_dim;
  a.scale = T(c.attributes().number("scale"));
  a.causal = c.attributes().integer("causal") != 0;
  a.window = c.attributes().integer("window");
  if (c.has(bias)) {
    a.bias = c.in(bias);
    a.bias_reach = c.cols(bias) / 2;
  }
  if (c.settings().training && c.attributes().number("dropout") > 0) {
    a.dropout.probability = float(c.attributes().number("dropout"));
    a.dropout.seed = c.settings().seed;
    a.dropout.stream = uint32_t(c.attributes().integer("stream"));
  }
  return a;
}

// The arguments for sequence s, whose queries are rows of input 0 and whose keys are rows of input 1 (values: input 2).
template <class T>
void bind_rows(const Call<T>& c, Attention<T>& a, size_t s) {
  const SequenceRows& queries = c.sequences(0).sequences[s];
  const SequenceRows& keys = c.sequences(1).sequences[s];
  a.q = c.in(0) + queries.begin * a.q_stride;
  a.kv.token_stride = a.num_kv_heads * a.head_dim;
  a.kv.dtype = dtype_of<T>();
  a.kv.k = c.in(1) + keys.begin * a.kv.token_stride;
  a.kv.v = c.has(2) ? c.in(2) + keys.begin * a.kv.token_stride : nullptr;
  a.num_queries = queries.count;
  a.num_keys = keys.count;
  a.query_start = 0;
  a.dropout.sequence = queries.id;
}

// Cross-attention: its keys are not the queries' own rows.
bool reads_source(const Node& node) { return node.attributes.items().contains("source_slot"); }

template <class T>
void bind_cached(const Call<T>& c, Attention<T>& a, size_t s) {
  const SequenceRows& queries = c.sequences(0).sequences[s];
  a.q = c.in(0) + queries.begin * a.q_stride;
  a.num_queries = queries.count;
  a.query_start = queries.position;
  if (reads_source(c.node())) {
    if (!queries.source || !queries.source->cache) throw Error{ErrorKind::bad_usage, "sequence " + std::to_string(queries.id) + " has no source", "key/value cache"};
    a.kv = queries.source->cache->view(int(c.attributes().integer("source_slot")), *queries.source);
    a.num_keys = queries.source->length;
    return;
  }
  a.kv = cache_of(c.workspace()).view(int(c.attributes().integer("slot")), *queries.cache);
  a.num_keys = queries.position + queries.count;
}

// One task per sequence, head and tile of queries.
template <class T, class Bind>
void run_forward(Call<T>& c, Bind bind) {
  constexpr int64_t kTile = 128;
  const Rows& queries = c.sequences(0);
  const Attention<T> common = arguments(c);
  int64_t tiles = 0;
  std::vector<int64_t> first;    // first tile of each sequence
  for (const SequenceRows& sequence : queries.sequences) {
    first.push_back(tiles);
    tiles += (sequence.count + kTile - 1) / kTile;
  }
  c.pool().parallel(tiles * common.num_heads, [&](int64_t task, int thread) {
    // Longer tiles (later queries see more keys) first, so that no thread is left with one at the end.
    const int64_t tile = tiles - 1 - task / common.num_heads, head = task % common.num_heads;
    const size_t s = size_t(std::upper_bound(first.begin(), first.end(), tile) - first.begin()) - 1;
    Attention<T> a = common;
    bind(a, s);
    const int64_t row = queries.sequences[s].begin;
    a.out = c.out(0) + row * a.out_stride;
    a.lse = c.out(1) + row * a.num_heads;
    const int64_t begin = (tile - first[s]) * kTile;
    c.k().attention(a, head, begin, std::min(begin + kTile, a.num_queries), c.thread_scratch(thread));
  });
}

template <class T>
void run_attention(Call<T>& c) {
  if (c.sequences(0).sequences.size() != c.sequences(1).sequences.size())
    throw Error{ErrorKind::bad_usage, "queries and keys have different numbers of sequences", "attention"};
  run_forward(c, [&](Attention<T>& a, size_t s) { bind_rows(c, a, s); });
}

void attention_gradient(Grad& g) {
  Attributes attributes = g.attributes();
  std::vector<Value> inputs{g.input(0), g.input(1), g.input(2), g.output(0), g.output(1), g.dy()};
  if (g.has(3)) inputs.push_back(g.input(3));
  const auto parts = g.builder().node_outputs(attention_backward_op(), inputs, attributes);
  for (int i = 0; i < int(parts.size()); ++i)
    if (g.wants(i)) g.add(i, parts[size_t(i)]);
}

Cost attention_cost(const CostContext& c) {
  const Heads h(c.attributes());
  const double queries = double(c.size(0, 0)), seen = double(c.keys());
  return {4.0 * queries * std::max(seen, 1.0) * double(h.heads * h.head_dim), c.operand_bytes()};
}
Cost attention_backward_cost(const CostContext& c) {
  Cost cost = attention_cost(c);
  cost.flops *= 2.5;   // five products where there were two
  return cost;
}
Cost pattern_cost(const CostContext& c) {
  Cost cost = attention_cost(c);
  cost.flops *= 0.5;   // one product
  return cost;
}

// ---- backward ---------------------------------------------------------------------------------------------------------
void attention_backward_shape(ShapeContext& c) {
  for (int i = 0; i < 3; ++i) c.output(c.input(i));
  check_bias(c, 6);
  if (c.has(6)) c.output(c.input(6));
}
int64_t attention_backward_scratch(const Graph& graph, const Node& node, const Sizes& sizes, DType compute) {
  return sizes.of(graph.values[size_t(node.inputs[0])].dims[0]) * Heads(node.attributes).kv_heads * size_of(compute);
}
template <class T>
void run_attention_backward(Call<T>& c) {
  const Attention<T> common = arguments(c, /*bias=*/6);
  const int64_t count = int64_t(c.sequences(0).sequences.size());
  if (common.bias) std::fill_n(c.out(3), c.out_count(3), T(0));
  const auto backward = [&](size_t s, int64_t kv_head, int thread) {
    AttentionBackward<T> b;
    b.forward = common;
    bind_rows(c, b.forward, s);
    const int64_t row = c.sequences(0).sequences[s].begin, key_row = c.sequences(1).sequences[s].begin;
    const int64_t q_stride = common.q_stride, kv_stride = b.forward.kv.token_stride;
    b.forward.out = const_cast<T*>(c.in(3)) + row * q_stride;
    b.forward.lse = const_cast<T*>(c.in(4)) + row * common.num_heads;
    b.dout = c.in(5) + row * q_stride;
    b.dout_stride = b.dq_stride = q_stride;
    b.dkv_stride = kv_stride;
    b.dq = c.out(0) + row * q_stride;
    b.dk = c.out(1) + key_row * kv_stride;
    b.dv = c.out(2) + key_row * kv_stride;
    T* delta = static_cast<T*>(c.scratch()) + row * common.num_kv_heads + kv_head * c.sequences(0).sequences[s].count;
    if (common.bias) b.dbias = c.out(3);
    c.k().attention_backward(b, kv_head, delta, c.thread_scratch(thread));
  };
  if (!common.bias) return c.pool().parallel(count * common.num_kv_heads, [&](int64_t task, int thread) { backward(size_t(task / common.num_kv_heads), task % common.num_kv_heads, thread); });
  // The gradient of the bias adds up over the sequences, in their order: a head is one task.
  c.pool().parallel(common.num_kv_heads, [&](int64_t kv_head, int thread) {
    for (size_t s = 0; s < size_t(count); ++s) backward(s, kv_head, thread);
  });
}

// ---- with a cache -----------------------------------------------------------------------------------------------------
void append_keys_shape(ShapeContext& c) {
  c.expect(c.has_sequences(0) && c.input(0) == c.input(1), "k and v are not the same rows of sequences");
  c.output({Dim{0, -1}}, Element::state);
}
template <class T>
void run_append_keys(Call<T>& c) {
  PagedCache& cache = cache_of(c.workspace());
  const int slot = int(c.attributes().integer("slot"));
  const int64_t width = c.cols(0);
  const Rows& rows = c.sequences(0);
  if (slot >= cache.num_slots() || cache.slot(slot).width != width)
    throw Error{ErrorKind::bad_usage, "the cache was not made for this plan: its slot " + std::to_string(slot) + " does not hold " + std::to_string(width) + " columns", "key/value cache"};
  for (const SequenceRows& sequence : rows.sequences)
    if (!sequence.cache || sequence.cache->cache != &cache)
      throw Error{ErrorKind::bad_usage, "sequence " + std::to_string(sequence.id) + " has no place in the run's cache", "key/value cache"};
  const auto write = [&](int64_t s) {
    const SequenceRows& sequence = rows.sequences[size_t(s)];
    cache.write(slot, *sequence.cache, sequence.position, sequence.count, c.in(0) + sequence.begin * width, c.in(1) + sequence.begin * width);
  };
  if (rows.count * width < 32768)
    for (int64_t s = 0; s < int64_t(rows.sequences.size()); ++s) write(s);
  else
    c.pool().parallel(int64_t(rows.sequences.size()), write);
}
Cost append_cost(const CostContext& c) { return {0, 4.0 * c.operand_bytes()}; }

template <class T>
void nothing(Call<T>&) {}

void cached_attention_shape(ShapeContext& c) {
  check_heads(c);
  check_bias(c, 3);
  attention_outputs(c);
}
template <class T>
void run_cached_attention(Call<T>& c) {
  run_forward(c, [&](Attention<T>& a, size_t s) { bind_cached(c, a, s); });
}

// ---- beside the path --------------------------------------------------------------------------------------------------
// Inputs: q, k (or the state), and for the pattern lse. Output [query rows, heads, keys], rows filled up with zeros
// (scores: -inf) where a sequence has fewer keys than the longest.
void pattern_shape(ShapeContext& c) {
  check_heads(c);
  check_bias(c, 3);
  c.output({c.input(0)[0], Dim{Heads(c.attributes()).heads, -1}, Dim{1, c.graph().symbol("keys")}});
}

template <class T, class Row>
void for_each_pattern_row(Call<T>& c, Row row) {
  const bool cached = c.attributes().integer("cached") != 0;
  const Rows& queries = c.sequences(0);
  const int64_t width = c.out_size(0, 2);
  const Attention<T> common = arguments(c);
  c.pool().parallel(int64_t(queries.sequences.size()) * common.num_heads, [&](int64_t task, int thread) {
    const size_t s = size_t(task / common.num_heads);
    const int64_t head = task % common.num_heads;
    Attention<T> a = common;
    a.dropout = {};
    if (cached) bind_cached(c, a, s);
    else bind_rows(c, a, s);
    for (int64_t i = 0; i < a.num_queries; ++i)
      row(a, head, i, queries.sequences[s].begin, c.out() + ((queries.sequences[s].begin + i) * a.num_heads + head) * width, width, thread);
  });
}

template <class T>
void run_attention_pattern(Call<T>& c) {
  for_each_pattern_row(c, [&](Attention<T>& a, int64_t head, int64_t i, int64_t first, T* out, int64_t width, int thread) {
    a.lse = const_cast<T*>(c.in(2)) + first * a.num_heads;
    c.k().attention_pattern(a, head, i, i + 1, out, c.thread_scratch(thread));
    std::fill(out + a.num_keys, out + width, T(0));
  });
}

template <class T>
T key_element(const KeyValueView& kv, int64_t offset) {
  switch (kv.dtype) {
    case DType::bf16: return T(bf16_to_float(static_cast<const uint16_t*>(kv.k)[offset]));
    case DType::f16: return T(f16_to_float(static_cast<const uint16_t*>(kv.k)[offset]));
    default: return static_cast<const T*>(kv.k)[offset];
  }
}

template <class T>
void run_attention_scores(Call<T>& c) {
  for_each_pattern_row(c, [&](Attention<T>& a, int64_t head, int64_t i, int64_t, T* out, int64_t width, int) {
    std::fill(out, out + width, -std::numeric_limits<T>::infinity());
    const T* q = a.q + i * a.q_stride + head * a.head_dim;
    const int64_t kv_head = head / (a.num_heads / a.num_kv_heads), at = a.query_start + i;
    for (int64_t j = 0; j < a.num_keys; ++j) {
      if ((a.causal && j > at) || (a.window > 0 && j <= at - a.window)) continue;
      T sum = 0;
      for (int64_t d = 0; d < a.head_dim; ++d) sum += q[d] * key_element<T>(a.kv, a.kv.row(j) + kv_head * a.head_dim + d);
      out[j] = a.scale * sum;
      if (a.bias) out[j] += a.bias[head * (2 * a.bias_reach + 1) + a.bias_reach + std::clamp(j - at, -a.bias_reach, a.bias_reach)];
    }
  });
}

}  // namespace

const Op& source_keys_op() {
  static const Op op = {.name = "source_keys", .shape = [](ShapeContext& c) { c.output({Dim{0, -1}}, Element::state); }, .cost = [](const CostContext&) { return Cost{}; }, ORRERY_RUN(nothing)};
  return op;
}
const Op& attention_op() {
  static const Op op = {.name = "attention", .shape = attention_shape, .gradient = attention_gradient, .cost = attention_cost, ORRERY_RUN(run_attention)};
  return op;
}
const Op& attention_backward_op() {
  static const Op op = {.name = "attention_backward", .shape = attention_backward_shape, .cost = attention_backward_cost, .scratch = attention_backward_scratch, ORRERY_RUN(run_attention_backward)};
  return op;
}
const Op& append_keys_op() {
  static const Op op = {.name = "append_keys", .shape = append_keys_shape, .cost = append_cost, ORRERY_RUN(run_append_keys), .effect = true};
  return op;
}
const Op& cached_attention_op() {
  static const Op op = {.name = "cached_attention", .shape = cached_attention_shape, .cost = attention_cost, ORRERY_RUN(run_cached_attention)};
  return op;
}
const Op& attention_pattern_op() {
  static const Op op = {.name = "attention_pattern", .shape = pattern_shape, .cost = pattern_cost, ORRERY_RUN(run_attention_pattern)};
  return op;
}
const Op& attention_scores_op() {
  static const Op op = {.name = "attention_scores", .shape = pattern_shape, .cost = pattern_cost, ORRERY_RUN(run_attention_scores)};
  return op;
}

Value attention(Value q, Value k, Value v, Sequences queries, Sequences keys, const AttentionOptions& o) {
  Builder& b = *q.builder;
  Attributes a = {{"num_heads", o.num_heads}, {"num_kv_heads", o.num_kv_heads}, {"head_dim", o.head_dim},
                  {"scale", o.scale != 0 ? o.scale : 1.0 / std::sqrt(double(o.head_dim))}, {"causal", int64_t(o.causal)},
                  {"window", o.window}, {"dropout", o.dropout}};
  if (o.dropout > 0) a.set("stream", int64_t(b.next_stream()));
  if (queries.symbol == keys.symbol && o.causal) a.set("slot", int64_t(b.next_slot()));
  if (queries.symbol != keys.symbol) a.set("source_slot", int64_t(b.next_source_slot()));
  std::vector<Value> inputs{q, k, v};
  if (o.bias) inputs.push_back(o.bias);
  return b.node(attention_op(), inputs, std::move(a));
}

}  // namespace orrery
