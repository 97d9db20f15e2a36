#include <doctest/doctest.h>

#include <functional>

#include "graph/ops/op_cases.h"

using namespace orrery;

namespace {

std::string message_of(const std::function<void(GraphCase&)>& build) {
  GraphCase c;
  try {
    build(c);
  } catch (const Error& error) {
    return error.what;
  }
  return "no error";
}

struct Mistake {
  const char* op;
  void (*build)(GraphCase&);
  std::vector<const char*> words;   // which the message holds: both shapes, and why
};

Value x(GraphCase& c, int64_t width, const char* name = "x") { return c.g.input_rows(name, "tokens", width); }
Value ids(GraphCase& c) { return c.g.input_indices("ids", "tokens"); }
Value of_tokens(GraphCase& c, const char* name = "per token") { return c.g.input(name, {Dim{1, c.graph.symbol("tokens")}}); }

Routing routing(GraphCase& c) { return route(c.g.input_rows("probs", "tokens", 4), 2); }
Value routed(GraphCase& c) { return c.g.input("routed", {Dim{2, c.graph.symbol("tokens")}, Dim{5, -1}}); }

std::shared_ptr<RotaryTable> rotary_table(int64_t head_dim, int64_t frequencies) {
  auto table = std::make_shared<RotaryTable>();
  table->head_dim = head_dim, table->rotary_dim = head_dim, table->max_positions = 4;
  table->inverse_frequencies.assign(size_t(frequencies), 1.0);
  return table;
}

const std::vector<Mistake> mistakes = {
    {"binary", [](GraphCase& c) { x(c, 3) + x(c, 4, "y"); }, {"x is [tokens, 3]", "y is [tokens, 4]", "differ"}},
    {"binary", [](GraphCase& c) { x(c, 3) * c.g.weight("w", {4}); }, {"[tokens, 3]", "w is [4]"}},
    {"scale", [](GraphCase& c) { ids(c) * 2.0; }, {"ids is [tokens]", "indices"}},
    {"unary", [](GraphCase& c) { unary(Unary::relu, ids(c)); }, {"ids is [tokens]", "reals are wanted"}},
    {"gated", [](GraphCase& c) { gated(Unary::silu, x(c, 3), x(c, 4, "y")); }, {"[tokens, 3]", "[tokens, 4]", "gate and up"}},
    {"column_sum", [](GraphCase& c) { c.g.node(column_sum_op(), {of_tokens(c)}); }, {"[tokens]", "matrix"}},
    {"sum_all", [](GraphCase& c) { sum_all(ids(c)); }, {"[tokens]", "indices"}},
    {"linear", [](GraphCase& c) { linear(x(c, 512), c.g.weight("w", {768, 640})); }, {"x is [tokens, 512]", "w is [768, 640]", "inner sizes"}},
    {"linear", [](GraphCase& c) { linear(x(c, 640), c.g.weight("w", {768, 640}), std::nullopt, true); }, {"[tokens, 640]", "[768, 640]", "inner sizes"}},
    {"linear", [](GraphCase& c) { linear(x(c, 5), c.g.weight("w", {3, 5}), c.g.weight("b", {5})); }, {"w is [3, 5]", "b is [5]", "bias"}},
    {"linear", [](GraphCase& c) { linear(of_tokens(c), c.g.weight("w", {3, 5})); }, {"[tokens]", "[3, 5]", "matrices"}},
    {"matmul", [](GraphCase& c) { matmul(x(c, 3), c.g.weight("w", {4, 5})); }, {"[tokens, 3]", "[4, 5]", "inner sizes"}},
    {"matmul", [](GraphCase& c) { matmul(x(c, 3), c.g.weight("w", {3, 5}), true); }, {"[tokens, 3]", "[3, 5]", "inner sizes"}},
    {"transpose", [](GraphCase& c) { transpose(of_tokens(c)); }, {"[tokens]", "matrix"}},
    {"embedding", [](GraphCase& c) { embedding(c.g.weight("table", {7}), ids(c)); }, {"table is [7]", "ids is [tokens]", "matrix"}},
    {"embedding", [](GraphCase& c) { embedding(c.g.weight("table", {7, 2}), of_tokens(c)); }, {"table is [7, 2]", "[tokens]", "indices are wanted"}},
    {"constant_table", [](GraphCase& c) { constant_table(Tensor::zeros(DType::f32, {4}), ids(c)); }, {"ids is [tokens]", "table"}},
    {"layer_norm", [](GraphCase& c) { layer_norm(x(c, 3), c.g.weight("w", {4}), std::nullopt, 1e-5); }, {"[tokens, 3]", "w is [4]", "per column"}},
    {"layer_norm", [](GraphCase& c) { layer_norm(x(c, 3), c.g.weight("w", {3}), c.g.weight("b", {2}), 1e-5); }, {"w is [3]", "b is [2]", "bias"}},
    {"rms_norm", [](GraphCase& c) { rms_norm(x(c, 3), c.g.weight("w", {4}), 1e-5); }, {"[tokens, 3]", "w is [4]"}},
    {"softmax", [](GraphCase& c) { softmax(ids(c)); }, {"[tokens]", "indices"}},
    {"select_rows", [](GraphCase& c) { select_rows(x(c, 3), of_tokens(c)); }, {"[tokens, 3]", "per token is [tokens]", "indices are wanted"}},
    {"select_rows", [](GraphCase& c) { select_rows(of_tokens(c), ids(c)); }, {"per token is [tokens]", "ids is [tokens]", "matrix"}},
    {"mean_rows", [](GraphCase& c) { mean_rows(c.g.weight("w", {3, 4}), c.g.sequences()); }, {"w is [3, 4]", "sequences"}},
    {"split_columns", [](GraphCase& c) { split_columns(x(c, 7), {3, 3}); }, {"[tokens, 7]", "add up"}},
    {"concat_columns", [](GraphCase& c) { concat_columns({x(c, 3), c.g.weight("w", {2, 3})}); }, {"[tokens, 3]", "[2, 3]", "same rows"}},
    {"dropout", [](GraphCase& c) { dropout(x(c, 3), c.g.sequences("source"), 0.5); }, {"[tokens, 3]", "sequences"}},
    {"dropout", [](GraphCase& c) { dropout(x(c, 3), c.g.sequences(), 1.0); }, {"[tokens, 3]", "[0, 1)"}},
    {"round_to", [](GraphCase& c) { c.g.node(round_to_op(), {ids(c)}, {{"dtype", std::string("bf16")}}); }, {"[tokens]", "indices"}},
    {"rotary", [](GraphCase& c) { rotary(x(c, 10), c.g.sequences().positions(), rotary_table(4, 2)); }, {"[tokens, 10]", "[tokens]", "whole heads"}},
    {"rotary", [](GraphCase& c) { rotary(x(c, 8), c.g.sequences("source").positions(), rotary_table(4, 2)); }, {"[tokens, 8]", "[source]", "position"}},
    {"rotary", [](GraphCase& c) { rotary(x(c, 8), c.g.sequences().positions(), rotary_table(4, 1)); }, {"[tokens, 8]", "frequency"}},
    {"attention", [](GraphCase& c) { attention(x(c, 8), x(c, 4, "k"), x(c, 4, "v"), c.g.sequences(), c.g.sequences(), {.num_heads = 2, .num_kv_heads = 2, .head_dim = 4}); },
     {"x is [tokens, 8]", "k is [tokens, 4]", "v is [tokens, 4]", "num_kv_heads"}},
    {"attention", [](GraphCase& c) { attention(x(c, 9), x(c, 8, "k"), x(c, 8, "v"), c.g.sequences(), c.g.sequences(), {.num_heads = 2, .num_kv_heads = 2, .head_dim = 4}); },
     {"x is [tokens, 9]", "k is [tokens, 8]", "num_heads * head_dim"}},
    {"attention", [](GraphCase& c) { attention(x(c, 12), x(c, 8, "k"), x(c, 8, "v"), c.g.sequences(), c.g.sequences(), {.num_heads = 3, .num_kv_heads = 2, .head_dim = 4}); },
     {"[tokens, 12]", "[tokens, 8]", "multiple"}},
    {"attention", [](GraphCase& c) { attention(x(c, 8), c.g.weight("k", {3, 8}), c.g.weight("v", {3, 8}), c.g.sequences(), c.g.sequences(), {.num_heads = 2, .num_kv_heads = 2, .head_dim = 4}); },
     {"[tokens, 8]", "k is [3, 8]", "sequences"}},
    {"append_keys", [](GraphCase& c) { c.g.node(append_keys_op(), {x(c, 8), x(c, 4, "v")}, {{"slot", int64_t(0)}}); }, {"[tokens, 8]", "v is [tokens, 4]"}},
    {"cached_attention", [](GraphCase& c) { c.g.node(cached_attention_op(), {x(c, 7)}, {{"num_heads", int64_t(2)}, {"num_kv_heads", int64_t(1)}, {"head_dim", int64_t(4)}}); }, {"[tokens, 7]", "num_heads"}},
    {"attention_pattern", [](GraphCase& c) { c.g.node(attention_pattern_op(), {x(c, 7)}, {{"num_heads", int64_t(2)}, {"num_kv_heads", int64_t(1)}, {"head_dim", int64_t(4)}}); }, {"[tokens, 7]", "num_heads"}},
    {"attention_scores", [](GraphCase& c) { c.g.node(attention_scores_op(), {x(c, 300)}, {{"num_heads", int64_t(1)}, {"num_kv_heads", int64_t(1)}, {"head_dim", int64_t(300)}}); }, {"[tokens, 300]", "256"}},
    {"intervene", [](GraphCase& c) { c.g.node(intervene_op(), {of_tokens(c)}); }, {"[tokens]", "sequences"}},
    {"cross_entropy", [](GraphCase& c) { cross_entropy(x(c, 5), c.g.input_indices("labels", "source")); }, {"[tokens, 5]", "labels is [source]", "labels"}},
    {"linear_cross_entropy", [](GraphCase& c) { cases::linear_loss(c, x(c, 3), c.g.weight("w", {5, 4}), ids(c), std::nullopt, 0); }, {"[tokens, 3]", "[5, 4]", "inner sizes"}},
    {"linear_cross_entropy", [](GraphCase& c) { cases::linear_loss(c, x(c, 3), c.g.weight("w", {5, 3}), ids(c), c.g.weight("b", {3}), 0); }, {"w is [5, 3]", "b is [3]", "bias"}},
    {"route", [](GraphCase& c) { route(of_tokens(c), 1); }, {"[tokens]", "probabilities"}},
    {"route", [](GraphCase& c) { route(x(c, 3), 4); }, {"[tokens, 3]", "that many experts"}},
    {"expert_linear", [](GraphCase& c) { expert_linear(x(c, 5), routing(c), {c.g.weight("a", {3, 5})}); }, {"x is [tokens, 5]", "[2*tokens]", "one expert for each row"}},
    {"expert_linear", [](GraphCase& c) { expert_linear(routed(c), routing(c), {c.g.weight("a", {3, 4}), c.g.weight("b", {3, 5})}); }, {"a is [3, 4]", "b is [3, 5]", "experts differ"}},
    {"expert_linear", [](GraphCase& c) { expert_linear(routed(c), routing(c), {c.g.weight("a", {3, 4})}); }, {"[2*tokens, 5]", "a is [3, 4]", "inner sizes"}},
    {"combine_experts", [](GraphCase& c) { combine_experts(x(c, 5), routing(c)); }, {"x is [tokens, 5]", "[2*tokens]", "routing"}},
    {"load_balance", [](GraphCase& c) { load_balance({x(c, 4), x(c, 3, "y")}, ids(c), 1, 1); }, {"x is [tokens, 4]", "y is [tokens, 3]", "each label"}},
    {"expert_linear_backward_weights", [](GraphCase& c) { c.g.node(expert_linear_backward_weights_op(), {routed(c), x(c, 5), routing(c).expert}, {{"experts", int64_t(4)}}); }, {"[2*tokens, 5]", "[tokens, 5]", "rows differ"}},
    {"scan", [](GraphCase& c) { scan(cases::recurrent_body(), {x(c, 4), x(c, 2, "y")}, c.g.sequences()); }, {"x is [tokens, 4]", "y is [tokens, 2]", "body"}},
    {"scan", [](GraphCase& c) { scan(cases::recurrent_body(), {x(c, 3), x(c, 2, "y")}, c.g.sequences(), {.initial = {c.g.weight("h", {3, 4})}}); }, {"h is [3, 4]", "initial"}},
    {"scan", [](GraphCase& c) { scan(cases::asking_body(), {x(c, 3)}, c.g.sequences(), {.memory = {x(c, 2, "k"), x(c, 5, "v")}}); }, {"v is [tokens, 5]", "memory"}},
    {"scan", [](GraphCase& c) { scan(cases::asking_body(), {x(c, 3)}, c.g.sequences(), {.memory = {c.g.weight("k", {3, 2}), x(c, 4, "v")}}); }, {"k is [3, 2]", "memory"}},
    {"additive_attention", [](GraphCase& c) { additive_attention(x(c, 3), x(c, 4, "k"), x(c, 2, "values"), c.g.weight("v", {3})); }, {"x is [tokens, 3]", "k is [tokens, 4]", "differ in width"}},
    {"additive_attention", [](GraphCase& c) { additive_attention(x(c, 3), x(c, 3, "k"), c.g.weight("values", {4, 2}), c.g.weight("v", {3})); }, {"values is [4, 2]", "one value for each key"}},
    {"additive_pattern", [](GraphCase& c) { additive_pattern(x(c, 3), c.g.weight("k", {4, 3}), c.g.weight("v", {3})); }, {"k is [4, 3]", "rows of sequences"}},
    {"maxout", [](GraphCase& c) { maxout(x(c, 5)); }, {"x is [tokens, 5]", "pairs"}},
    // What differentiate() appends checks too.
    {"maxout_backward", [](GraphCase& c) { c.g.node(maxout_backward_op(), {x(c, 6), x(c, 2, "dy")}); }, {"[tokens, 6]", "[tokens, 2]", "pairs"}},
    {"linear_backward_input", [](GraphCase& c) { c.g.node(linear_backward_input_op(), {x(c, 3), c.g.weight("w", {5, 4})}); }, {"[tokens, 3]", "[5, 4]"}},
    {"linear_backward_weight", [](GraphCase& c) { c.g.node(linear_backward_weight_op(), {x(c, 3), c.g.input_rows("y", "source", 4)}); }, {"[tokens, 3]", "[source, 4]", "rows"}},
    {"scatter_rows", [](GraphCase& c) { c.g.node(scatter_rows_op(), {x(c, 3), ids(c), x(c, 4, "dy")}); }, {"[tokens, 3]", "dy is [tokens, 4]"}},
    {"embedding_backward", [](GraphCase& c) { c.g.node(embedding_backward_op(), {c.g.weight("w", {3, 4}), x(c, 4), x(c, 4, "dy")}); }, {"[3, 4]", "[tokens, 4]", "indices are wanted"}},
};

Sizes sizes_of(const GraphCase& c) {
  Sizes sizes;
  for (const std::string& name : c.graph.symbols) sizes.symbols.push_back(name == "tokens" ? 10 : name == "source" ? 6 : 3);
  return sizes;
}

// The flops of the last node of a graph over ten tokens, six source rows, three sequences.
double flops(const std::function<Value(GraphCase&)>& build, int64_t keys = 0) {
  GraphCase c;
  const Value y = build(c);
  const Node& node = c.graph.nodes[size_t(c.graph.values[size_t(y.id)].node)];
  return node.op->cost(CostContext(c.graph, node, sizes_of(c), keys)).flops;
}

}  // namespace

TEST_CASE("shapes that do not fit are told, both, and why") {
  for (const Mistake& mistake : mistakes) {
    INFO(std::string(mistake.op));
    const std::string message = message_of(mistake.build);
    CHECK(message.starts_with(std::string(mistake.op) + ": "));
    for (const char* word : mistake.words) {
      INFO(message);
      CHECK(message.find(word) != std::string::npos);
    }
  }
}

TEST_CASE("a refused node leaves the graph as it was") {
  GraphCase c;
  const Value a = x(c, 3);
  const size_t values = c.graph.values.size() + 1;
  CHECK_THROWS_AS(linear(a, c.g.weight("w", {5, 4})), Error);
  CHECK_THROWS_AS(split_columns(a, {1, 1}), Error);
  CHECK(c.graph.values.size() == values);
  CHECK(c.graph.nodes.empty());
}

TEST_CASE("a weight used with two shapes is refused") {
  GraphCase c;
  c.g.weight("w", {3, 4});
  CHECK(message_of([](GraphCase& d) {
          d.g.weight("w", {3, 4});
          d.g.weight("w", {4, 3});
        }) == "weight 'w' is used as [4, 3] and as [3, 4]");
}

TEST_CASE("an op's operations are those counted by hand") {
  // Products: two for each multiply-add.
  CHECK(flops([](GraphCase& c) { return linear(x(c, 5), c.g.weight("w", {7, 5})); }) == 2 * 10 * 5 * 7);
  CHECK(flops([](GraphCase& c) { return linear(x(c, 5), c.g.weight("w", {5, 7}), std::nullopt, true); }) == 2 * 10 * 5 * 7);
  CHECK(flops([](GraphCase& c) { return matmul(x(c, 5), c.g.weight("w", {5, 7})); }) == 2 * 10 * 5 * 7);
  CHECK(flops([](GraphCase& c) { return matmul(x(c, 5), x(c, 4, "y"), true); }) == 2 * 10 * 5 * 4);
  CHECK(flops([](GraphCase& c) { return c.g.node(linear_backward_input_op(), {x(c, 7), c.g.weight("w", {7, 5})}); }) == 2 * 10 * 5 * 7);
  CHECK(flops([](GraphCase& c) { return c.g.node(linear_backward_weight_op(), {x(c, 7), x(c, 5, "y")}); }) == 2 * 10 * 5 * 7);
  CHECK(flops([](GraphCase& c) { return cases::linear_loss(c, x(c, 5), c.g.weight("w", {7, 5}), ids(c), std::nullopt, 0); }) == 2 * 10 * 5 * 7);
  // An expert's products run over the rows it was sent: two for each of ten tokens, whatever the number of experts.
  const std::vector<std::string> experts = {"a", "b", "c", "d"};
  const auto weights = [&](GraphCase& c) {
    std::vector<Value> all;
    for (const std::string& name : experts) all.push_back(c.g.weight(name, {7, 5}));
    return all;
  };
  CHECK(flops([&](GraphCase& c) { return expert_linear(routed(c), routing(c), weights(c)); }) == 2 * (2 * 10) * 5 * 7);
  CHECK(flops([&](GraphCase& c) { return c.g.node(expert_linear_backward_weights_op(), {c.g.input("dy", {Dim{2, c.graph.symbol("tokens")}, Dim{7, -1}}), routed(c), routing(c).expert}, {{"experts", int64_t(4)}}); }) == 2 * (2 * 10) * 5 * 7);
  CHECK(flops([&](GraphCase& c) { return combine_experts(routed(c), routing(c)); }) == 2 * (2 * 10) * 5);
  CHECK(flops([&](GraphCase& c) { return routing(c).weights; }) == 10 * 4 * 4);
  // Two products over the keys that a query sees: scores and values; one for the scores alone.
  const AttentionOptions o{.num_heads = 4, .num_kv_heads = 2, .head_dim = 3, .causal = true};
  const auto attend = [&](GraphCase& c) { return attention(x(c, 12), x(c, 6, "k"), x(c, 6, "v"), c.g.sequences(), c.g.sequences(), o); };
  CHECK(flops(attend, 50) == 2 * 2 * 10 * 50 * 4 * 3);
  const auto scores = [&](GraphCase& c) {
    return c.g.node(attention_scores_op(), {x(c, 12), x(c, 6, "k")}, {{"num_heads", int64_t(4)}, {"num_kv_heads", int64_t(2)}, {"head_dim", int64_t(3)}});
  };
  CHECK(flops(scores, 50) == 2 * 10 * 50 * 4 * 3);
  const auto ask = [](GraphCase& c) { return additive_attention(x(c, 3), x(c, 3, "k"), x(c, 6, "values"), c.g.weight("v", {3})); };
  CHECK(flops(ask, 50) == 10 * 50 * (3 + 3 + 2 * 3 + 2 * 6));
  // Per element.
  CHECK(flops([](GraphCase& c) { return maxout(x(c, 6)); }) == 30);
  CHECK(flops([](GraphCase& c) { return x(c, 5) + x(c, 5, "y"); }) == 50);
  CHECK(flops([](GraphCase& c) { return x(c, 5) * 2.0; }) == 50);
  CHECK(flops([](GraphCase& c) { return unary(Unary::gelu, x(c, 5)); }) == 500);
  CHECK(flops([](GraphCase& c) { return softmax(x(c, 5)); }) == 250);
  CHECK(flops([](GraphCase& c) { return layer_norm(x(c, 5), c.g.weight("w", {5}), std::nullopt, 1e-5); }) == 400);
  CHECK(flops([](GraphCase& c) { return rotary(x(c, 8), c.g.sequences().positions(), rotary_table(4, 2)); }) == 240);
  CHECK(flops([](GraphCase& c) { return cross_entropy(x(c, 5), ids(c)); }) == 300);
  CHECK(flops([](GraphCase& c) { return embedding(c.g.weight("table", {7, 5}), ids(c)); }) == 0);
}

TEST_CASE("a scan costs its body at every row") {
  const auto body = cases::recurrent_body();
  const double one = cost_of(body->graph, {{"step", 1}}, 0).flops;
  CHECK(one > 2 * (4 * 3 + 4 * 4 + 4 * 3 + 4 * 6 + 2 * 4));
  CHECK(flops([&](GraphCase& c) { return scan(body, {x(c, 3), x(c, 2, "y")}, c.g.sequences())[0]; }) == 10 * one);
}

TEST_CASE("training costs three times the products of running") {
  GraphCase c;
  cases::linear_case(c, false, false);
  c.differentiate();
  const auto products = [](const Graph& graph) {
    Graph only = graph;
    std::erase_if(only.nodes, [](const Node& node) { return !std::string(node.op->name).starts_with("linear"); });
    return cost_of(only, {{"tokens", 8}}, 0).flops;
  };
  CHECK(products(c.forward) == 2 * 8 * 5 * 3);
  CHECK(products(c.graph) == 3 * products(c.forward));
}

TEST_CASE("bytes are those of the operands, read and written once") {
  GraphCase c;
  const Value y = linear(x(c, 5), c.g.weight("w", {7, 5}));
  const Node& node = c.graph.nodes[size_t(c.graph.values[size_t(y.id)].node)];
  CHECK(node.op->cost(CostContext(c.graph, node, sizes_of(c), 0)).bytes == 4 * (10 * 5 + 7 * 5 + 10 * 7));
}
