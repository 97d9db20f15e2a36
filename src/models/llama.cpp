// Llama (Touvron et al. 2023): a decoder with rotary positions, RMSNorm before each block, grouped key/value heads
// (Ainslie et al. 2023) and a SwiGLU feed-forward.
//
//   x = x + attention(rms_norm(x));   x = x + down(silu(gate(h)) * up(h)), h = rms_norm(x)        for each layer
#include <cmath>

#include "models/blocks.h"
#include "models/family.h"
#include "models/rope.h"

namespace orrery {

namespace {

Result<Config> read(const Json& json, const std::string& where) {
  ConfigReader fields(json, where);
  Config c = read_common(fields, json, {{"LlamaForCausalLM", Head::causal_lm}, {"LlamaModel", Head::none}, {"LlamaForSequenceClassification", Head::sequence_classification}});
  c.intermediate_size = fields.integer({"intermediate_size", "n_inner"}, {1, 1 << 22});
  c.activation = read_activation(fields, "hidden_act", "silu");
  c.norm_eps = fields.number_or("rms_norm_eps", 1e-6, {0, 1});
  c.tied = fields.boolean_or("tie_word_embeddings", false);
  c.attention_bias = fields.boolean_or("attention_bias", false);
  c.mlp_bias = fields.boolean_or("mlp_bias", false);
  c.attention_dropout = fields.number_or("attention_dropout", 0, {0, 0.99});
  c.rotary = read_rotary(fields, c.head_dim, c.max_positions);
  c.base_names = c.head == Head::none;
  return fields.finish(std::move(c));
}

Value mlp(Scope layer, const Config& c, Value x) {
  const Scope at = layer / "mlp";
  const Value gate = layer.name("mlp_gate", linear_layer(at / "gate_proj", x, c.intermediate_size, c.mlp_bias));   // [tokens, inner]
  const Value up = layer.name("mlp_inner", linear_layer(at / "up_proj", x, c.intermediate_size, c.mlp_bias));
  return linear_layer(at / "down_proj", layer.name("mlp_activation", gated(c.activation, gate, up)), c.hidden_size, c.mlp_bias);
}

Outputs build(Builder& g, const Config& c, const Inputs& in) {
  const Scope root = g.at("model");
  const Value table = (root / "embed_tokens").weight("weight", {c.vocab_size, c.hidden_size});
  Value x = root.name("embedding", embedding(table, in.ids));                                      // [tokens, hidden]
  for (Scope layer : g.layers("model.layers", c.num_layers)) {
    const Value normed = layer.name("attention_input", rms_norm_layer(layer / "input_layernorm", x, c.norm_eps));
    x = layer.name("residual_mid", x + layer.name("attention_out", llama_attention(layer, c, normed, in)));
    const Value inner = layer.name("mlp_input", rms_norm_layer(layer / "post_attention_layernorm", x, c.norm_eps));
    x = layer.name("residual", x + layer.name("mlp_out", mlp(layer, c, inner)));
  }
  Outputs out;
  out.hidden = root.name("final_norm", rms_norm_layer(root / "norm", x, c.norm_eps));
  if (c.head == Head::causal_lm)
    out.logits = linear(out.hidden, c.tied ? table : g.at("lm_head").weight("weight", {c.vocab_size, c.hidden_size}));
  if (c.head == Head::sequence_classification)
    out.logits = linear_layer(g.at("score"), select_rows(out.hidden, in.sequences.last_rows()), c.num_labels, false);
  return out;
}

double initial_std(const Config& c, const std::string&) { return c.initializer_range; }

}  // namespace

const ModelFamily& llama_family() {
  static const ModelFamily family = {.name = "llama", .base_prefix = "model.", .tied = {{"lm_head.weight", "model.embed_tokens.weight"}}, .read = read, .build = build, .initial_std = initial_std, .causal = true};
  return family;
}

}  // namespace orrery
