#include <cmath>

#include "checkpoint/gguf_names.h"
#include "export/gguf_parts.h"
#include "models/rope.h"

namespace orrery {

namespace {

[[noreturn]] void refuse(const std::string& what) { throw Error{ErrorKind::unsupported, "GGUF files have no word for " + what, ""}; }

uint32_t count(int64_t value) { return uint32_t(value); }

void expect_activation(const Config& c, Unary wanted, const char* name) {
  if (c.activation != wanted) refuse(std::string("another activation than this architecture's ") + name);
}

// What every architecture says, under its name.
GgufKeys common_keys(const Config& c, const std::string& name) {
  return {{name + ".vocab_size", count(c.vocab_size)},
          {name + ".context_length", count(c.usual_positions())},
          {name + ".embedding_length", count(c.hidden_size)},
          {name + ".block_count", count(c.encoder_decoder ? c.num_encoder_layers : c.num_layers)},
          {name + ".feed_forward_length", count(c.intermediate_size)},
          {name + ".attention.head_count", count(c.num_heads)}};
}

GgufKeys llama_keys(const Config& c) {
  expect_activation(c, Unary::silu, "silu");
  if (c.sliding_window > 0) refuse("attention over a sliding window in this architecture");
  const uint32_t head_dim = count(c.head_dim);
  GgufKeys keys = {{"llama.attention.head_count_kv", count(c.num_kv_heads)},
                   {"llama.attention.key_length", head_dim},
                   {"llama.attention.value_length", head_dim},
                   {"llama.attention.layer_norm_rms_epsilon", float(c.norm_eps)},
                   {"llama.rope.dimension_count", head_dim},
                   {"llama.rope.freq_base", float(rope_theta(c.json, c.model_type == "mixtral" ? 1e6 : 1e4))}};
  if (c.num_experts > 0) {
    keys.emplace_back("llama.expert_count", count(c.num_experts));
    keys.emplace_back("llama.expert_used_count", count(c.experts_per_token));
  }
  return keys;
}

GgufKeys gpt2_keys(const Config& c) {
  expect_activation(c, Unary::gelu_tanh, "gelu_new");
  if (!c.scale_attention || c.scale_attention_by_layer) refuse("scores that are not divided by the root of a head's width");
  return {{"gpt2.attention.layer_norm_epsilon", float(c.norm_eps)}};
}

GgufKeys bert_keys(const Config& c) {
  expect_activation(c, Unary::gelu, "gelu");
  return {{"bert.attention.layer_norm_epsilon", float(c.norm_eps)},
          {"bert.attention.causal", false},
          {"bert.pooling_type", uint32_t(1)},   // the mean
          {"tokenizer.ggml.token_type_count", count(c.type_vocab_size)}};
}

GgufKeys t5_keys(const Config& c) {
  if (c.activation != (c.gated_mlp ? Unary::gelu_tanh : Unary::relu)) refuse("this feed-forward");
  if (c.max_distance != 128) refuse("relative positions up to another distance than 128");
  if (c.scale_logits != c.tied) refuse("an output that is tied and not scaled, or scaled and not tied");
  return {{"t5.decoder_block_count", count(c.num_layers)},
          {"t5.attention.key_length", count(c.head_dim)},
          {"t5.attention.value_length", count(c.head_dim)},
          {"t5.attention.layer_norm_epsilon", float(c.norm_eps)},
          {"t5.attention.layer_norm_rms_epsilon", float(c.norm_eps)},
          {"t5.attention.relative_buckets_count", count(c.num_buckets)},
          {"t5.decoder_start_token_id", count(c.decoder_start_id.value_or(0))}};
}

}  // namespace

std::optional<Tensor> gguf_rope_divisors(const Config& c) {
  if (!c.rotary) return std::nullopt;
  const double theta = double(float(rope_theta(c.json, c.model_type == "mixtral" ? 1e6 : 1e4)));
  const std::vector<double>& frequencies = c.rotary->inverse_frequencies;
  std::vector<float> divisors;
  bool any = false;
  for (size_t i = 0; i < frequencies.size(); ++i) {
    const double plain = std::pow(theta, -2.0 * double(i) / double(2 * frequencies.size()));
    divisors.push_back(float(plain / frequencies[i]));
    any = any || std::fabs(plain / frequencies[i] - 1) > 1e-6;
  }
  if (c.rotary->attention_factor != 1) refuse("rotary positions that sharpen attention (yarn, longrope)");
  if (!any) return std::nullopt;
  return Tensor::from(std::span<const float>(divisors), {int64_t(divisors.size())});
}

GgufKeys gguf_model_keys(const Model& model) {
  const Config& c = model.config();
  const std::string type = c.model_type;
  gguf_names(type, c.gated_mlp);   // refuses families that have no form
  const bool is_bert = type == "bert";
  if (c.head != (is_bert ? Head::none : Head::causal_lm))
    throw Error{ErrorKind::unsupported, "a model of architecture " + c.architecture + " has no form in GGUF files", "", is_bert ? "of BERT they hold the encoder alone: BertModel" : "they hold what continues texts"};
  const bool is_llama = type == "llama" || type == "mixtral";
  const std::string architecture = is_llama ? "llama" : type;
  GgufKeys keys = {{"general.architecture", architecture}, {"general.type", std::string("model")}};
  const GgufKeys common = common_keys(c, architecture);
  keys.insert(keys.end(), common.begin(), common.end());
  const GgufKeys own = is_llama ? llama_keys(c) : type == "gpt2" ? gpt2_keys(c) : is_bert ? bert_keys(c) : t5_keys(c);
  keys.insert(keys.end(), own.begin(), own.end());
  return keys;
}

}  // namespace orrery
