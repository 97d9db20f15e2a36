#include "checkpoint/gguf_names.h"

#include "base/error.h"

namespace orrery {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// What '#' and '@' stand for.
struct Numbers {
  std::string layer, expert;
};

// Whether `name` is the pattern with numbers in it, then ".weight" or ".bias": `ending` is that. A literal '@' is an expert's number too.
bool matches(std::string_view pattern, std::string_view name, Numbers& numbers, std::string& ending) {
  size_t at = 0;
  for (const char c : pattern) {
    if (c == '#' || c == '@') {
      std::string& number = c == '#' ? numbers.layer : numbers.expert;
      number.clear();
      while (at < name.size() && number.size() < 7 && is_digit(name[at])) number += name[at++];
      if (number.empty()) return false;
    } else if (at == name.size() || name[at++] != c) {
      return false;
    }
  }
  ending = name.substr(at);
  return ending == ".weight" || ending == ".bias";
}

std::string filled(std::string_view pattern, const Numbers& numbers) {
  std::string out;
  for (const char c : pattern) out += c == '#' ? numbers.layer : c == '@' && !numbers.expert.empty() ? numbers.expert : std::string(1, c);
  return out;
}

std::vector<GgufRule> llama_rules() {
  return {{"token_embd", "model.embed_tokens"},
          {"output_norm", "model.norm"},
          {"output", "lm_head"},
          {"blk.#.attn_norm", "model.layers.#.input_layernorm"},
          {"blk.#.attn_q", "model.layers.#.self_attn.q_proj", GgufChange::rotary},
          {"blk.#.attn_k", "model.layers.#.self_attn.k_proj", GgufChange::rotary},
          {"blk.#.attn_v", "model.layers.#.self_attn.v_proj"},
          {"blk.#.attn_output", "model.layers.#.self_attn.o_proj"},
          {"blk.#.ffn_norm", "model.layers.#.post_attention_layernorm"},
          {"blk.#.ffn_gate", "model.layers.#.mlp.gate_proj"},
          {"blk.#.ffn_up", "model.layers.#.mlp.up_proj"},
          {"blk.#.ffn_down", "model.layers.#.mlp.down_proj"}};
}

std::vector<GgufRule> mixtral_rules() {
  std::vector<GgufRule> rules = llama_rules();
  rules.resize(rules.size() - 3);   // the feed-forward
  const std::vector<GgufRule> experts = {{"blk.#.ffn_gate_inp", "model.layers.#.block_sparse_moe.gate"},
                                         {"blk.#.ffn_gate_exps", "model.layers.#.block_sparse_moe.experts.@.w1", GgufChange::experts},
                                         {"blk.#.ffn_up_exps", "model.layers.#.block_sparse_moe.experts.@.w3", GgufChange::experts},
                                         {"blk.#.ffn_down_exps", "model.layers.#.block_sparse_moe.experts.@.w2", GgufChange::experts}};
  rules.insert(rules.end(), experts.begin(), experts.end());
  return rules;
}

std::vector<GgufRule> gpt2_rules() {
  return {{"token_embd", "transformer.wte"},
          {"position_embd", "transformer.wpe"},
          {"output_norm", "transformer.ln_f"},
          {"output", "lm_head"},
          {"blk.#.attn_norm", "transformer.h.#.ln_1"},
          {"blk.#.attn_qkv", "transformer.h.#.attn.c_attn", GgufChange::transposed},
          {"blk.#.attn_output", "transformer.h.#.attn.c_proj", GgufChange::transposed},
          {"blk.#.ffn_norm", "transformer.h.#.ln_2"},
          {"blk.#.ffn_up", "transformer.h.#.mlp.c_fc", GgufChange::transposed},
          {"blk.#.ffn_down", "transformer.h.#.mlp.c_proj", GgufChange::transposed}};
}

std::vector<GgufRule> bert_rules() {
  return {{"token_embd", "bert.embeddings.word_embeddings"},
          {"token_types", "bert.embeddings.token_type_embeddings"},
          {"position_embd", "bert.embeddings.position_embeddings"},
          {"token_embd_norm", "bert.embeddings.LayerNorm"},
          {"blk.#.attn_q", "bert.encoder.layer.#.attention.self.query"},
          {"blk.#.attn_k", "bert.encoder.layer.#.attention.self.key"},
          {"blk.#.attn_v", "bert.encoder.layer.#.attention.self.value"},
          {"blk.#.attn_output", "bert.encoder.layer.#.attention.output.dense"},
          {"blk.#.attn_output_norm", "bert.encoder.layer.#.attention.output.LayerNorm"},
          {"blk.#.ffn_up", "bert.encoder.layer.#.intermediate.dense"},
          {"blk.#.ffn_down", "bert.encoder.layer.#.output.dense"},
          {"blk.#.layer_output_norm", "bert.encoder.layer.#.output.LayerNorm"}};
}

std::vector<GgufRule> t5_rules(bool gated) {
  const char* const encoder_up = gated ? "encoder.block.#.layer.1.DenseReluDense.wi_1" : "encoder.block.#.layer.1.DenseReluDense.wi";
  const char* const decoder_up = gated ? "decoder.block.#.layer.2.DenseReluDense.wi_1" : "decoder.block.#.layer.2.DenseReluDense.wi";
  return {{"token_embd", "shared"},
          {"output", "lm_head"},
          {"enc.output_norm", "encoder.final_layer_norm"},
          {"enc.blk.#.attn_norm", "encoder.block.#.layer.0.layer_norm"},
          {"enc.blk.#.attn_q", "encoder.block.#.layer.0.SelfAttention.q"},
          {"enc.blk.#.attn_k", "encoder.block.#.layer.0.SelfAttention.k"},
          {"enc.blk.#.attn_v", "encoder.block.#.layer.0.SelfAttention.v"},
          {"enc.blk.#.attn_o", "encoder.block.#.layer.0.SelfAttention.o"},
          {"enc.blk.#.attn_rel_b", "encoder.block.#.layer.0.SelfAttention.relative_attention_bias"},
          {"enc.blk.#.ffn_norm", "encoder.block.#.layer.1.layer_norm"},
          {"enc.blk.#.ffn_gate", "encoder.block.#.layer.1.DenseReluDense.wi_0"},
          {"enc.blk.#.ffn_up", encoder_up},
          {"enc.blk.#.ffn_down", "encoder.block.#.layer.1.DenseReluDense.wo"},
          {"dec.output_norm", "decoder.final_layer_norm"},
          {"dec.blk.#.attn_norm", "decoder.block.#.layer.0.layer_norm"},
          {"dec.blk.#.attn_q", "decoder.block.#.layer.0.SelfAttention.q"},
          {"dec.blk.#.attn_k", "decoder.block.#.layer.0.SelfAttention.k"},
          {"dec.blk.#.attn_v", "decoder.block.#.layer.0.SelfAttention.v"},
          {"dec.blk.#.attn_o", "decoder.block.#.layer.0.SelfAttention.o"},
          {"dec.blk.#.attn_rel_b", "decoder.block.#.layer.0.SelfAttention.relative_attention_bias"},
          {"dec.blk.#.cross_attn_norm", "decoder.block.#.layer.1.layer_norm"},
          {"dec.blk.#.cross_attn_q", "decoder.block.#.layer.1.EncDecAttention.q"},
          {"dec.blk.#.cross_attn_k", "decoder.block.#.layer.1.EncDecAttention.k"},
          {"dec.blk.#.cross_attn_v", "decoder.block.#.layer.1.EncDecAttention.v"},
          {"dec.blk.#.cross_attn_o", "decoder.block.#.layer.1.EncDecAttention.o"},
          {"dec.blk.#.ffn_norm", "decoder.block.#.layer.2.layer_norm"},
          {"dec.blk.#.ffn_gate", "decoder.block.#.layer.2.DenseReluDense.wi_0"},
          {"dec.blk.#.ffn_up", decoder_up},
          {"dec.blk.#.ffn_down", "decoder.block.#.layer.2.DenseReluDense.wo"}};
}

}  // namespace

std::optional<GgufName> GgufNames::to_gguf(std::string_view ours) const {
  Numbers numbers;
  std::string ending;
  for (const GgufRule& rule : rules_)
    if (matches(rule.ours, ours, numbers, ending)) {
      const int64_t expert = rule.change == GgufChange::experts ? std::stoll(numbers.expert) : 0;
      return GgufName{filled(rule.gguf, numbers) + ending, rule.change, expert};
    }
  return std::nullopt;
}

std::optional<GgufName> GgufNames::from_gguf(std::string_view gguf) const {
  Numbers numbers;
  std::string ending;
  for (const GgufRule& rule : rules_)
    if (matches(rule.gguf, gguf, numbers, ending)) return GgufName{filled(rule.ours, numbers) + ending, rule.change, 0};
  return std::nullopt;
}

GgufNames gguf_names(std::string_view model_type, bool gated) {
  if (model_type == "llama") return GgufNames(llama_rules());
  if (model_type == "mixtral") return GgufNames(mixtral_rules());
  if (model_type == "gpt2") return GgufNames(gpt2_rules());
  if (model_type == "bert") return GgufNames(bert_rules());
  if (model_type == "t5") return GgufNames(t5_rules(gated));
  throw Error{ErrorKind::unsupported, "models of type " + std::string(model_type) + " have no form in GGUF files here", "", "bert, gpt2, llama, mixtral and t5 have one"};
}

int64_t rotary_row(int64_t row, int64_t head_dim, bool to_gguf) {
  const int64_t head = row / head_dim, at = row % head_dim, half = head_dim / 2;
  // There row 2i is here row i, and 2i + 1 is i + half.
  const int64_t other = to_gguf ? at / 2 + (at % 2) * half : at < half ? 2 * at : 2 * (at - half) + 1;
  return head * head_dim + other;
}

}  // namespace orrery
