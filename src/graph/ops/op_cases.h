// For tests only: for every op with a gradient, small graphs that use it. Tests run over this table: finite differences,
// f32 against f64, threads, neighbours, memory.
#pragma once

#include <cmath>
#include <memory>
#include <vector>

#include "graph/graph_case.h"
#include "graph/op.h"

namespace orrery {

struct OpCase {
  const char* name;
  void (*build)(GraphCase&);
};

namespace cases {

inline Sequences ragged(GraphCase& c) { return c.space("tokens", {3, 1, 4}); }

inline void binary_pair(GraphCase& c, Value (*f)(Value, Value)) {
  ragged(c);
  const Value x = c.rows("x", 3), y = c.positive_rows("y", 3);
  const Value row = c.weight("row", {3}, 0.2, 1.5);
  c.add(f(x, y));
  c.add(f(x, row));
  c.add(f(f(x, x * 0.5 + 2.0), y));
}
inline Value plus(Value a, Value b) { return a + b; }
inline Value minus(Value a, Value b) { return a - b; }
inline Value times(Value a, Value b) { return a * b; }
inline Value over(Value a, Value b) { return a / b; }

inline void all_unary(GraphCase& c) {
  ragged(c);
  const Value x = c.rows("x", 3), p = c.positive_rows("p", 3);
  for (Unary kind : {Unary::gelu, Unary::gelu_tanh, Unary::relu, Unary::silu, Unary::tanh, Unary::sigmoid, Unary::exp, Unary::square}) c.add(unary(kind, x));
  for (Unary kind : {Unary::sqrt, Unary::reciprocal, Unary::log}) c.add(unary(kind, p));
}
inline void all_gated(GraphCase& c) {
  ragged(c);
  const Value gate = c.rows("gate", 5), up = c.rows("up", 5);
  for (Unary kind : {Unary::gelu, Unary::gelu_tanh, Unary::relu, Unary::silu, Unary::sigmoid}) c.add(gated(kind, gate, up));
}

inline void linear_case(GraphCase& c, bool transposed, bool bias) {
  ragged(c);
  const Value w = c.weight("w", transposed ? std::vector<int64_t>{5, 3} : std::vector<int64_t>{3, 5}, 0.5);
  const auto b = bias ? std::optional<Value>(c.weight("b", {3})) : std::nullopt;
  c.add(linear(c.rows("x", 5), w, b, transposed));
}
inline void linear_wide(GraphCase& c) {    // several panels of columns and of inner size
  c.space("tokens", {2, 1});
  c.add(linear(c.rows("x", 9), c.weight("w", {70, 9}, 0.3), c.weight("b", {70})));
}
inline void linear_twice(GraphCase& c) {   // one weight and one bias, used three times
  ragged(c);
  const Value w = c.weight("w", {4, 4}, 0.5), b = c.weight("b", {4});
  Value x = c.rows("x", 4);
  for (int i = 0; i < 2; ++i) x = unary(Unary::tanh, linear(x, w, b));
  c.add(linear(x, w, b, true));
}
inline void linear_of_computed(GraphCase& c) {   // the weight and the bias are themselves computed, and read elsewhere
  ragged(c);
  const Value w = c.weight("w", {4, 4}, 0.5), other = c.weight("other", {4, 4}), b = c.weight("b", {4}), b2 = c.weight("b2", {4});
  const Value x = linear(c.rows("x", 4), w, b);
  c.add(x);
  const Value sum = w + other, biases = b + b2;
  c.add(linear(unary(Unary::tanh, x), sum, biases));
  c.add(sum);
  c.add(biases);
}

inline void matmul_case(GraphCase& c, bool ta, bool tb) {
  ragged(c);
  const Value a = c.rows("a", 3), b = c.rows("b", 3);
  const Value w = c.weight("w", tb ? std::vector<int64_t>{4, 3} : std::vector<int64_t>{3, 4});
  const Value v = c.weight("v", tb ? std::vector<int64_t>{2, 5} : std::vector<int64_t>{5, 2});
  const Value u = c.weight("u", {5, 3});
  if (!ta) c.add(matmul(a, w, false, tb));                                              // [tokens, 4]
  if (ta && !tb) c.add(matmul(a, b, true, false));                                      // over the rows: [3, 3]
  if (!ta && tb) c.add(matmul(a, b, false, true));                                      // [tokens, tokens]
  c.add(matmul(ta ? u : c.weight("u2", {3, 5}), v, ta, tb));                            // [3, 2]
}

inline void embedding_case(GraphCase& c) {
  const Sequences s = ragged(c);
  const Value ids = c.indices("ids", "tokens", {1, 4, 1, 0, 2, 2, 2, 4});
  const Value table = c.weight("table", {6, 3});
  c.add(embedding(table, ids) + embedding(c.weight("places", {5, 3}), s.positions()));
  c.add(embedding(table, s.positions()));                       // the same table once more
}
inline void constant_table_case(GraphCase& c) {
  const Sequences s = ragged(c);
  std::vector<float> numbers;
  for (int i = 0; i < 15; ++i) numbers.push_back(std::sin(float(i)));
  c.add(c.rows("x", 3) * constant_table(Tensor::from(numbers, {5, 3}), s.positions()));
}

inline void layer_norm_case(GraphCase& c) {
  ragged(c);
  const Value x = c.rows("x", 5), w = c.weight("w", {5}, 0.3, 1), b = c.weight("b", {5});
  c.add(layer_norm(x, w, b, 1e-5));
  c.add(layer_norm(c.rows("x2", 5), w, std::nullopt, 1e-2));
}
inline void rms_norm_case(GraphCase& c) {
  ragged(c);
  const Value x = c.rows("x", 5), w = c.weight("w", {5}, 0.3, 1);
  c.add(rms_norm(x, w, 1e-5));
  c.add(rms_norm(x, w, 1e-5, 1));
}
inline void softmax_case(GraphCase& c) {
  ragged(c);
  c.add(softmax(c.rows("x", 7)));
}

inline void select_rows_case(GraphCase& c) {
  ragged(c);
  c.sizes["chosen"] = 5;
  c.add(select_rows(c.rows("x", 3), c.indices("chosen rows", "chosen", {7, 0, 0, 3, 7})));
}
inline void boundary_rows_case(GraphCase& c) {
  const Sequences s = ragged(c);
  const Value x = c.rows("x", 3);
  c.add(select_rows(x, s.first_rows()));
  c.add(select_rows(x * x, s.last_rows()));
}
inline void mean_rows_case(GraphCase& c) {
  const Sequences s = ragged(c);
  c.add(mean_rows(c.rows("x", 3), s));
}
inline void split_case(GraphCase& c) {
  ragged(c);
  const auto parts = split_columns(c.rows("x", 7), {2, 4, 1});
  c.add(parts[0]);                                     // nothing reads the second: its gradient is zero
  c.add(parts[2] * parts[2]);
}
inline void concat_case(GraphCase& c) {
  ragged(c);
  const Value x = c.rows("x", 2), y = c.rows("y", 3);
  c.add(unary(Unary::tanh, concat_columns({x, y, x})));
}
inline void transpose_case(GraphCase& c) {
  ragged(c);
  const Value x = c.rows("x", 3);
  c.add(transpose(x));
  c.add(transpose(transpose(x) * 2.0));
}
inline void sum_all_case(GraphCase& c) {
  ragged(c);
  const Value x = c.rows("x", 3), total = sum_all(x * x);
  c.coupled = true;
  c.add(total * total);
}
inline void dropout_case(GraphCase& c) {
  const Sequences s = ragged(c);
  c.training = true;
  const Value x = c.rows("x", 9);
  c.add(dropout(unary(Unary::tanh, x), s, 0.4) + dropout(x, s, 0.25));
}
inline void round_to_case(GraphCase& c) {   // straight through: f64 does not round
  ragged(c);
  c.tolerance = 0.01;
  c.add(c.g.node(round_to_op(), {c.rows("x", 3)}, {{"dtype", std::string("bf16")}}));
}

inline void rotary_case(GraphCase& c, int64_t head_dim, int64_t rotary_dim, RotaryLayout layout, double factor) {
  const Sequences s = ragged(c);
  auto table = std::make_shared<RotaryTable>();
  table->head_dim = head_dim, table->rotary_dim = rotary_dim, table->layout = layout, table->attention_factor = factor, table->max_positions = 8;
  for (int64_t i = 0; i < rotary_dim / 2; ++i) table->inverse_frequencies.push_back(std::pow(100.0, -2.0 * double(i) / double(rotary_dim)));
  c.add(rotary(c.rows("x", 2 * head_dim), s.positions(), table));
}

inline void attention_case(GraphCase& c, std::vector<int64_t> counts, AttentionOptions o, const char* keys = "tokens") {
  const Sequences s = c.space("tokens", std::move(counts));
  if (std::string(keys) != "tokens") c.space(keys, {2, 5, 3});
  const Value q = c.rows("q", o.num_heads * o.head_dim), k = c.rows("k", o.num_kv_heads * o.head_dim, keys), v = c.rows("v", o.num_kv_heads * o.head_dim, keys);
  c.training = o.dropout > 0;
  c.add(attention(q, k, v, s, c.g.sequences(keys), o));
}
inline void biased_attention(GraphCase& c, AttentionOptions o, bool both_ways) {
  o.bias = relative_bias(c.weight("table", {8, o.num_heads}), both_ways, 5);   // sequences are longer than its reach
  attention_case(c, {3, 1, 9}, o);
}
inline void attention_with_sinks(GraphCase& c, AttentionOptions o, bool biased) {
  o.sinks = c.weight("sinks", {o.num_heads});
  if (biased) return biased_attention(c, o, false);
  attention_case(c, {3, 1, 9}, o);
}
inline void self_attention_block(GraphCase& c) {
  const Sequences s = ragged(c);
  const Value x = c.rows("x", 6);
  const auto qkv = split_columns(linear(layer_norm(x, c.weight("ln", {6}, 0.1, 1), std::nullopt, 1e-5), c.weight("qkv", {12, 6}, 0.4)), {6, 3, 3});
  const Value mixed = attention(qkv[0], qkv[1], qkv[2], s, s, {.num_heads = 2, .num_kv_heads = 1, .head_dim = 3, .causal = true});
  const Value y = x + linear(mixed, c.weight("o", {6, 6}, 0.4));
  c.add(y + linear(unary(Unary::gelu, linear(y, c.weight("up", {8, 6}, 0.4), c.weight("up_bias", {8}))), c.weight("down", {6, 8}, 0.4)));
}

inline const std::vector<int32_t> kLabels = {2, -100, 0, 4, -1, 1, 1, 3};   // of eight rows; negative ones are ignored

inline void cross_entropy_case(GraphCase& c, double smoothing) {
  ragged(c);
  const Value loss = cross_entropy(c.rows("logits", 5), c.indices("labels", "tokens", kLabels), smoothing);
  c.add(loss);
}
inline Value linear_loss(GraphCase& c, Value x, Value w, Value labels, std::optional<Value> bias, double smoothing) {
  std::vector<Value> inputs{x, w, labels};
  if (bias) inputs.push_back(*bias);
  return c.g.node(linear_cross_entropy_op(), inputs, {{"label_smoothing", smoothing}});
}
inline void linear_cross_entropy_case(GraphCase& c, bool bias, double smoothing) {
  ragged(c);
  const auto b = bias ? std::optional<Value>(c.weight("b", {5})) : std::nullopt;
  c.add(linear_loss(c, c.rows("x", 3), c.weight("w", {5, 3}), c.indices("labels", "tokens", kLabels), b, smoothing));
}
inline void linear_cross_entropy_chunks(GraphCase& c) {   // more rows than have logits at a time
  c.space("tokens", {300, 230});
  std::vector<int32_t> labels;
  for (int i = 0; i < 530; ++i) labels.push_back(i % 7 == 0 ? -100 : i % 3);
  c.add(linear_loss(c, c.rows("x", 2), c.weight("w", {3, 2}), c.indices("labels", "tokens", labels), c.weight("b", {3}), 0));
}
inline void loss_alone(GraphCase& c) {      // nothing but the objective reads the loss: the backward step tells it
  ragged(c);
  c.add_term(linear_loss(c, c.rows("x", 3), c.weight("w", {5, 3}), c.indices("labels", "tokens", kLabels), std::nullopt, 0.1));
}
inline void tied_weights(GraphCase& c) {
  ragged(c);
  const Value table = c.weight("table", {5, 4});
  const Value x = embedding(table, c.indices("ids", "tokens", {1, 4, 1, 0, 2, 2, 2, 4}));
  const Value h = unary(Unary::tanh, linear(x, c.weight("w", {4, 4}, 0.5)));
  c.add(linear_loss(c, h, table, c.indices("labels", "tokens", kLabels), std::nullopt, 0));
  c.add(linear(h, table));
}

// Rows of a mixture of three experts; the fourth is never chosen.
inline Value expert_rows(GraphCase& c, int64_t k) {
  const Value x = c.rows("x", 4);
  std::vector<Value> w1, w2, w3;
  for (int e = 0; e < 4; ++e) {
    const std::string at = "experts." + std::to_string(e);
    w1.push_back(c.weight(at + ".w1", {5, 4}, 0.5));
    w2.push_back(c.weight(at + ".w2", {4, 5}, 0.5));
    w3.push_back(c.weight(at + ".w3", {5, 4}, 0.5));
  }
  const Value never = c.weight("bias", {4});
  c.weights["bias"].values = {0, 0.5, -0.5, -30};
  const Routing routing = route(softmax(linear(x, c.weight("router", {4, 4}), never)), k);
  const Value rows = select_rows(x, routing.source);
  const Value inner = gated(Unary::silu, expert_linear(rows, routing, w1), expert_linear(rows, routing, w3));
  return combine_experts(expert_linear(inner, routing, w2), routing);
}
inline void experts_case(GraphCase& c, int64_t k) {
  ragged(c);
  c.add(expert_rows(c, k));
}
inline void one_expert_case(GraphCase& c) {   // as many choices as experts: a plain softmax
  ragged(c);
  c.add(route(softmax(c.rows("x", 3)), 3).weights);
}
inline void load_balance_case(GraphCase& c) {
  ragged(c);
  c.coupled = true;
  c.add(load_balance({softmax(c.rows("first", 5)), softmax(c.rows("second", 5))}, c.indices("labels", "tokens", kLabels), 2, 0.3));
}

// A gated recurrent unit with a second, slower memory.
inline std::shared_ptr<ScanBody> recurrent_body() {
  auto body = std::make_shared<ScanBody>();
  body->carry_widths = {4, 2};
  body->out_widths = {4, 2};
  Builder b(body->graph);
  const Value x = b.input_rows("row.0", "step", 3), extra = b.input_rows("row.1", "step", 2);
  const Value h = b.input_rows("carry.0", "step", 4), m = b.input_rows("carry.1", "step", 2);
  const Value z = unary(Unary::sigmoid, linear(x, b.weight("wz", {4, 3}), b.weight("bz", {4})) + linear(h, b.weight("uz", {4, 4})));
  const Value n = unary(Unary::tanh, linear(x, b.weight("wn", {4, 3})) + linear(concat_columns({h, m}), b.weight("un", {4, 6})));
  const Value next = z * h + (z * -1.0 + 1.0) * n;
  const Value slow = m * 0.5 + extra * linear(next, b.weight("v", {2, 4}));
  b.output("carry.0", next);
  b.output("carry.1", slow);
  b.output("out.0", next * next);
  b.output("out.1", slow);                        // a value that is both carried on and given out
  return body;
}
// The state asks its sequence's memory before it moves on.
inline std::shared_ptr<ScanBody> asking_body() {
  auto body = std::make_shared<ScanBody>();
  body->carry_widths = {3};
  body->out_widths = {3, 4};
  Builder b(body->graph);
  const Value x = b.input_rows("row.0", "step", 3), h = b.input_rows("carry.0", "step", 3);
  const Value keys = b.input_rows("memory.0", "memory", 2), values = b.input_rows("memory.1", "memory", 4);
  const Scope layer = b.at("", "layers.0");
  const Value found = layer.name("attention", additive_attention(linear(h, b.weight("q", {2, 3})), keys, values, b.weight("v", {2})));
  const Value next = unary(Unary::tanh, x + linear(h, b.weight("u", {3, 3})) + linear(found, b.weight("c", {3, 4})));
  layer.name("state", next);
  b.output("carry.0", next);
  b.output("out.0", next);
  b.output("out.1", found);
  return body;
}
inline void asking_case(GraphCase& c, bool reverse) {
  const Sequences s = c.space("tokens", {3, 1, 4, 2}), source = c.space("source", {2, 5, 1, 3});
  for (const auto& [name, shape] : std::map<std::string, std::vector<int64_t>>{{"q", {2, 3}}, {"u", {3, 3}}, {"c", {3, 4}}, {"v", {2}}}) c.weight(name, shape, 0.7);
  const Value keys = c.rows("keys", 2, "source"), values = c.rows("values", 4, "source");
  const Value first = linear(select_rows(values, source.first_rows(s)), c.weight("first", {3, 4}, 0.5));
  const auto outs = scan(asking_body(), {c.rows("x", 3)}, s, {.initial = {first}, .memory = {keys, values}, .reverse = reverse});
  c.add(outs[0]);
  c.add(outs[1] * outs[1]);
}
inline void additive_attention_case(GraphCase& c) {
  const Sequences s = c.space("tokens", {3, 0, 1, 2});
  c.space("source", {2, 3, 0, 5});
  (void)s;
  c.add(additive_attention(c.rows("q", 3), c.rows("keys", 3, "source"), c.rows("values", 4, "source"), c.weight("v", {3})));
}
inline void maxout_case(GraphCase& c) {
  ragged(c);
  c.add(maxout(c.rows("x", 6)));
}

inline void scan_case(GraphCase& c, bool initial, bool second_output, bool reverse = false) {
  const Sequences s = c.space("tokens", {3, 1, 4, 2});
  for (const auto& [name, shape] : std::map<std::string, std::vector<int64_t>>{{"wz", {4, 3}}, {"uz", {4, 4}}, {"wn", {4, 3}}, {"un", {4, 6}}, {"v", {2, 4}}}) c.weight(name, shape, 0.5);
  c.weight("bz", {4});
  std::vector<Value> start;
  if (initial) {
    const Dim sequences{1, c.graph.symbol("tokens.sequences")};
    start = {c.real("h0", {sequences, Dim{4, -1}}), c.real("m0", {sequences, Dim{2, -1}})};
  }
  const auto outs = scan(recurrent_body(), {c.rows("x", 3), c.rows("extra", 2)}, s, {.initial = start, .reverse = reverse});
  c.add(outs[0]);
  if (second_output) c.add(outs[1] * outs[1]);
  if (second_output) c.add(linear(outs[0], c.weight("uz", {4, 4})));   // a weight of the body, used outside too
}

}  // namespace cases

inline const std::vector<OpCase>& op_cases() {
  using namespace cases;
  constexpr auto kHalf = RotaryLayout::half_split, kInterleaved = RotaryLayout::interleaved;
  static const std::vector<OpCase> table = {
      {"add", [](GraphCase& c) { binary_pair(c, plus); }},
      {"subtract", [](GraphCase& c) { binary_pair(c, minus); }},
      {"multiply", [](GraphCase& c) { binary_pair(c, times); }},
      {"divide", [](GraphCase& c) { binary_pair(c, over); }},
      {"unary", all_unary},
      {"gated", all_gated},
      {"linear", [](GraphCase& c) { linear_case(c, false, false); }},
      {"linear with bias", [](GraphCase& c) { linear_case(c, false, true); }},
      {"linear transposed", [](GraphCase& c) { linear_case(c, true, false); }},
      {"linear transposed with bias", [](GraphCase& c) { linear_case(c, true, true); }},
      {"linear of several panels", linear_wide},
      {"linear, one weight three times", linear_twice},
      {"linear of a computed weight", linear_of_computed},
      {"matmul", [](GraphCase& c) { matmul_case(c, false, false); }},
      {"matmul, a transposed", [](GraphCase& c) { matmul_case(c, true, false); }},
      {"matmul, b transposed", [](GraphCase& c) { matmul_case(c, false, true); }},
      {"matmul, both transposed", [](GraphCase& c) { matmul_case(c, true, true); }},
      {"embedding", embedding_case},
      {"constant table", constant_table_case},
      {"layer_norm", layer_norm_case},
      {"rms_norm", rms_norm_case},
      {"softmax", softmax_case},
      {"select_rows", select_rows_case},
      {"select_rows of boundaries", boundary_rows_case},
      {"mean_rows", mean_rows_case},
      {"split_columns", split_case},
      {"concat_columns", concat_case},
      {"transpose", transpose_case},
      {"sum_all", sum_all_case},
      {"dropout", dropout_case},
      {"round_to", round_to_case},
      {"rotary, half split", [](GraphCase& c) { rotary_case(c, 4, 4, kHalf, 1); }},
      {"rotary, interleaved", [](GraphCase& c) { rotary_case(c, 4, 4, kInterleaved, 1); }},
      {"rotary, part of a head, scaled", [](GraphCase& c) { rotary_case(c, 6, 4, kHalf, 1.25); }},
      {"rotary, part of a head, interleaved", [](GraphCase& c) { rotary_case(c, 6, 2, kInterleaved, 0.5); }},
      {"attention", [](GraphCase& c) { attention_case(c, {3, 1, 4}, {.num_heads = 2, .num_kv_heads = 2, .head_dim = 3}); }},
      {"attention, causal", [](GraphCase& c) { attention_case(c, {3, 1, 4}, {.num_heads = 2, .num_kv_heads = 2, .head_dim = 3, .causal = true}); }},
      {"attention, grouped heads", [](GraphCase& c) { attention_case(c, {3, 1, 4}, {.num_heads = 4, .num_kv_heads = 2, .head_dim = 2, .scale = 0.3, .causal = true}); }},
      {"attention, one key head, not causal", [](GraphCase& c) { attention_case(c, {3, 1, 4}, {.num_heads = 3, .num_kv_heads = 1, .head_dim = 2}); }},
      {"attention, causal window", [](GraphCase& c) { attention_case(c, {3, 1, 6}, {.num_heads = 1, .num_kv_heads = 1, .head_dim = 3, .causal = true, .window = 2}); }},
      {"attention, window", [](GraphCase& c) { attention_case(c, {3, 1, 6}, {.num_heads = 1, .num_kv_heads = 1, .head_dim = 3, .window = 2}); }},
      {"attention, another row space", [](GraphCase& c) { attention_case(c, {3, 1, 4}, {.num_heads = 2, .num_kv_heads = 1, .head_dim = 3}, "source"); }},
      {"attention, more keys than a chunk", [](GraphCase& c) { attention_case(c, {67, 2}, {.num_heads = 1, .num_kv_heads = 1, .head_dim = 2, .causal = true}); }},
      {"attention with dropout", [](GraphCase& c) { attention_case(c, {3, 1, 6}, {.num_heads = 2, .num_kv_heads = 1, .head_dim = 3, .causal = true, .dropout = 0.3}); }},
      {"attention, capped", [](GraphCase& c) { attention_case(c, {3, 1, 6}, {.num_heads = 2, .num_kv_heads = 1, .head_dim = 3, .causal = true, .softcap = 0.7}); }},
      {"attention, with slopes", [](GraphCase& c) { attention_case(c, {3, 1, 6}, {.num_heads = 3, .num_kv_heads = 1, .head_dim = 2, .causal = true, .alibi = 8}); }},
      {"attention, with slopes both ways", [](GraphCase& c) { attention_case(c, {3, 1, 6}, {.num_heads = 2, .num_kv_heads = 2, .head_dim = 3, .alibi = 2}); }},
      {"attention, with sinks", [](GraphCase& c) { attention_with_sinks(c, {.num_heads = 2, .num_kv_heads = 1, .head_dim = 3, .causal = true}, false); }},
      {"attention, with sink tokens", [](GraphCase& c) { attention_case(c, {3, 1, 9}, {.num_heads = 2, .num_kv_heads = 1, .head_dim = 3, .causal = true, .window = 2, .sink_tokens = 2}); }},
      {"attention with all of it", [](GraphCase& c) { attention_with_sinks(c, {.num_heads = 4, .num_kv_heads = 2, .head_dim = 3, .causal = true, .window = 3, .dropout = 0.2, .sink_tokens = 1, .softcap = 1.2, .alibi = 4}, true); }},
      {"attention, biased by distance", [](GraphCase& c) { biased_attention(c, {.num_heads = 2, .num_kv_heads = 2, .head_dim = 3}, true); }},
      {"attention, biased by distance, causal", [](GraphCase& c) { biased_attention(c, {.num_heads = 2, .num_kv_heads = 1, .head_dim = 3, .causal = true}, false); }},
      {"relative_bias", [](GraphCase& c) { c.add(relative_bias(c.weight("table", {12, 3}), true, 9)); }},
      {"attention in a block", self_attention_block},
      {"cross_entropy", [](GraphCase& c) { cross_entropy_case(c, 0); }},
      {"cross_entropy with smoothing", [](GraphCase& c) { cross_entropy_case(c, 0.2); }},
      {"linear_cross_entropy", [](GraphCase& c) { linear_cross_entropy_case(c, false, 0); }},
      {"linear_cross_entropy with bias and smoothing", [](GraphCase& c) { linear_cross_entropy_case(c, true, 0.2); }},
      {"linear_cross_entropy of many rows", linear_cross_entropy_chunks},
      {"linear_cross_entropy alone", loss_alone},
      {"tied weights", tied_weights},
      {"route of all", one_expert_case},
      {"experts, one for each row", [](GraphCase& c) { experts_case(c, 1); }},
      {"experts, two for each row", [](GraphCase& c) { experts_case(c, 2); }},
      {"load_balance", load_balance_case},
      {"scan", [](GraphCase& c) { scan_case(c, false, false); }},
      {"scan with initial carries", [](GraphCase& c) { scan_case(c, true, true); }},
      {"scan backwards", [](GraphCase& c) { scan_case(c, true, true, true); }},
      {"scan that looks at a memory", [](GraphCase& c) { asking_case(c, false); }},
      {"scan backwards that looks at a memory", [](GraphCase& c) { asking_case(c, true); }},
      {"additive_attention", additive_attention_case},
      {"maxout", maxout_case},
  };
  return table;
}

}  // namespace orrery
