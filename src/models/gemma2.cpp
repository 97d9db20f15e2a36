// Gemma 2 (Rivière et al. 2024): Llama's decoder with a norm before and behind each block, scores and logits that are softly
// capped, and attention over a sliding window in every other layer.
//
//   x = sqrt(hidden) table[ids]
//   x = x + norm(attention(norm(x)));   x = x + norm(down(gelu(gate(h)) * up(h))), h = norm(x)        for each layer
//   logits = cap tanh(norm(x) table^T / cap)                    norm: RMSNorm by 1 + weight
#include <cmath>

#include "models/blocks.h"
#include "models/family.h"
#include "models/rope.h"

namespace orrery {

namespace {

// Which layers see all that is before them: as `layer_types` says, else every second one.
std::vector<bool> read_full_layers(ConfigReader& fields, const Config& c) {
  std::vector<bool> full;
  const Json* types = fields.raw("layer_types");
  if (!types) {
    for (int64_t i = 0; i < c.num_layers; ++i) full.push_back(i % 2 == 1);
    return full;
  }
  if (!types->is_array() || int64_t(types->size()) != c.num_layers) {
    fields.fail("layer_types must be a list of " + std::to_string(c.num_layers) + " types, one for each layer");
    return full;
  }
  for (const Json& type : *types) {
    if (type != "sliding_attention" && type != "full_attention") fields.fail("layer_types has " + to_line(type), "'sliding_attention' or 'full_attention'", ErrorKind::unsupported);
    full.push_back(type == "full_attention");
  }
  return full;
}

Result<Config> read(const Json& json, const std::string& where) {
  ConfigReader fields(json, where);
  Config c = read_common(fields, json, {{"Gemma2ForCausalLM", Head::causal_lm}, {"Gemma2Model", Head::none}, {"Gemma2ForSequenceClassification", Head::sequence_classification}});
  c.intermediate_size = fields.integer("intermediate_size", {1, 1 << 22});
  c.activation = read_activation(fields, "hidden_activation", "gelu_pytorch_tanh");
  c.norm_eps = fields.number_or("rms_norm_eps", 1e-6, {0, 1});
  c.tied = fields.boolean_or("tie_word_embeddings", true);
  c.attention_bias = fields.boolean_or("attention_bias", false);
  c.attention_dropout = fields.number_or("attention_dropout", 0, {0, 0.99});
  c.attention_scale = 1 / std::sqrt(fields.number_or("query_pre_attn_scalar", 256, {1e-6, 1e9}));
  c.attention_softcap = fields.number_or("attn_logit_softcapping", 0, {1e-3, 1e9});
  c.logit_softcap = fields.number_or("final_logit_softcapping", 0, {1e-3, 1e9});
  c.sliding_window = fields.integer_or("sliding_window", 0, {1, 1 << 24});
  c.full_layers = read_full_layers(fields, c);
  if (fields.boolean_or("use_bidirectional_attention", false)) fields.fail("use_bidirectional_attention is not supported", "", ErrorKind::unsupported);
  c.rotary = read_rotary(fields, c.head_dim, c.max_positions);
  c.base_names = c.head == Head::none;
  return fields.finish(std::move(c));
}

Value norm(Scope at, Value x, const Config& c) { return rms_norm(x, at.weight("weight", {x.width()}), c.norm_eps, /*offset=*/1); }

Value mlp(Scope layer, const Config& c, Value x) {
  const Scope at = layer / "mlp";
  const Value gate = layer.name("mlp_gate", linear_layer(at / "gate_proj", x, c.intermediate_size, false));   // [tokens, inner]
  const Value up = layer.name("mlp_inner", linear_layer(at / "up_proj", x, c.intermediate_size, false));
  return linear_layer(at / "down_proj", layer.name("mlp_activation", gated(c.activation, gate, up)), c.hidden_size, false);
}

Value capped(Value logits, double cap) { return cap > 0 ? unary(Unary::tanh, logits * (1 / cap)) * cap : logits; }

Outputs build(Builder& g, const Config& c, const Inputs& in) {
  const Scope root = g.at("model");
  const Value table = (root / "embed_tokens").weight("weight", {c.vocab_size, c.hidden_size});
  Value x = root.name("embedding", embedding(table, in.ids) * std::sqrt(double(c.hidden_size)));   // [tokens, hidden]
  Config of_layer = c;
  size_t index = 0;
  for (Scope layer : g.layers("model.layers", c.num_layers)) {
    of_layer.sliding_window = c.full_layers[index++] ? 0 : c.sliding_window;
    const Value normed = layer.name("attention_input", norm(layer / "input_layernorm", x, c));
    x = layer.name("residual_mid", x + layer.name("attention_out", norm(layer / "post_attention_layernorm", llama_attention(layer, of_layer, normed, in), c)));
    const Value inner = layer.name("mlp_input", norm(layer / "pre_feedforward_layernorm", x, c));
    x = layer.name("residual", x + layer.name("mlp_out", norm(layer / "post_feedforward_layernorm", mlp(layer, c, inner), c)));
  }
  Outputs out;
  out.hidden = root.name("final_norm", norm(root / "norm", x, c));
  if (c.head == Head::causal_lm)
    out.logits = capped(linear(out.hidden, c.tied ? table : g.at("lm_head").weight("weight", {c.vocab_size, c.hidden_size})), c.logit_softcap);
  if (c.head == Head::sequence_classification)
    out.logits = linear_layer(g.at("score"), select_rows(out.hidden, in.sequences.last_rows()), c.num_labels, false);
  return out;
}

double initial_std(const Config& c, const std::string&) { return c.initializer_range; }

}  // namespace

const ModelFamily& gemma2_family() {
  static const ModelFamily family = {.name = "gemma2", .base_prefix = "model.", .tied = {{"lm_head.weight", "model.embed_tokens.weight"}}, .read = read, .build = build, .initial_std = initial_std, .norm_start = 0, .causal = true};
  return family;
}

}  // namespace orrery
