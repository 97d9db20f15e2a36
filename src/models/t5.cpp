// T5 (Raffel et al. 2020): an encoder-decoder with RMSNorm before each block, no biases, no scaling of the scores, and
// positions only as a bias on them by the distance of key and query, in buckets, which the layers of a side share.
//
//   encoder   x = x + attention(rms_norm(x));                                                  x = x + mlp(rms_norm(x))
//   decoder   x = x + attention(rms_norm(x));   x = x + attention(rms_norm(x), encoded);       x = x + mlp(rms_norm(x))
//   mlp(h) = wo(f(wi h)), or wo(f(wi_0 h) * wi_1 h) where gated (T5 1.1).   Tied embeddings: logits of x / sqrt(hidden).
#include <cmath>

#include "models/blocks.h"
#include "models/family.h"

namespace orrery {

namespace {

Result<Config> read(const Json& json, const std::string& where) {
  ConfigReader fields(json, where);
  Config c = read_common(fields, json, {{"T5ForConditionalGeneration", Head::causal_lm}, {"T5Model", Head::none}});
  c.encoder_decoder = true;
  c.num_encoder_layers = c.num_layers;
  c.num_layers = fields.integer_or("num_decoder_layers", c.num_layers, {1, 4096});
  c.num_encoder_heads = c.num_kv_heads = c.num_heads;
  c.intermediate_size = c.encoder_intermediate_size = fields.integer("d_ff", {1, 1 << 22});
  allow_any_length(fields, c);   // distances, not positions
  c.num_buckets = fields.integer_or("relative_attention_num_buckets", 32, {4, 1 << 16});
  c.max_distance = fields.integer_or("relative_attention_max_distance", 128, {2, 1 << 16});
  if (c.num_buckets % 2 != 0 || c.max_distance <= c.num_buckets / 2) fields.fail("relative_attention_num_buckets " + std::to_string(c.num_buckets) + " does not go with relative_attention_max_distance " + std::to_string(c.max_distance));
  std::string activation = fields.string_or("feed_forward_proj", "relu");
  c.gated_mlp = activation.starts_with("gated-");
  if (c.gated_mlp) activation = activation.substr(6);
  if (activation == "gelu" && c.gated_mlp) activation = "gelu_new";
  c.activation = activation_named(fields, activation, "feed_forward_proj");
  c.norm_eps = fields.number_or("layer_norm_epsilon", 1e-6, {0, 1});
  c.embedding_dropout = c.residual_dropout = c.attention_dropout = fields.number_or("dropout_rate", 0.1, {0, 0.99});
  c.tied = fields.boolean_or("tie_word_embeddings", true);
  c.scale_logits = fields.boolean_or("scale_decoder_outputs", c.tied);   // transformers 5 tells the two apart
  c.attention_bias = c.mlp_bias = false;
  c.initializer_range = fields.number_or("initializer_factor", 1.0, {0, 100});
  return fields.finish(std::move(c));
}

struct Side {   // the encoder or the decoder
  const Config& c;
  const Inputs& in;
  bool causal;
  Value bias;   // [heads, distances]
};

Value project(Scope at, const char* name, Value x, int64_t width) { return linear_layer(at / name, x, width, false); }

Value self_attention(Scope layer, Scope at, const Side& side, Value x) {
  const Config& c = side.c;
  const int64_t width = c.num_heads * c.head_dim;
  const Value v = project(at, "v", x, width), k = project(at, "k", x, width), q = project(at, "q", x, width);
  const Value mixed = mix_heads(layer, c, q, k, v, side.in, side.causal, /*scale=*/1, side.bias);
  return dropout(project(at, "o", mixed, c.hidden_size), side.in.sequences, c.residual_dropout);
}

Value cross_attention(Scope layer, Scope at, const Side& side, Value x, Value encoded) {
  const Config& c = side.c;
  const int64_t width = c.num_heads * c.head_dim;
  const Value v = project(at, "v", encoded, width), k = project(at, "k", encoded, width), q = project(at, "q", x, width);
  const Value mixed = mix_source(layer, c, q, k, v, side.in, /*scale=*/1);
  return dropout(project(at, "o", mixed, c.hidden_size), side.in.sequences, c.residual_dropout);
}

Value mlp(Scope layer, Scope at, const Side& side, Value x) {
  const Config& c = side.c;
  Value active;
  if (c.gated_mlp) {
    const Value gate = layer.name("mlp_gate", project(at, "wi_0", x, c.intermediate_size));
    active = gated(c.activation, gate, layer.name("mlp_inner", project(at, "wi_1", x, c.intermediate_size)));
  } else {
    active = unary(c.activation, layer.name("mlp_inner", project(at, "wi", x, c.intermediate_size)));
  }
  active = dropout(layer.name("mlp_activation", active), side.in.sequences, c.residual_dropout);
  return dropout(project(at, "wo", active, c.hidden_size), side.in.sequences, c.residual_dropout);
}

// encoded: what the decoder looks at; none for the encoder itself.
Value stack(Builder& g, const std::string& name, const Side& side, Value table, Value encoded) {
  const Config& c = side.c;
  const Scope root = g.at(name, name);
  Value x = root.name("embedding", dropout(embedding(table, side.in.ids), side.in.sequences, c.embedding_dropout));   // [rows, hidden]
  for (Scope layer : g.layers(name + ".block", c.num_layers, name + ".")) {
    const Scope self = layer / "layer" / "0", last = layer / "layer" / (encoded ? "2" : "1");
    const Value normed = layer.name("attention_input", rms_norm_layer(self / "layer_norm", x, c.norm_eps));
    x = layer.name("residual_mid", x + layer.name("attention_out", self_attention(layer, self / "SelfAttention", side, normed)));
    if (encoded) {
      const Scope cross = layer / "layer" / "1";
      const Value looking = layer.name("cross_input", rms_norm_layer(cross / "layer_norm", x, c.norm_eps));
      x = layer.name("residual_cross", x + layer.name("cross_out", cross_attention(layer, cross / "EncDecAttention", side, looking, encoded)));
    }
    const Value inner = layer.name("mlp_input", rms_norm_layer(last / "layer_norm", x, c.norm_eps));
    x = layer.name("residual", x + layer.name("mlp_out", mlp(layer, last / "DenseReluDense", side, inner)));
  }
  return root.name("final_norm", dropout(rms_norm_layer(root / "final_layer_norm", x, c.norm_eps), side.in.sequences, c.residual_dropout));
}

Value shared_bias(Builder& g, const std::string& side, const Config& c, bool both_ways) {
  const Value table = g.at(side + ".block.0.layer.0.SelfAttention.relative_attention_bias").weight("weight", {c.num_buckets, c.num_heads});
  return relative_bias(table, both_ways, c.max_distance);
}

Outputs build(Builder& g, const Config& c, const Inputs& in) {
  const Value table = g.at("shared").weight("weight", {c.vocab_size, c.hidden_size});
  const Config of_encoder = encoder_config(c);
  Outputs out;
  out.encoded = stack(g, "encoder", {of_encoder, *in.source, false, shared_bias(g, "encoder", c, true)}, table, {});
  out.hidden = stack(g, "decoder", {c, in, true, shared_bias(g, "decoder", c, false)}, table, out.encoded);
  if (c.head == Head::causal_lm)
    out.logits = linear(c.scale_logits ? out.hidden * (1 / std::sqrt(double(c.hidden_size))) : out.hidden, c.tied ? table : g.at("lm_head").weight("weight", {c.vocab_size, c.hidden_size}));
  return out;
}

// So that scores start small without being scaled (as transformers does).
double initial_std(const Config& c, const std::string& weight) {
  const double hidden = double(c.hidden_size), inner = double(c.num_heads * c.head_dim);
  if (weight == "shared.weight" || weight == "lm_head.weight") return c.initializer_range;
  if (weight.ends_with(".q.weight")) return c.initializer_range / std::sqrt(hidden * double(c.head_dim));
  if (weight.ends_with(".o.weight")) return c.initializer_range / std::sqrt(inner);
  if (weight.ends_with(".wo.weight")) return c.initializer_range / std::sqrt(double(c.intermediate_size));
  return c.initializer_range / std::sqrt(hidden);
}

}  // namespace

const ModelFamily& t5_family() {
  static const ModelFamily family = {.name = "t5", .base_prefix = "", .read = read, .build = build, .initial_std = initial_std,
                                     .copies = {"lm_head.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight"}};
  return family;
}

}  // namespace orrery
