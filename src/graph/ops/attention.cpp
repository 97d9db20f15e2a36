// attention: softmax(q k^T * scale + bias) v, fused, over the sequences of two row spaces.
//
//   attention            keys and values are values of this run (training, encoders, cross-attention without state)
//                        … with a bias by distance (ops/relative_bias.cpp) and sinks, where there are any
//   attention_backward   dq, dk, dv, dbias, dsinks from the kept lse
//
// Over a cache: cached_attention.cpp; looked at: attention_pattern.cpp. Formulas and the order of sums: kernels/attention.h.
#include <cmath>

#include "graph/ops/attention_rows.h"

namespace orrery {

namespace {

void attention_shape(ShapeContext& c) {
  check_heads(c);
  const AttentionHeads h(c.attributes());
  c.expect(c.has_sequences(1), "k is not the rows of sequences");
  c.expect(c.last(1) == Dim{h.kv_heads * h.head_dim, -1} && c.input(1) == c.input(2), "k and v do not have num_kv_heads * head_dim columns each");
  check_bias(c, 3);
  check_sinks(c, 4);
  attention_outputs(c);
}

template <class T>
void run_attention(Call<T>& c) {
  if (c.sequences(0).sequences.size() != c.sequences(1).sequences.size())
    throw Error{ErrorKind::bad_usage, "queries and keys have different numbers of sequences", "attention"};
  run_attention_tiles(c, [&](Attention<T>& a, size_t s) { bind_rows(c, a, s); });
}

void attention_gradient(Grad& g) {
  Attributes attributes = g.attributes();
  std::vector<Value> inputs{g.input(0), g.input(1), g.input(2), g.output(0), g.output(1), g.dy()};
  for (int i : {3, 4})
    if (i < int(g.node().inputs.size())) inputs.push_back(g.input(i));
  const auto parts = g.builder().node_outputs(attention_backward_op(), inputs, attributes);
  size_t part = 0;
  for (int i = 0; i < 5; ++i) {
    if (!g.has(i)) continue;
    if (g.wants(i)) g.add(i, parts[part]);
    ++part;
  }
}

// ---- backward ---------------------------------------------------------------------------------------------------------
void attention_backward_shape(ShapeContext& c) {
  for (int i = 0; i < 3; ++i) c.output(c.input(i));
  check_bias(c, 6);
  check_sinks(c, 7);
  for (int i : {6, 7})
    if (c.has(i)) c.output(c.input(i));
}
int64_t attention_backward_scratch(const Graph& graph, const Node& node, const Sizes& sizes, DType compute) {
  return slopes_scratch(graph, node, sizes, compute) + sizes.of(graph.values[size_t(node.inputs[0])].dims[0]) * AttentionHeads(node.attributes).kv_heads * size_of(compute);
}
template <class T>
void run_attention_backward(Call<T>& c) {
  T* deltas = static_cast<T*>(c.scratch());
  const Attention<T> common = attention_arguments(c, /*bias=*/6, /*slopes=*/deltas + c.rows(0) * AttentionHeads(c.attributes()).kv_heads);
  const int64_t count = int64_t(c.sequences(0).sequences.size());
  T* dbias = common.bias ? c.out(3) : nullptr;
  T* dsinks = common.sinks ? c.out(common.bias ? 4 : 3) : nullptr;
  if (dbias) std::fill_n(dbias, c.out_count(3), T(0));
  if (dsinks) std::fill_n(dsinks, common.num_heads, T(0));
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
    T* delta = deltas + row * common.num_kv_heads + kv_head * c.sequences(0).sequences[s].count;
    b.dbias = dbias;
    b.dsinks = dsinks;
    c.k().attention_backward(b, kv_head, delta, c.thread_scratch(thread));
  };
  if (!dbias && !dsinks) return c.pool().parallel(count * common.num_kv_heads, [&](int64_t task, int thread) { backward(size_t(task / common.num_kv_heads), task % common.num_kv_heads, thread); });
  // The gradients of the bias and the sinks add up over the sequences, in their order: a head is one task.
  c.pool().parallel(common.num_kv_heads, [&](int64_t kv_head, int thread) {
    for (size_t s = 0; s < size_t(count); ++s) backward(s, kv_head, thread);
  });
}
Cost attention_backward_cost(const CostContext& c) {
  Cost cost = attention_cost(c);
  cost.flops *= 2.5;   // five products where there were two
  return cost;
}

}  // namespace

const Op& attention_op() {
  static const Op op = {.name = "attention", .shape = attention_shape, .gradient = attention_gradient, .cost = attention_cost, .scratch = slopes_scratch, ORRERY_RUN(run_attention)};
  return op;
}
const Op& attention_backward_op() {
  static const Op op = {.name = "attention_backward", .shape = attention_backward_shape, .cost = attention_backward_cost, .scratch = attention_backward_scratch, ORRERY_RUN(run_attention_backward)};
  return op;
}

Value attention(Value q, Value k, Value v, Sequences queries, Sequences keys, const AttentionOptions& o) {
  Builder& b = *q.builder;
  Attributes a = {{"num_heads", o.num_heads}, {"num_kv_heads", o.num_kv_heads}, {"head_dim", o.head_dim},
                  {"scale", o.scale != 0 ? o.scale : 1.0 / std::sqrt(double(o.head_dim))}, {"causal", int64_t(o.causal)},
                  {"window", o.window}, {"dropout", o.dropout}};
  if (o.sink_tokens > 0) a.set("sink_tokens", o.sink_tokens);
  if (o.softcap > 0) a.set("softcap", o.softcap);
  if (o.alibi > 0) a.set("alibi", o.alibi);
  if (o.dropout > 0) a.set("stream", int64_t(b.next_stream()));
  if (queries.symbol == keys.symbol && o.causal) a.set("slot", int64_t(b.next_slot()));
  if (queries.symbol != keys.symbol) a.set("source_slot", int64_t(b.next_source_slot()));
  std::vector<Value> inputs{q, k, v};
  if (o.bias || o.sinks) inputs.push_back(o.bias);
  if (o.sinks) inputs.push_back(o.sinks);
  return b.node(attention_op(), inputs, std::move(a));
}

}  // namespace orrery
