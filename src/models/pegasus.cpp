// PEGASUS (Zhang et al. 2020): the encoder-decoder of Vaswani et al. 2017 with a layer norm before each block and one
// behind the last, sinusoidal positions (sines, then cosines), and a bias on the logits.
//
//   x = embedding[ids] * sqrt(hidden) + PE
//   encoder   x = x + attention(norm(x));                                                x = x + mlp(norm(x))
//   decoder   x = x + attention(norm(x));   x = x + attention(norm(x), encoded);         x = x + mlp(norm(x))
#include <cmath>

#include "models/blocks.h"
#include "models/family.h"

namespace orrery {

namespace {

Result<Config> read(const Json& json, const std::string& where) {
  ConfigReader fields(json, where);
  Config c = read_common(fields, json, {{"PegasusForConditionalGeneration", Head::causal_lm}, {"PegasusModel", Head::none}});
  c.encoder_decoder = true;
  c.num_encoder_layers = fields.integer_or("encoder_layers", c.num_layers, {1, 4096});
  c.num_encoder_heads = fields.integer_or("encoder_attention_heads", c.num_heads, {1, 1 << 16});
  if (c.num_encoder_heads != c.num_heads) fields.fail("encoder_attention_heads and decoder_attention_heads differ", "", ErrorKind::unsupported);
  divide_heads(fields, c);
  c.intermediate_size = fields.integer_or("decoder_ffn_dim", 4096, {1, 1 << 22});
  c.encoder_intermediate_size = fields.integer_or("encoder_ffn_dim", 4096, {1, 1 << 22});
  c.activation = read_activation(fields, "activation_function", "gelu");
  c.scale_embedding = fields.boolean_or("scale_embedding", false);
  c.embedding_dropout = c.residual_dropout = fields.number_or("dropout", 0.1, {0, 0.99});
  c.attention_dropout = fields.number_or("attention_dropout", 0.0, {0, 0.99});
  c.tied = fields.boolean_or("tie_word_embeddings", true);
  c.initializer_range = fields.number_or("init_std", 0.02, {0, 100});
  c.base_names = c.head == Head::none;
  return fields.finish(std::move(c));
}

Value self_attention(Scope layer, const Config& c, Value x, const Inputs& in, bool causal) {
  const Scope at = layer / "self_attn";
  const auto project = [&](const char* name) { return linear_layer(at / name, x, c.hidden_size, true); };
  const Value v = project("v_proj"), k = project("k_proj"), q = project("q_proj");
  return linear_layer(at / "out_proj", mix_heads(layer, c, q, k, v, in, causal), c.hidden_size, true);
}

Value cross_attention(Scope layer, const Config& c, Value x, Value encoded, const Inputs& in) {
  const Scope at = layer / "encoder_attn";
  const auto project = [&](const char* name, Value from) { return linear_layer(at / name, from, c.hidden_size, true); };
  const Value v = project("v_proj", encoded), k = project("k_proj", encoded), q = project("q_proj", x);
  return linear_layer(at / "out_proj", mix_source(layer, c, q, k, v, in), c.hidden_size, true);
}

Value mlp(Scope layer, const Config& c, Value x) {
  const Value inner = layer.name("mlp_inner", linear_layer(layer / "fc1", x, c.intermediate_size, true));
  return linear_layer(layer / "fc2", layer.name("mlp_activation", unary(c.activation, inner)), c.hidden_size, true);
}

Value embeddings(Builder& g, const Config& c, const std::string& side) {
  return g.at(c.tied ? "model.shared" : "model." + side + ".embed_tokens").weight("weight", {c.vocab_size, c.hidden_size});
}

// side: "encoder", or "decoder" with what it looks at.
Value stack(Builder& g, const std::string& side, const Config& c, const Inputs& in, Value encoded) {
  const Scope root = g.at("model." + side, side);
  const auto add = [&](Value x, Value change) { return x + dropout(change, in.sequences, c.residual_dropout); };
  const Value tokens = embedding(embeddings(g, c, side), in.ids, c.pad_id);
  const Value positions = embedding((root / "embed_positions").weight("weight", {c.max_positions, c.hidden_size}), in.positions);
  Value x = root.name("embedding", dropout((c.scale_embedding ? tokens * std::sqrt(double(c.hidden_size)) : tokens) + positions, in.sequences, c.embedding_dropout));
  for (Scope layer : g.layers("model." + side + ".layers", c.num_layers, side + ".")) {
    const Value normed = layer.name("attention_input", layer_norm_layer(layer / "self_attn_layer_norm", x, c.norm_eps));
    x = layer.name("residual_mid", add(x, layer.name("attention_out", self_attention(layer, c, normed, in, bool(encoded)))));
    if (encoded) {
      const Value looking = layer.name("cross_input", layer_norm_layer(layer / "encoder_attn_layer_norm", x, c.norm_eps));
      x = layer.name("residual_cross", add(x, layer.name("cross_out", cross_attention(layer, c, looking, encoded, in))));
    }
    const Value inner = layer.name("mlp_input", layer_norm_layer(layer / "final_layer_norm", x, c.norm_eps));
    x = layer.name("residual", add(x, layer.name("mlp_out", mlp(layer, c, inner))));
  }
  return root.name("final_norm", layer_norm_layer(root / "layer_norm", x, c.norm_eps));
}

Outputs build(Builder& g, const Config& c, const Inputs& in) {
  Outputs out;
  out.encoded = stack(g, "encoder", encoder_config(c), *in.source, {});
  out.hidden = stack(g, "decoder", c, in, out.encoded);
  if (c.head == Head::causal_lm)
    out.logits = linear(out.hidden, c.tied ? embeddings(g, c, "decoder") : g.at("lm_head").weight("weight", {c.vocab_size, c.hidden_size}), g.weight("final_logits_bias", {1, c.vocab_size}));
  return out;
}

// Older files of untied models have one embedding for both sides.
std::vector<WeightPlace> other_places(const Config&, const std::string& weight) {
  if (!weight.ends_with("embed_tokens.weight")) return {};
  return {{.tensor = "model.shared.weight"}};
}

std::optional<Tensor> fixed_weight(const Config& c, const std::string& name) {
  if (name.ends_with("embed_positions.weight")) return sinusoidal_positions(c.max_positions, c.hidden_size, /*halves=*/true);
  if (name == "final_logits_bias") return Tensor::zeros(DType::f32, {1, c.vocab_size});
  return std::nullopt;
}

double initial_std(const Config& c, const std::string&) { return c.initializer_range; }

}  // namespace

const ModelFamily& pegasus_family() {
  static const ModelFamily family = {.name = "pegasus", .base_prefix = "model.", .read = read, .build = build, .initial_std = initial_std,
                                     .other_places = other_places,
                                     .fixed_weight = fixed_weight, .copies = {"lm_head.weight", "model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight"}};
  return family;
}

}  // namespace orrery
