// A one-layer transformer encoder, written out from primitive operations, each with its equation in "Attention Is All You
// Need" (Vaswani et al. 2017). The same model stands in src/models/vanilla.cpp with fused attention; at the end both run
// on the same weights, and forward values and every gradient agree.
#include <cmath>
#include <cstdio>

#include "models/model.h"

using namespace orrery;

namespace {

// 3.5: PE[p, 2i] = sin(p / 10000^(2i/d)),  PE[p, 2i+1] = cos(p / 10000^(2i/d))
Value positional_encoding(Value positions, int64_t longest, int64_t d) {
  Tensor table = Tensor::zeros(DType::f32, {longest, d});
  for (int64_t p = 0; p < longest; ++p)
    for (int64_t c = 0; c < d; ++c) {
      const double angle = double(p) / std::pow(10000.0, double(c / 2 * 2) / double(d));
      table.mutable_data<float>()[p * d + c] = float(c % 2 ? std::cos(angle) : std::sin(angle));
    }
  return constant_table(table, positions);                            // [tokens, d]
}

// 3.2.1: Attention(Q, K, V) = softmax(Q K^T / sqrt(d_k)) V
Value scaled_dot_product_attention(Value q, Value k, Value v) {
  const Value scores = matmul(q, k, false, true) * (1.0 / std::sqrt(double(q.width())));   // [tokens, tokens]
  return matmul(softmax(scores), v);                                  // [tokens, d_k]
}

// y = x W^T + b
Value project(Scope at, Value x, int64_t outputs) {
  return linear(x, at.weight("weight", {outputs, x.width()}), at.weight("bias", {outputs}));
}

// 3.2.2: MultiHead(X) = Concat(head_1, …, head_h) W^O,  head_i = Attention(X W^Q_i, X W^K_i, X W^V_i)
Value multi_head_attention(Scope at, Value x, int64_t heads) {
  const std::vector<int64_t> widths(size_t(heads), x.width() / heads);
  const auto q = split_columns(project(at / "query", x, x.width()), widths);
  const auto k = split_columns(project(at / "key", x, x.width()), widths);
  const auto v = split_columns(project(at / "value", x, x.width()), widths);
  std::vector<Value> mixed;
  for (size_t h = 0; h < q.size(); ++h) mixed.push_back(scaled_dot_product_attention(q[h], k[h], v[h]));
  return project(at / "output", concat_columns(mixed), x.width());    // [tokens, d]
}

// 3.3: FFN(x) = max(0, x W_1 + b_1) W_2 + b_2
Value feed_forward(Scope at, Value x, int64_t inner) {
  return project(at / "output", unary(Unary::relu, project(at / "inner", x, inner)), x.width());
}

// 3.1: LayerNorm(x + Sublayer(x))
Value add_and_norm(Scope at, Value x, Value sublayer) {
  return layer_norm(x + sublayer, at.weight("weight", {x.width()}), at.weight("bias", {x.width()}), 1e-5);
}

Value one_layer_transformer(Builder& g, const Config& c, const Inputs& in) {
  const Value table = g.at("encoder.embedding").weight("weight", {c.vocab_size, c.hidden_size});
  // 3.4: embeddings are multiplied by sqrt(d)
  Value x = embedding(table, in.ids) * std::sqrt(double(c.hidden_size)) + positional_encoding(in.positions, c.max_positions, c.hidden_size);
  const Scope layer = g.at("encoder.layers.0");
  x = add_and_norm(layer / "attention_norm", x, multi_head_attention(layer / "self_attention", x, c.num_heads));
  x = add_and_norm(layer / "feed_forward_norm", x, feed_forward(layer / "feed_forward", x, c.intermediate_size));
  return project(g.at("classifier"), x, c.num_labels);                // [tokens, labels]
}

// Runs a graph that has "logits" forwards and backwards; returns the logits and all gradients, end to end.
std::vector<float> forward_and_gradients(Graph graph, Model& model, const std::vector<int32_t>& ids, ThreadPool& pool) {
  Builder g(graph);
  const Value labels = g.input("labels", {graph.values[size_t(graph.outputs["logits"])].dims[0]}, Element::index);
  const Value seed = g.input("seed", {Dim{1, -1}});
  const Value loss = cross_entropy({&g, graph.outputs["logits"]}, labels);
  const auto weights = trainable_weights(graph, [](const std::string&) { return true; });
  const Gradients gradients = differentiate(graph, {{loss.id, seed.id}}, weights);
  for (const auto& [weight, gradient] : gradients.of) graph.outputs[graph.values[size_t(weight)].name] = gradient;

  CompileOptions options;
  options.pack_weights = false;
  options.capacity = {{"tokens", int64_t(ids.size())}, {"tokens.sequences", 1}};
  Workspace run(compile(graph, model.weights(), options, &pool), pool);
  run.rows("tokens").append(int64_t(ids.size()));
  run.input("ids", ids.data());
  run.input("labels", ids.data());
  const float one = 1;
  run.input("seed", &one);
  run.run();

  std::vector<float> all;
  for (const auto& [name, value] : run.plan().graph().outputs) {
    int64_t count = 1;
    for (int64_t size : run.output_shape(name)) count *= size;
    if (name == "logits" || model.weights().has(name)) all.insert(all.end(), run.output<float>(name), run.output<float>(name) + count);
  }
  return all;
}

}  // namespace

int main() {
  const Json config = Json::parse(R"({"model_type": "vanilla", "architectures": ["VanillaForTokenClassification"], "vocab_size": 10,
    "num_labels": 10, "hidden_size": 64, "num_layers": 1, "num_heads": 4, "intermediate_size": 128, "max_positions": 16})");
  Model model = Model::initialise(config, /*seed=*/1).value();
  ThreadPool pool(available_cores());
  const std::vector<int32_t> ids = {3, 1, 4, 1, 5, 9, 2, 6};

  Graph written_out;
  Builder g(written_out);
  g.output("logits", one_layer_transformer(g, model.config(), g.inputs()));
  const std::vector<float> ours = forward_and_gradients(written_out, model, ids, pool);
  Graph fused = model.graph();
  fused.outputs.erase("hidden");
  const std::vector<float> theirs = forward_and_gradients(fused, model, ids, pool);

  float largest = 0, difference = 0;
  for (size_t i = 0; i < ours.size() && i < theirs.size(); ++i) {
    largest = std::max(largest, std::fabs(theirs[i]));
    difference = std::max(difference, std::fabs(ours[i] - theirs[i]));
  }
  std::printf("%zu logits and gradients, written out and fused: largest %.3f, largest difference %.1e\n", ours.size(), double(largest), double(difference));
  return ours.size() == theirs.size() && largest > 0 && difference < 1e-5f * largest ? 0 : 1;
}
