// The encoder of "Attention Is All You Need" (Vaswani et al. 2017): sinusoidal positions, norms after each addition, a
// ReLU feed-forward; here with a classifier for every token, so that it can learn to sort.
//
//   x = embedding[ids] * sqrt(hidden) + PE,   PE[p, 2i] = sin(p / 10000^(2i / hidden)),  PE[p, 2i+1] = cos(same)
//   x = layer_norm(x + attention(x));   x = layer_norm(x + mlp(x))        for each layer
#include <cmath>

#include "models/blocks.h"
#include "models/family.h"

namespace orrery {

namespace {

Result<Config> read(const Json& json, const std::string& where) {
  ConfigReader fields(json, where);
  Config c = read_common(fields, json, {{"VanillaForTokenClassification", Head::token_classification}, {"VanillaModel", Head::none}});
  c.intermediate_size = fields.integer_or("intermediate_size", 4 * c.hidden_size, {1, 1 << 22});
  c.activation = read_activation(fields, "hidden_act", "relu");
  c.norm_eps = fields.number_or("layer_norm_eps", 1e-5, {0, 1});
  c.embedding_dropout = c.residual_dropout = fields.number_or("dropout", 0.0, {0, 0.99});
  c.attention_dropout = fields.number_or("attention_dropout", 0.0, {0, 0.99});
  return fields.finish(std::move(c));
}

Value encoder_layer(Scope layer, const Config& c, Value x, const Inputs& in) {
  const Scope self = layer / "self_attention";
  const int64_t width = c.num_heads * c.head_dim;
  const Value q = linear_layer(self / "query", x, width, true);
  const Value k = linear_layer(self / "key", x, c.num_kv_heads * c.head_dim, true);
  const Value v = linear_layer(self / "value", x, c.num_kv_heads * c.head_dim, true);
  const Value mixed = mix_heads(layer, c, q, k, v, in, /*causal=*/false);                          // [tokens, hidden]
  const Value attended = layer.name("attention_out", dropout(linear_layer(self / "output", mixed, c.hidden_size, true), in.sequences, c.residual_dropout));
  x = layer.name("residual_mid", layer_norm_layer(layer / "attention_norm", x + attended, c.norm_eps));
  const Value inner = layer.name("mlp_inner", linear_layer(layer / "feed_forward" / "inner", x, c.intermediate_size, true));
  const Value active = layer.name("mlp_activation", unary(c.activation, inner));
  const Value out = layer.name("mlp_out", dropout(linear_layer(layer / "feed_forward" / "output", active, c.hidden_size, true), in.sequences, c.residual_dropout));
  return layer.name("residual", layer_norm_layer(layer / "feed_forward_norm", x + out, c.norm_eps));
}

Outputs build(Builder& g, const Config& c, const Inputs& in) {
  const Scope root = g.at("encoder");
  const Value table = (root / "embedding").weight("weight", {c.vocab_size, c.hidden_size});
  const Value positions = constant_table(sinusoidal_positions(c.max_positions, c.hidden_size), in.positions);
  Value x = root.name("embedding", dropout(embedding(table, in.ids) * std::sqrt(double(c.hidden_size)) + positions, in.sequences, c.embedding_dropout));
  for (Scope layer : g.layers("encoder.layers", c.num_layers)) x = encoder_layer(layer, c, x, in);
  Outputs out;
  out.hidden = x;
  if (c.head == Head::token_classification) out.logits = linear_layer(g.at("classifier"), x, c.num_labels, true);
  return out;
}

// Embeddings at 1 / sqrt(hidden), so that scaled by sqrt(hidden) they are as large as the positions; matrices by
// Glorot & Bengio 2010, which for square ones is the same.
double initial_std(const Config& c, const std::string& weight) {
  if (weight.find("feed_forward") != std::string::npos) return std::sqrt(2.0 / double(c.hidden_size + c.intermediate_size));
  return 1.0 / std::sqrt(double(c.hidden_size));
}

}  // namespace

const ModelFamily& vanilla_family() {
  static const ModelFamily family = {.name = "vanilla", .base_prefix = "encoder.", .read = read, .build = build, .initial_std = initial_std};
  return family;
}

}  // namespace orrery
