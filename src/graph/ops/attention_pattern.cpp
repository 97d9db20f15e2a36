// What the fused kernel never forms, computed beside its path, for looking inside:
//
//   attention_pattern    the probabilities of keys for each query, from q, k and the kept lse
//   attention_scores     the same before the softmax, scaled, capped and with what distances add, -inf where a query may not look
//
// Inputs: q, k (or the state), and for the pattern lse. Output [query rows, heads, keys], rows filled up with zeros
// (scores: -inf) where a sequence has fewer keys than the longest.
#include <cmath>
#include <limits>

#include "graph/ops/attention_rows.h"

namespace orrery {

namespace {

void pattern_shape(ShapeContext& c) {
  check_heads(c);
  check_bias(c, 3);
  c.output({c.input(0)[0], Dim{AttentionHeads(c.attributes()).heads, -1}, Dim{1, c.graph().symbol("keys")}});
}

template <class T, class Row>
void for_each_pattern_row(Call<T>& c, Row row) {
  const bool cached = c.attributes().integer("cached") != 0;
  const Rows& queries = c.sequences(0);
  const int64_t width = c.out_size(0, 2);
  const Attention<T> common = attention_arguments(c);
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
T key_element(const KeyValueView& kv, int64_t kv_head, int64_t j, int64_t x) {
  const int64_t offset = kv.of_key(kv_head, j, x);
  switch (kv.dtype) {
    case DType::i8: return T(kv.scaled_key(kv_head, j, x));
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
    const bool rounded = a.bf16_products && a.kv.dtype != DType::i8;
    // As products take their operands (kernels/matmul.h): one below 2^-126 is a zero.
    const auto operand = [&](T x) { return !rounded ? x : std::abs(float(x)) < 0x1p-126f ? x * T(0) : T(bf16_to_float(float_to_bf16(float(x)))); };
    const int64_t kv_head = head / (a.num_heads / a.num_kv_heads), at = a.query_start + i;
    for (int64_t j = 0; j < a.num_keys; ++j) {
      if ((a.causal && j > at) || (a.window > 0 && j <= at - a.window && j >= a.sink_tokens)) continue;
      T sum = 0;
      for (int64_t d = 0; d < a.head_dim; ++d) sum += operand(q[d]) * operand(key_element<T>(a.kv, kv_head, j, d));
      out[j] = a.scale * sum;
      if (a.softcap > 0) out[j] = a.softcap * std::tanh(out[j] / a.softcap);
      if (a.bias) out[j] += a.bias[head * (2 * a.bias_reach + 1) + a.bias_reach + std::clamp(j - at, -a.bias_reach, a.bias_reach)];
      if (a.slopes) out[j] -= a.slopes[head] * T(std::abs(j - at));
    }
  });
}

Cost pattern_cost(const CostContext& c) {
  Cost cost = attention_cost(c);
  cost.flops *= 0.5;   // one product
  return cost;
}

}  // namespace

const Op& attention_pattern_op() {
  static const Op op = {.name = "attention_pattern", .shape = pattern_shape, .cost = pattern_cost, .scratch = slopes_scratch, ORRERY_RUN(run_attention_pattern)};
  return op;
}
const Op& attention_scores_op() {
  static const Op op = {.name = "attention_scores", .shape = pattern_shape, .cost = pattern_cost, .scratch = slopes_scratch, ORRERY_RUN(run_attention_scores)};
  return op;
}

}  // namespace orrery
