// "Attention Is All You Need" (Vaswani et al. 2017): sinusoidal positions, norms after each addition, a ReLU feed-forward.
// The encoder alone with a classifier for every token, so that it can learn to sort; or encoder and decoder, which share
// one embedding with the output layer (3.4).
//
//   x = embedding[ids] * sqrt(hidden) + PE,   PE[p, 2i] = sin(p / 10000^(2i / hidden)),  PE[p, 2i+1] = cos(same)
//   encoder   x = norm(x + attention(x));                                      x = norm(x + mlp(x))      for each layer
//   decoder   x = norm(x + attention(x));   x = norm(x + attention(x, encoded));   x = norm(x + mlp(x))
#include <cmath>

#include "models/blocks.h"
#include "models/family.h"

namespace orrery {

namespace {

constexpr int64_t kLargestTable = 1 << 26;   // positions are computed for each graph: 256 MiB

Result<Config> read(const Json& json, const std::string& where) {
  ConfigReader fields(json, where);
  Config c = read_common(fields, json, {{"VanillaForTokenClassification", Head::token_classification}, {"VanillaForConditionalGeneration", Head::causal_lm}, {"VanillaModel", Head::none}});
  c.intermediate_size = fields.integer_or("intermediate_size", 4 * c.hidden_size, {1, 1 << 22});
  c.activation = read_activation(fields, "hidden_act", "relu");
  c.norm_eps = fields.number_or("layer_norm_eps", 1e-5, {0, 1});
  c.embedding_dropout = c.residual_dropout = fields.number_or("dropout", 0.0, {0, 0.99});
  c.attention_dropout = fields.number_or("attention_dropout", 0.0, {0, 0.99});
  c.encoder_decoder = c.head == Head::causal_lm;
  c.num_encoder_layers = c.num_layers;
  c.num_encoder_heads = c.num_heads;
  c.encoder_intermediate_size = c.intermediate_size;
  if (c.encoder_decoder) c.num_layers = fields.integer_or("num_decoder_layers", c.num_layers, {1, 4096});
  if (c.max_positions * c.hidden_size > kLargestTable)
    fields.fail("a table of " + std::to_string(c.max_positions) + " positions by " + std::to_string(c.hidden_size) + " is too large", "", ErrorKind::unsupported);
  return fields.finish(std::move(c));
}

// What a block adds to the residual stream, and the norm behind it.
Value added(Scope layer, const Config& c, const char* norm, Value x, Value change, const Inputs& in) {
  return layer_norm_layer(layer / norm, x + dropout(change, in.sequences, c.residual_dropout), c.norm_eps);
}

Value project(Scope at, const char* name, Value x, int64_t width) { return linear_layer(at / name, x, width, true); }

Value self_attention(Scope layer, const Config& c, Value x, const Inputs& in, bool causal) {
  const Scope at = layer / "self_attention";
  const int64_t width = c.num_heads * c.head_dim, kv_width = c.num_kv_heads * c.head_dim;
  const Value v = project(at, "value", x, kv_width), k = project(at, "key", x, kv_width), q = project(at, "query", x, width);
  const Value mixed = mix_heads(layer, c, q, k, v, in, causal);
  return layer.name("attention_out", project(at, "output", mixed, c.hidden_size));
}

Value cross_attention(Scope layer, const Config& c, Value x, Value encoded, const Inputs& in) {
  const Scope at = layer / "cross_attention";
  const int64_t width = c.num_heads * c.head_dim, kv_width = c.num_kv_heads * c.head_dim;
  const Value v = project(at, "value", encoded, kv_width), k = project(at, "key", encoded, kv_width), q = project(at, "query", x, width);
  const Value mixed = mix_source(layer, c, q, k, v, in);
  return layer.name("cross_out", project(at, "output", mixed, c.hidden_size));
}

Value mlp(Scope layer, const Config& c, Value x) {
  const Value inner = layer.name("mlp_inner", project(layer / "feed_forward", "inner", x, c.intermediate_size));
  return layer.name("mlp_out", project(layer / "feed_forward", "output", layer.name("mlp_activation", unary(c.activation, inner)), c.hidden_size));
}

// encoded: what a decoder looks at; none for the encoder. site: "encoder." and "decoder." where there are both.
Value stack(Builder& g, const std::string& side, const std::string& site, const Config& c, const Inputs& in, Value table, Value encoded) {
  const Value positions = constant_table(sinusoidal_positions(c.max_positions, c.hidden_size), in.positions);
  Value x = dropout(embedding(table, in.ids) * std::sqrt(double(c.hidden_size)) + positions, in.sequences, c.embedding_dropout);   // [rows, hidden]
  g.at("").name(site + "embedding", x);
  for (Scope layer : g.layers(side + ".layers", c.num_layers, site)) {
    x = layer.name("residual_mid", added(layer, c, "attention_norm", x, self_attention(layer, c, x, in, bool(encoded)), in));
    if (encoded) x = layer.name("residual_cross", added(layer, c, "cross_norm", x, cross_attention(layer, c, x, encoded, in), in));
    x = layer.name("residual", added(layer, c, "feed_forward_norm", x, mlp(layer, c, x), in));
  }
  return x;
}

Outputs build(Builder& g, const Config& c, const Inputs& in) {
  Outputs out;
  if (c.encoder_decoder) {
    const Value table = g.at("embedding").weight("weight", {c.vocab_size, c.hidden_size});
    out.encoded = stack(g, "encoder", "encoder.", encoder_config(c), *in.source, table, {});
    out.hidden = stack(g, "decoder", "decoder.", c, in, table, out.encoded);
    out.logits = linear(out.hidden, table);
    return out;
  }
  const Value table = g.at("encoder.embedding").weight("weight", {c.vocab_size, c.hidden_size});
  out.hidden = stack(g, "encoder", "", c, in, table, {});
  if (c.head == Head::token_classification) out.logits = linear_layer(g.at("classifier"), out.hidden, c.num_labels, true);
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
