#include "checkpoint/gguf_config.h"

#include <algorithm>
#include <cmath>

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
  if (turned != head_dim) throw Error{ErrorKind::unsupported, "rotary positions of " + std::to_string(turned) + " of a head's " + std::to_string(head_dim) + " values are not supported", ""};
  config["rope_theta"] = shortest(fields.number_or("rope.freq_base", 10000));
  if (const GgufTensor* divisors = fields.file().find("rope_freqs.weight")) {
    const Tensor values = fields.file().tensor(*divisors);
    if (values.dtype() != DType::f32 || values.numel() != head_dim / 2) throw Error{ErrorKind::bad_file, "tensor 'rope_freqs.weight' is no list of " + std::to_string(head_dim / 2) + " f32 numbers", ""};
    Json list = Json::array();
    for (const float value : values.values<float>()) list.push_back(std::isfinite(value) ? double(value) : 0.0);
    config["rope_scaling"] = {{"rope_type", "longrope"}, {"short_factor", list}, {"long_factor", list}, {"attention_factor", 1.0}, {"original_max_position_embeddings", config["max_position_embeddings"]}};
    return;
  }
  const Json* named = fields.find(fields.architecture() + ".rope.scaling.type");
  const std::string type = named && named->is_string() ? named->get<std::string>() : "none";
  if (type == "none") return;
  if (type != "linear" && type != "yarn") throw Error{ErrorKind::unsupported, "rotary positions scaled as '" + type + "' are not supported in GGUF files", ""};
  config["rope_scaling"] = {{"rope_type", type}, {"factor", shortest(fields.number_or("rope.scaling.factor", 1))}};
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
  config["attention_bias"] = fields.has_tensor("blk.0.attn_q.bias");
  config["mlp_bias"] = fields.has_tensor("blk.0.ffn_up.bias");
  if (experts > 0) {
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

}  // namespace

Result<Json> gguf_config(const GgufFile& file) {
  try {
    const Fields fields(file);
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
