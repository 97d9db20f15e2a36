#include "checkpoint/gguf_config.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>

namespace orrery {

namespace {

// The metadata's fields, by their names after the architecture.
class Fields {
 public:
  explicit Fields(const GgufFile& file) : file_(file), architecture_(text("general.architecture")) {
    if (architecture_.empty()) throw Error{ErrorKind::bad_file, "the GGUF file does not say its general.architecture", ""};
  }

  const std::string& architecture() const { return architecture_; }
  bool has(const std::string& name) const { return find(architecture_ + "." + name) != nullptr; }
  const Json* find(const std::string& key) const {
    const auto found = file_.metadata().find(key);
    return found == file_.metadata().end() ? nullptr : &*found;
  }
  std::string text(const std::string& key) const {
    const Json* value = find(key);
    return value && value->is_string() ? value->get<std::string>() : "";
  }
  int64_t integer(const std::string& name) const {
    if (!has(name)) throw Error{ErrorKind::bad_file, "the GGUF file does not say its " + architecture_ + "." + name, ""};
    return integer_or(name, 0);
  }
  // Some fields may be lists, a value for each layer; here all layers must have the same.
  int64_t integer_or(const std::string& name, int64_t absent) const {
    const Json* value = find(architecture_ + "." + name);
    if (!value) return absent;
    if (value->is_array() && !value->empty()) {
      if (std::any_of(value->begin(), value->end(), [&](const Json& one) { return one != value->front(); }))
        throw Error{ErrorKind::unsupported, architecture_ + "." + name + " differs between layers", ""};
      value = &value->front();
    }
    const bool whole = value->is_number_integer() && (!value->is_number_unsigned() || value->get<uint64_t>() <= uint64_t(INT64_MAX));
    if (!whole) throw Error{ErrorKind::bad_file, architecture_ + "." + name + " is no whole number", ""};
    return value->get<int64_t>();
  }
  double number_or(const std::string& name, double absent) const {
    const Json* value = find(architecture_ + "." + name);
    if (!value) return absent;
    if (!value->is_number() || !std::isfinite(value->get<double>())) throw Error{ErrorKind::bad_file, architecture_ + "." + name + " is no number", ""};
    return value->get<double>();
  }
  bool has_tensor(const std::string& name) const { return file_.find(name) != nullptr; }
  // Whether any layer has one of these.
  bool any_layer_has(std::initializer_list<const char*> names) const {
    return std::any_of(file_.tensors().begin(), file_.tensors().end(), [&](const GgufTensor& tensor) {
      const size_t dot = tensor.name.starts_with("blk.") ? tensor.name.find('.', 4) : std::string::npos;
      return dot != std::string::npos && std::find(names.begin(), names.end(), tensor.name.substr(dot + 1)) != names.end();
    });
  }
  // The size of an axis of a tensor.
  int64_t size_of(const std::string& name, size_t axis) const {
    const GgufTensor* tensor = file_.find(name);
    if (!tensor) throw Error{ErrorKind::bad_file, "the GGUF file has no tensor '" + name + "'", "", file_.tensors().empty() ? "it holds a vocabulary alone" : ""};
    if (axis >= tensor->shape.size()) throw Error{ErrorKind::bad_file, "tensor '" + name + "' is " + shape_text(tensor->shape), ""};
    return tensor->shape[axis];
  }
  const GgufFile& file() const { return file_; }

 private:
  const GgufFile& file_;
  std::string architecture_;
};

// floats as they are written: 1e-05, not 9.999999747378752e-06.
double shortest(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.9g", double(float(value)));
  for (int digits = 1; digits < 9; ++digits) {
    std::snprintf(buffer, sizeof buffer, "%.*g", digits, value);
    if (float(std::strtod(buffer, nullptr)) == float(value)) break;
  }
  return std::strtod(buffer, nullptr);
}

Json common(const Fields& fields, const char* model_type, const char* architecture) {
  Json config = {{"architectures", Json::array({architecture})}, {"model_type", model_type}};
  config["vocab_size"] = fields.size_of("token_embd.weight", 0);
  for (const auto& [ours, theirs] : {std::pair{"bos_token_id", "tokenizer.ggml.bos_token_id"}, {"eos_token_id", "tokenizer.ggml.eos_token_id"}, {"pad_token_id", "tokenizer.ggml.padding_token_id"}})
    if (const Json* id = fields.find(theirs); id && id->is_number_integer() && *id >= 0 && *id < config["vocab_size"]) config[ours] = *id;
  return config;
}

// A divisor for each frequency, as llama.cpp's converter writes Llama 3's scaling; yarn and linear are said in words.
void add_rope(const Fields& fields, Json& config, int64_t head_dim) {
  const int64_t turned = fields.integer_or("rope.dimension_count", head_dim);
  const std::string scaling = fields.architecture() + ".rope.scaling.";
  const auto refuse = [&](const std::string& name) { throw Error{ErrorKind::unsupported, scaling + name + " is not supported", ""}; };
  constexpr std::array kFollowed = {"type", "factor", "original_context_length", "attn_factor", "finetuned", "yarn_beta_fast", "yarn_beta_slow", "yarn_ext_factor", "yarn_attn_factor"};
  for (const auto& [key, value] : fields.file().metadata().items())
    if (key.starts_with(scaling) && std::find(kFollowed.begin(), kFollowed.end(), key.substr(scaling.size())) == kFollowed.end()) refuse(key.substr(scaling.size()));
  for (const char* name : {"yarn_ext_factor", "yarn_attn_factor"})
    if (fields.number_or("rope.scaling." + std::string(name), 1) != 1) refuse(name);
  const double attention_factor = fields.number_or("rope.scaling.attn_factor", 1);
  const Json* named = fields.find(scaling + "type");
  if (turned != head_dim) throw Error{ErrorKind::unsupported, "rotary positions of " + std::to_string(turned) + " of a head's " + std::to_string(head_dim) + " values are not supported", ""};
  config["rope_theta"] = shortest(fields.number_or("rope.freq_base", 10000));
  if (const GgufTensor* divisors = fields.file().find("rope_freqs.weight")) {
    const Tensor values = fields.file().tensor(*divisors);
    if (attention_factor != 1 || (named && (*named == "linear" || *named == "yarn"))) throw Error{ErrorKind::unsupported, "rotary positions that are scaled twice, by rope_freqs.weight and " + scaling + "*, are not supported", ""};
    if (values.dtype() != DType::f32 || values.numel() != head_dim / 2) throw Error{ErrorKind::bad_file, "tensor 'rope_freqs.weight' is no list of " + std::to_string(head_dim / 2) + " f32 numbers", ""};
    Json list = Json::array();
    for (const float value : values.values<float>()) list.push_back(std::isfinite(value) ? double(value) : 0.0);
    config["rope_scaling"] = {{"rope_type", "longrope"}, {"short_factor", list}, {"long_factor", list}, {"attention_factor", 1.0}, {"original_max_position_embeddings", config["max_position_embeddings"]}};
    return;
  }
  // A factor without a type, as older converters write it under another name, is of linear scaling.
  const double factor = fields.number_or("rope.scaling.factor", fields.number_or("rope.scale_linear", 1));
  const std::string type = named && named->is_string() ? named->get<std::string>() : factor != 1 && factor != 0 ? "linear" : "none";
  if (type != "yarn" && attention_factor != 1) refuse("attn_factor without yarn");
  if (type == "none") return;
  if (type != "linear" && type != "yarn") throw Error{ErrorKind::unsupported, "rotary positions scaled as '" + type + "' are not supported in GGUF files", ""};
  config["rope_scaling"] = {{"rope_type", type}, {"factor", shortest(factor)}};
  if (type == "yarn")
    for (const char* name : {"beta_fast", "beta_slow"})
      if (const std::string key = std::string("rope.scaling.yarn_") + name; fields.has(key)) config["rope_scaling"][name] = shortest(fields.number_or(key, 0));
  if (attention_factor != 1) config["rope_scaling"]["attention_factor"] = attention_factor * (1 + 0.1 * std::log(std::max(factor, 1.0)));   // there a factor of yarn's own
  if (fields.has("rope.scaling.original_context_length")) config["rope_scaling"]["original_max_position_embeddings"] = fields.integer("rope.scaling.original_context_length");
}

Json llama_config(const Fields& fields) {
  const int64_t experts = fields.integer_or("expert_count", 0);
  Json config = experts > 0 ? common(fields, "mixtral", "MixtralForCausalLM") : common(fields, "llama", "LlamaForCausalLM");
  const int64_t heads = fields.integer("attention.head_count"), hidden = fields.integer("embedding_length");
  if (heads <= 0 || hidden <= 0) throw Error{ErrorKind::bad_file, "a model of " + std::to_string(heads) + " heads and width " + std::to_string(hidden) + " cannot be", ""};
  const int64_t head_dim = fields.integer_or("attention.key_length", hidden / heads);
  if (fields.integer_or("attention.value_length", head_dim) != head_dim) throw Error{ErrorKind::unsupported, "values that are not as wide as keys are not supported", ""};
  config["hidden_size"] = hidden;
  config["intermediate_size"] = fields.integer("feed_forward_length");
  config["num_hidden_layers"] = fields.integer("block_count");
  config["num_attention_heads"] = heads;
  config["num_key_value_heads"] = fields.integer_or("attention.head_count_kv", heads);
  config["head_dim"] = head_dim;
  config["max_position_embeddings"] = fields.integer_or("context_length", 2048);
  config["rms_norm_eps"] = shortest(fields.number_or("attention.layer_norm_rms_epsilon", 1e-5));
  config["hidden_act"] = "silu";
  config["tie_word_embeddings"] = !fields.has_tensor("output.weight");
  config["attention_bias"] = fields.any_layer_has({"attn_q.bias", "attn_k.bias", "attn_v.bias", "attn_output.bias"});
  config["mlp_bias"] = fields.any_layer_has({"ffn_gate.bias", "ffn_up.bias", "ffn_down.bias"});
  if (experts > 0) {
    if (config["attention_bias"] == true || config["mlp_bias"] == true) throw Error{ErrorKind::unsupported, "experts with biases are not supported", ""};
    config["num_local_experts"] = experts;
    config["num_experts_per_tok"] = fields.integer("expert_used_count");
  }
  add_rope(fields, config, head_dim);
  return config;
}

Json gpt2_config(const Fields& fields) {
  Json config = common(fields, "gpt2", "GPT2LMHeadModel");
  config["n_embd"] = fields.integer("embedding_length");
  config["n_inner"] = fields.integer("feed_forward_length");
  config["n_layer"] = fields.integer("block_count");
  config["n_head"] = fields.integer("attention.head_count");
  config["n_positions"] = fields.integer("context_length");
  config["layer_norm_epsilon"] = shortest(fields.number_or("attention.layer_norm_epsilon", 1e-5));
  config["activation_function"] = "gelu_new";
  config["tie_word_embeddings"] = !fields.has_tensor("output.weight");
  return config;
}

// The encoder alone: GGUF files leave the pooler out.
Json bert_config(const Fields& fields) {
  Json config = common(fields, "bert", "BertModel");
  config["hidden_size"] = fields.integer("embedding_length");
  config["intermediate_size"] = fields.integer("feed_forward_length");
  config["num_hidden_layers"] = fields.integer("block_count");
  config["num_attention_heads"] = fields.integer("attention.head_count");
  config["max_position_embeddings"] = fields.integer("context_length");
  config["type_vocab_size"] = fields.size_of("token_types.weight", 0);
  config["layer_norm_eps"] = shortest(fields.number_or("attention.layer_norm_epsilon", 1e-12));
  config["hidden_act"] = "gelu";
  config["add_pooling_layer"] = false;
  return config;
}

Json t5_config(const Fields& fields) {
  Json config = common(fields, "t5", "T5ForConditionalGeneration");
  const bool gated = fields.has_tensor("enc.blk.0.ffn_gate.weight");
  config["d_model"] = fields.integer("embedding_length");
  config["d_ff"] = fields.integer("feed_forward_length");
  config["num_layers"] = fields.integer("block_count");
  config["num_decoder_layers"] = fields.integer_or("decoder_block_count", fields.integer("block_count"));
  config["num_heads"] = fields.integer("attention.head_count");
  config["d_kv"] = fields.integer("attention.key_length");
  config["n_positions"] = fields.integer_or("context_length", 512);
  config["relative_attention_num_buckets"] = fields.integer("attention.relative_buckets_count");
  config["relative_attention_max_distance"] = 128;   // what llama.cpp assumes
  config["layer_norm_epsilon"] = shortest(fields.number_or("attention.layer_norm_rms_epsilon", 1e-6));
  config["feed_forward_proj"] = gated ? "gated-gelu" : "relu";
  config["decoder_start_token_id"] = fields.integer_or("decoder_start_token_id", 0);
  config["is_encoder_decoder"] = true;
  config["tie_word_embeddings"] = !fields.has_tensor("output.weight");
  return config;
}

// What a file may say that would change what the model computes, and is not followed unless it says nothing.
void check_all_followed(const Fields& fields) {
  const std::string& architecture = fields.architecture();
  if (const Json* parts = fields.find("split.count"); parts && parts->is_number_integer() && *parts > 1)
    throw Error{ErrorKind::unsupported, "it is one of " + parts->dump() + " parts of a model", "", "join them: llama-gguf-split --merge"};
  const bool causal = architecture != "bert";
  if (const Json* value = fields.find(architecture + ".attention.causal"); value && architecture != "t5" && *value != causal)
    throw Error{ErrorKind::unsupported, architecture + ".attention.causal is " + value->dump(), ""};
  for (const auto& [name, neutral] : {std::pair{"attention.clamp_kqv", 0}, {"attention.max_alibi_bias", 0}, {"attention.scale", 0}, {"attn_logit_softcapping", 0}, {"final_logit_softcapping", 0}, {"logit_scale", 1}, {"residual_scale", 1}, {"embedding_scale", 1}})
    if (const double value = fields.number_or(name, neutral); value != neutral && value != 0) throw Error{ErrorKind::unsupported, architecture + "." + name + " is not supported", ""};
  // Tensors of layers that the file does not count.
  for (const GgufTensor& tensor : fields.file().tensors())
    for (const auto& [prefix, count] : {std::pair{"blk.", "block_count"}, {"enc.blk.", "block_count"}, {"dec.blk.", "decoder_block_count"}})
      if (tensor.name.starts_with(prefix) && std::strtoll(tensor.name.c_str() + std::strlen(prefix), nullptr, 10) >= fields.integer_or(count, fields.integer("block_count")))
        throw Error{ErrorKind::bad_file, "tensor '" + tensor.name + "' is of a layer that " + architecture + "." + count + " does not count", ""};
}

}  // namespace

Result<Json> gguf_config(const GgufFile& file) {
  try {
    const Fields fields(file);
    for (const char* known : {"llama", "gpt2", "bert", "t5"})
      if (fields.architecture() == known) check_all_followed(fields);
    if (fields.architecture() == "llama") return llama_config(fields);
    if (fields.architecture() == "gpt2") return gpt2_config(fields);
    if (fields.architecture() == "bert") return bert_config(fields);
    if (fields.architecture() == "t5") return t5_config(fields);
    throw Error{ErrorKind::unsupported, "GGUF files of architecture '" + fields.architecture() + "' are not supported", "", "bert, gpt2, llama (with experts too) and t5 are"};
  } catch (Error& error) {
    if (error.where.empty()) error.where = file.path().string();
    return error;
  }
}

}  // namespace orrery
