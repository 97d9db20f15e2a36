// MPT (MosaicML 2023): a decoder without positions: heads look the less at a key the further it is, by ALiBi (Press et al. 2022).
// No layer has a bias, and norms have none either.
//
//   x = x + attention(layer_norm(x));   x = x + down(gelu(up(layer_norm(x))))        for each layer
//   logits = layer_norm(x) wte^T
#include "models/blocks.h"
#include "models/family.h"

namespace orrery {

namespace {

Result<Config> read(const Json& json, const std::string& where) {
  ConfigReader fields(json, where);
  Config c = read_common(fields, json, {{"MptForCausalLM", Head::causal_lm}, {"MPTForCausalLM", Head::causal_lm}, {"MptModel", Head::none}});
  const auto refuse = [&](bool found, const std::string& what) {
    if (found) fields.fail(what + " is not supported", "", ErrorKind::unsupported);
  };
  c.max_positions = fields.integer_or("max_seq_len", 2048, {1, 1 << 24});
  c.intermediate_size = c.hidden_size * fields.integer_or("expansion_ratio", 4, {1, 64});
  c.norm_eps = fields.number_or("layer_norm_epsilon", 1e-5, {0, 1});
  c.tied = fields.boolean_or("tie_word_embeddings", true);
  refuse(!fields.boolean_or("no_bias", true), "no_bias false");
  refuse(fields.has("logit_scale"), "logit_scale");
  ConfigReader attention = fields.section("attn_config");
  c.alibi = 8;
  c.attention_scale = attention.number_or("softmax_scale", 0, {1e-9, 1e9});
  c.attention_dropout = c.residual_dropout = attention.number_or("attn_pdrop", 0, {0, 0.99});
  refuse(!attention.boolean_or("alibi", true), "attn_config.alibi false");
  refuse(attention.number_or("alibi_bias_max", c.alibi, {0, 1e9}) != c.alibi, "attn_config.alibi_bias_max other than 8");   // transformers reads it as 8
  refuse(attention.has("clip_qkv"), "attn_config.clip_qkv");
  refuse(attention.boolean_or("qk_ln", false), "attn_config.qk_ln");
  refuse(attention.boolean_or("prefix_lm", false), "attn_config.prefix_lm");
  const std::string type = attention.string_or("attn_type", "multihead_attention");
  refuse(type != "multihead_attention", "attn_config.attn_type '" + type + "'");
  divide_heads(fields, c);
  c.base_names = c.head == Head::none;
  return fields.finish(std::move(c));
}

Value norm(Scope at, Value x, const Config& c) { return layer_norm(x, at.weight("weight", {x.width()}), std::nullopt, c.norm_eps); }

Value attention_block(Scope layer, const Config& c, Value x, const Inputs& in) {
  const Scope at = layer / "attn";
  const Value qkv = layer.name("qkv", linear_layer(at / "Wqkv", x, 3 * c.hidden_size, false));     // [tokens, 3 hidden]
  const std::vector<Value> parts = split_columns(qkv, {c.hidden_size, c.hidden_size, c.hidden_size});
  return linear_layer(at / "out_proj", mix_heads(layer, c, parts[0], parts[1], parts[2], in, /*causal=*/true, c.attention_scale), c.hidden_size, false);
}

Value mlp(Scope layer, const Config& c, Value x) {
  const Value inner = layer.name("mlp_inner", linear_layer(layer / "ffn" / "up_proj", x, c.intermediate_size, false));   // [tokens, inner]
  return linear_layer(layer / "ffn" / "down_proj", layer.name("mlp_activation", unary(Unary::gelu, inner)), c.hidden_size, false);
}

Outputs build(Builder& g, const Config& c, const Inputs& in) {
  const Scope root = g.at("transformer");
  const Value wte = (root / "wte").weight("weight", {c.vocab_size, c.hidden_size});
  Value x = root.name("embedding", embedding(wte, in.ids));                                        // [tokens, hidden]
  for (Scope layer : g.layers("transformer.blocks", c.num_layers)) {
    const Value normed = layer.name("attention_input", norm(layer / "norm_1", x, c));
    x = layer.name("residual_mid", x + layer.name("attention_out", dropout(attention_block(layer, c, normed, in), in.sequences, c.residual_dropout)));
    const Value inner = layer.name("mlp_input", norm(layer / "norm_2", x, c));
    x = layer.name("residual", x + layer.name("mlp_out", dropout(mlp(layer, c, inner), in.sequences, c.residual_dropout)));
  }
  Outputs out;
  out.hidden = root.name("final_norm", norm(root / "norm_f", x, c));
  if (c.head == Head::causal_lm)
    out.logits = linear(out.hidden, c.tied ? wte : g.at("lm_head").weight("weight", {c.vocab_size, c.hidden_size}));
  return out;
}

double initial_std(const Config& c, const std::string&) { return c.initializer_range; }

}  // namespace

const ModelFamily& mpt_family() {
  static const ModelFamily family = {.name = "mpt", .base_prefix = "transformer.", .tied = {{"lm_head.weight", "transformer.wte.weight"}}, .read = read, .build = build, .initial_std = initial_std, .causal = true};
  return family;
}

}  // namespace orrery
