// GPT-2 (Radford et al. 2019): a decoder with learned positions, norms before each block, and a GELU feed-forward.
//
//   x = wte[ids] + wpe[positions]
//   x = x + attention(layer_norm(x));   x = x + mlp(layer_norm(x))        for each layer
//   logits = layer_norm(x) wte^T
#include <cmath>

#include "models/blocks.h"
#include "models/family.h"

namespace orrery {

namespace {

Result<Config> read(const Json& json, const std::string& where) {
  ConfigReader fields(json, where);
  Config c = read_common(fields, json, {{"GPT2LMHeadModel", Head::causal_lm}, {"GPT2Model", Head::none}, {"GPT2ForSequenceClassification", Head::sequence_classification}});
  c.intermediate_size = fields.integer_or({"n_inner", "intermediate_size"}, 4 * c.hidden_size, {1, 1 << 22});
  c.activation = read_activation(fields, {"activation_function", "hidden_act"}, "gelu_new");
  c.norm_eps = fields.number_or({"layer_norm_epsilon", "layer_norm_eps"}, 1e-5, {0, 1});
  c.tied = fields.boolean_or("tie_word_embeddings", true);
  c.embedding_dropout = fields.number_or("embd_pdrop", 0.1, {0, 0.99});
  c.residual_dropout = fields.number_or("resid_pdrop", 0.1, {0, 0.99});
  c.attention_dropout = fields.number_or("attn_pdrop", 0.1, {0, 0.99});
  c.scale_attention = fields.boolean_or("scale_attn_weights", true);
  c.scale_attention_by_layer = fields.boolean_or("scale_attn_by_inverse_layer_idx", false);
  divide_heads(fields, c);
  c.base_names = c.head == Head::none;
  return fields.finish(std::move(c));
}

Value attention_block(Scope layer, const Config& c, Value x, const Inputs& in, int64_t index) {
  const Value qkv = layer.name("qkv", conv1d_layer(layer / "attn" / "c_attn", x, 3 * c.hidden_size));   // [tokens, 3 hidden]
  const std::vector<Value> parts = split_columns(qkv, {c.hidden_size, c.hidden_size, c.hidden_size});
  double scale = c.scale_attention ? 1.0 / std::sqrt(double(c.head_dim)) : 1.0;
  if (c.scale_attention_by_layer) scale /= double(index + 1);
  const Value mixed = mix_heads(layer, c, parts[0], parts[1], parts[2], in, /*causal=*/true, scale);   // [tokens, hidden]
  return conv1d_layer(layer / "attn" / "c_proj", mixed, c.hidden_size);
}

Value mlp(Scope layer, const Config& c, Value x) {
  const Value inner = layer.name("mlp_inner", conv1d_layer(layer / "mlp" / "c_fc", x, c.intermediate_size));  // [tokens, inner]
  const Value active = layer.name("mlp_activation", unary(c.activation, inner));
  return conv1d_layer(layer / "mlp" / "c_proj", active, c.hidden_size);
}

Outputs build(Builder& g, const Config& c, const Inputs& in) {
  const Scope root = g.at("transformer");
  const Value wte = (root / "wte").weight("weight", {c.vocab_size, c.hidden_size});
  const Value tokens = root.name("token_embedding", embedding(wte, in.ids));
  const Value positions = root.name("position_embedding", embedding((root / "wpe").weight("weight", {c.max_positions, c.hidden_size}), in.positions));
  Value x = root.name("embedding", dropout(tokens + positions, in.sequences, c.embedding_dropout));   // [tokens, hidden]
  int64_t index = 0;
  for (Scope layer : g.layers("transformer.h", c.num_layers)) {
    const Value normed = layer.name("attention_input", layer_norm_layer(layer / "ln_1", x, c.norm_eps));
    const Value attended = layer.name("attention_out", dropout(attention_block(layer, c, normed, in, index++), in.sequences, c.residual_dropout));
    x = layer.name("residual_mid", x + attended);
    const Value inner = layer.name("mlp_input", layer_norm_layer(layer / "ln_2", x, c.norm_eps));
    x = layer.name("residual", x + layer.name("mlp_out", dropout(mlp(layer, c, inner), in.sequences, c.residual_dropout)));
  }
  Outputs out;
  out.hidden = root.name("final_norm", layer_norm_layer(root / "ln_f", x, c.norm_eps));
  if (c.head == Head::causal_lm)
    out.logits = linear(out.hidden, c.tied ? wte : g.at("lm_head").weight("weight", {c.vocab_size, c.hidden_size}));
  if (c.head == Head::sequence_classification)   // of the last token, which has seen the whole text
    out.logits = linear_layer(g.at("score"), select_rows(out.hidden, in.sequences.last_rows()), c.num_labels, false);
  return out;
}

// Radford et al. 2019, 2.3: what is added to the residual stream starts smaller by 1 / sqrt(number of such additions).
double initial_std(const Config& c, const std::string& weight) {
  return weight.ends_with("c_proj.weight") ? c.initializer_range / std::sqrt(2.0 * double(c.num_layers)) : c.initializer_range;
}

}  // namespace

const ModelFamily& gpt2_family() {
  static const ModelFamily family = {.name = "gpt2", .base_prefix = "transformer.", .tied = {{"lm_head.weight", "transformer.wte.weight"}}, .read = read, .build = build, .initial_std = initial_std, .causal = true};
  return family;
}

}  // namespace orrery
