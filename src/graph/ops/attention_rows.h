// What the attention ops share: checks of heads and bias, the kernel's arguments for a sequence, and the split of queries over threads.
// Formulas and the order of sums: kernels/attention.h.
#pragma once

#include "graph/ops/support.h"
#include "graph/state/paged_cache.h"

namespace orrery {

PagedCache& cache_of(Workspace& workspace);   // plan/workspace.cpp; throws Error where the run has none

struct AttentionHeads {
  int64_t heads, kv_heads, head_dim;
  explicit AttentionHeads(const Attributes& a) : heads(a.integer("num_heads")), kv_heads(a.integer("num_kv_heads")), head_dim(a.integer("head_dim")) {}
};

inline void check_heads(ShapeContext& c) {
  const AttentionHeads h(c.attributes());
  c.expect(h.heads > 0 && h.kv_heads > 0 && h.heads % h.kv_heads == 0, "num_heads is not a multiple of num_kv_heads");
  c.expect(h.head_dim > 0 && h.head_dim <= 256, "head_dim must be 1 to 256");
  c.expect(c.has_sequences(0), "q is not the rows of sequences");
  c.expect(c.last(0) == Dim{h.heads * h.head_dim, -1}, "q does not have num_heads * head_dim columns");
}

// The bias is input 3 of every op but attention_backward, whose input 6 it is; the sinks stand behind it where there are any.
inline void check_bias(ShapeContext& c, int input) {
  if (!c.has(input)) return;
  c.expect(c.rank(input) == 2 && c.input(input)[0] == Dim{AttentionHeads(c.attributes()).heads, -1} && c.last(input).fixed() && c.last(input).factor % 2 == 1,
           "the bias is not one row of distances for each head");
}

inline void check_sinks(ShapeContext& c, int input) {
  if (c.has(input)) c.expect(c.rank(input) == 1 && c.last(input) == Dim{AttentionHeads(c.attributes()).heads, -1}, "the sinks are not one number for each head");
}

// What is mixed, and the log-sum-exp; where the attribute "statistics" asks for them, entropy, sink mass and largest score of each row.
inline void attention_outputs(ShapeContext& c) {
  c.output(c.input(0));
  for (int i = c.attributes().integer("statistics") ? 4 : 1; i > 0; --i) c.output({c.input(0)[0], Dim{AttentionHeads(c.attributes()).heads, -1}});
}
template <class T>
void bind_outputs(const Call<T>& c, Attention<T>& a, int64_t row) {
  a.out = c.out(0) + row * a.out_stride;
  a.lse = c.out(1) + row * a.num_heads;
  if (c.attributes().integer("statistics")) a.statistics = {c.out(2) + row * a.num_heads, c.out(3) + row * a.num_heads, c.out(4) + row * a.num_heads};
}

// Slopes of ALiBi are made anew in each call: a few numbers, in the step's own memory.
inline int64_t slopes_scratch(const Graph&, const Node& node, const Sizes&, DType compute) {
  return node.attributes.number("alibi") > 0 ? AttentionHeads(node.attributes).heads * size_of(compute) : 0;
}

template <class T>
Attention<T> attention_arguments(const Call<T>& c, int bias = 3, T* slopes = nullptr) {
  const AttentionHeads h(c.attributes());
  Attention<T> a;
  a.num_heads = h.heads, a.num_kv_heads = h.kv_heads, a.head_dim = h.head_dim;
  a.q_stride = a.out_stride = h.heads * h.head_dim;
  a.scale = T(c.attributes().number("scale"));
  a.causal = c.attributes().integer("causal") != 0;
  a.window = c.attributes().integer("window");
  a.sink_tokens = c.attributes().integer("sink_tokens");
  a.softcap = T(c.attributes().number("softcap"));
  if (const double alibi = c.attributes().number("alibi"); alibi > 0) {
    if (!slopes) slopes = static_cast<T*>(c.scratch());
    for (int64_t head = 0; head < h.heads; ++head) slopes[head] = T(alibi_slope(head, h.heads, alibi));
    a.slopes = slopes;
  }
  if (c.has(bias + 1)) a.sinks = c.in(bias + 1);
  if (c.has(bias)) {
    a.bias = c.in(bias);
    a.bias_reach = c.cols(bias) / 2;
  }
  a.bf16_products = sizeof(T) == sizeof(float) && c.products() == DType::bf16;
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
  a.kv.head_stride = a.head_dim;
  a.kv.dtype = dtype_of<T>();
  a.kv.k = c.in(1) + keys.begin * a.kv.token_stride;
  a.kv.v = c.has(2) ? c.in(2) + keys.begin * a.kv.token_stride : nullptr;
  a.num_queries = queries.count;
  a.num_keys = keys.count;
  a.query_start = 0;
  a.dropout.sequence = queries.id;
}

// Cross-attention: its keys are not the queries' own rows.
inline bool reads_source(const Node& node) { return node.attributes.items().contains("source_slot"); }

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
void run_attention_tiles(Call<T>& c, Bind bind) {
  const Rows& queries = c.sequences(0);
  const Attention<T> common = attention_arguments(c);
  const int64_t tile_rows = attention_tile_rows(queries.count, common.num_heads, c.pool().num_threads());
  int64_t tiles = 0;
  std::vector<int64_t> first;    // first tile of each sequence
  for (const SequenceRows& sequence : queries.sequences) {
    first.push_back(tiles);
    tiles += (sequence.count + tile_rows - 1) / tile_rows;
  }
  c.pool().parallel(tiles * common.num_heads, [&](int64_t task, int thread) {
    // Longer tiles (later queries see more keys) first, so that no thread is left with one at the end.
    const int64_t tile = tiles - 1 - task / common.num_heads, head = task % common.num_heads;
    const size_t s = size_t(std::upper_bound(first.begin(), first.end(), tile) - first.begin()) - 1;
    Attention<T> a = common;
    bind(a, s);
    bind_outputs(c, a, queries.sequences[s].begin);
    const int64_t begin = (tile - first[s]) * tile_rows;
    c.k().attention(a, head, begin, std::min(begin + tile_rows, a.num_queries), c.thread_scratch(thread));
  });
}

inline Cost attention_cost(const CostContext& c) {
  const AttentionHeads h(c.attributes());
  const double queries = double(c.size(0, 0)), seen = double(c.keys());
  return {4.0 * queries * std::max(seen, 1.0) * double(h.heads * h.head_dim), c.operand_bytes()};
}

}  // namespace orrery
