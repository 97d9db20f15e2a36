// Mixtral (Jiang et al. 2024): Llama's decoder with a mixture of experts for its feed-forward, and, where the config says
// so, attention over a sliding window (Jiang et al. 2023).
//
//   x = x + attention(rms_norm(x));   x = x + sum over the chosen e of weight_e down_e(silu(gate_e(h)) * up_e(h)), h = rms_norm(x)
#include "models/blocks.h"
#include "models/family.h"
#include "models/moe.h"
#include "models/rope.h"

namespace orrery {

namespace {

Result<Config> read(const Json& json, const std::string& where) {
  ConfigReader fields(json, where);
  Config c = read_common(fields, json, {{"MixtralForCausalLM", Head::causal_lm}, {"MixtralModel", Head::none}});
  c.intermediate_size = fields.integer("intermediate_size", {1, 1 << 22});
  c.activation = read_activation(fields, "hidden_act", "silu");
  c.norm_eps = fields.number_or("rms_norm_eps", 1e-5, {0, 1});
  c.tied = fields.boolean_or("tie_word_embeddings", false);
  c.attention_bias = false;
  c.attention_dropout = fields.number_or("attention_dropout", 0, {0, 0.99});
  c.sliding_window = fields.integer_or("sliding_window", 0, {1, 1 << 24});
  c.num_experts = fields.integer_or({"num_local_experts", "num_experts"}, 8, {1, 4096});
  c.experts_per_token = fields.integer_or("num_experts_per_tok", 2, {1, 4096});
  c.router_aux_loss_coef = fields.number_or("router_aux_loss_coef", 0.001, {0, 1000});
  if (c.experts_per_token > c.num_experts)
    fields.fail("num_experts_per_tok " + std::to_string(c.experts_per_token) + " is more than num_local_experts " + std::to_string(c.num_experts));
  if (fields.number_or("router_jitter_noise", 0, {0, 1}) > 0) fields.fail("router_jitter_noise is not supported", "0 switches it off", ErrorKind::unsupported);
  c.rotary = read_rotary(fields, c.head_dim, c.max_positions, 1e6);
  c.base_names = c.head == Head::none;
  return fields.finish(std::move(c));
}

Outputs build(Builder& g, const Config& c, const Inputs& in) {
  const Scope root = g.at("model");
  const Value table = (root / "embed_tokens").weight("weight", {c.vocab_size, c.hidden_size});
  const ExpertNames names{.gate = "w1", .up = "w3", .down = "w2"};
  Outputs out;
  Value x = root.name("embedding", embedding(table, in.ids));                                      // [tokens, hidden]
  for (Scope layer : g.layers("model.layers", c.num_layers)) {
    const Value normed = layer.name("attention_input", rms_norm_layer(layer / "input_layernorm", x, c.norm_eps));
    x = layer.name("residual_mid", x + layer.name("attention_out", llama_attention(layer, c, normed, in)));
    const Value inner = layer.name("mlp_input", rms_norm_layer(layer / "post_attention_layernorm", x, c.norm_eps));
    x = layer.name("residual", x + layer.name("mlp_out", mixture_of_experts(layer, layer / "block_sparse_moe", c, names, inner, out.router_probs)));
  }
  out.hidden = root.name("final_norm", rms_norm_layer(root / "norm", x, c.norm_eps));
  if (c.head == Head::causal_lm)
    out.logits = linear(out.hidden, c.tied ? table : g.at("lm_head").weight("weight", {c.vocab_size, c.hidden_size}));
  return out;
}

// Files with the names of transformers' modules: all experts in one tensor, gate above up.
//   model.layers.0.block_sparse_moe.experts.3.w1.weight = model.layers.0.mlp.experts.gate_up_proj[3][:inner]
std::vector<WeightPlace> other_places(const Config& c, const std::string& weight) {
  const std::string moe = ".block_sparse_moe.";
  const size_t at = weight.find(moe);
  if (at == std::string::npos) return {};
  const std::string mlp = weight.substr(0, at) + ".mlp.", rest = weight.substr(at + moe.size());
  if (!rest.starts_with("experts.")) return {{mlp + rest}};
  const int64_t expert = std::stoll(rest.substr(8)), inner = c.intermediate_size;
  if (rest.ends_with(".w1.weight")) return {{mlp + "experts.gate_up_proj", expert, 0, inner}};
  if (rest.ends_with(".w3.weight")) return {{mlp + "experts.gate_up_proj", expert, inner, 2 * inner}};
  return {{mlp + "experts.down_proj", expert, 0, c.hidden_size}};
}

double initial_std(const Config& c, const std::string&) { return c.initializer_range; }

}  // namespace

const ModelFamily& mixtral_family() {
  static const ModelFamily family = {.name = "mixtral", .base_prefix = "model.", .tied = {{"lm_head.weight", "model.embed_tokens.weight"}}, .read = read, .build = build, .initial_std = initial_std, .other_places = other_places, .causal = true};
  return family;
}

}  // namespace orrery
