#include "models/family.h"

#include <algorithm>

#include "base/options.h"

namespace orrery {

Outputs build_model(const ModelFamily& family, Builder& g, const Config& c) {
  Inputs in = g.inputs();
  const Inputs source = c.encoder_decoder ? g.inputs("source") : Inputs{};
  if (c.encoder_decoder) in.source = &source;
  return family.build(g, c, in);
}

std::span<const ModelFamily* const> model_families() {
  static const std::vector<const ModelFamily*> families = {
#define MODEL(name) &name##_family(),
#include "models/models.inc"
#undef MODEL
  };
  return families;
}

const ModelFamily* find_family(std::string_view model_type) {
  for (const ModelFamily* family : model_families())
    if (model_type == family->name) return family;
  return nullptr;
}

namespace {
// What to try instead of a name that is not known: the one that was most likely meant, else all there are.
std::string known_names(const std::string& name, const std::vector<std::string>& known) {
  if (const std::string near = nearest(name, known); !near.empty()) return "did you mean " + near + "?";
  return "known: " + join_or(known);
}
}  // namespace

Result<const ModelFamily*> family_of(const Json& json, const std::string& where) {
  const auto type = json.is_object() ? json.find("model_type") : json.end();
  if (!json.is_object() || type == json.end() || !type->is_string())
    return Error{ErrorKind::bad_file, "there is no model_type", where, "this is not the config.json of a model"};
  const std::string name = type->get<std::string>();
  if (const ModelFamily* family = find_family(name)) return family;
  std::vector<std::string> known;
  for (const ModelFamily* one : model_families()) known.push_back(one->name);
  return Error{ErrorKind::unsupported, "model_type '" + name + "' is not known", where, known_names(name, known)};
}

const char* name_of(Head head) {
  switch (head) {
    case Head::none: return "none";
    case Head::causal_lm: return "causal language model";
    case Head::masked_lm: return "masked language model";
    case Head::sequence_classification: return "sequence classification";
    case Head::token_classification: return "token classification";
  }
  return "?";
}

namespace {
constexpr std::initializer_list<const char*> kActivations = {"gelu", "gelu_new", "gelu_pytorch_tanh", "gelu_fast", "gelu_accurate", "gelu_python", "gelu_python_tanh", "relu", "silu", "swish", "tanh", "sigmoid"};
}

Unary read_activation(ConfigReader& fields, const FieldNames& names, const char* otherwise) {
  const std::string name = fields.choice_or(names, otherwise, kActivations);
  return activation_named(fields, name, names.spellings.front());
}

Unary activation_named(ConfigReader& fields, const std::string& name, const char* field) {
  if (std::find(kActivations.begin(), kActivations.end(), name) == kActivations.end())
    fields.fail(std::string(field) + " '" + name + "' is not known", "", ErrorKind::unsupported);
  for (const char* tanh : {"gelu_new", "gelu_pytorch_tanh", "gelu_fast", "gelu_accurate", "gelu_python_tanh"})
    if (name == tanh) return Unary::gelu_tanh;
  if (name == "relu") return Unary::relu;
  if (name == "silu" || name == "swish") return Unary::silu;
  if (name == "tanh") return Unary::tanh;
  if (name == "sigmoid") return Unary::sigmoid;
  return Unary::gelu;
}

namespace {
void read_architecture(ConfigReader& fields, const Json& json, Config& c, std::initializer_list<std::pair<const char*, Head>> architectures) {
  const auto found = json.find("architectures");
  if (found == json.end() || !found->is_array() || found->empty() || !found->front().is_string()) {
    c.architecture = architectures.begin()->first;   // the usual one
    c.head = architectures.begin()->second;
    return;
  }
  c.architecture = found->front().get<std::string>();
  std::vector<std::string> known;
  for (const auto& [name, head] : architectures) {
    known.push_back(name);
    if (c.architecture != name) continue;
    c.head = head;
    return;
  }
  fields.fail("architecture '" + c.architecture + "' is not known for model_type '" + c.model_type + "'", known_names(c.architecture, known), ErrorKind::unsupported);
}

void read_labels(const Json& json, Config& c) {
  const auto names = json.find("id2label");
  if (names == json.end() || !names->is_object()) return;
  c.labels.assign(names->size(), "");
  for (const auto& [key, value] : names->items()) {
    char* end = nullptr;
    const long id = std::strtol(key.c_str(), &end, 10);
    if (*end == 0 && id >= 0 && size_t(id) < c.labels.size() && value.is_string()) c.labels[size_t(id)] = value.get<std::string>();
  }
}
}  // namespace

namespace {
const FieldNames kPositions = {"max_position_embeddings", "n_positions", "max_positions"};

void check_width(ConfigReader& fields, const Config& c) {
  if (c.head_dim > 256) fields.fail("heads of " + std::to_string(c.head_dim) + " are wider than the 256 that attention supports", "", ErrorKind::unsupported);
}
}  // namespace

Config read_common(ConfigReader& fields, const Json& json, std::initializer_list<std::pair<const char*, Head>> architectures) {
  Config c;
  c.json = json;
  c.model_type = fields.string("model_type");
  if (json.is_object()) read_architecture(fields, json, c, architectures);
  c.num_layers = fields.integer({"num_hidden_layers", "n_layer", "n_layers", "num_layers", "decoder_layers"}, {1, 4096});
  c.num_heads = fields.integer({"num_attention_heads", "n_head", "n_heads", "num_heads", "decoder_attention_heads"}, {1, 1 << 16});
  const FieldNames width = {"hidden_size", "n_embd", "d_model"};
  const auto no_multiple = [&](const std::string& size) { fields.fail("hidden_size " + size + " must be a positive multiple of num_attention_heads " + std::to_string(c.num_heads)); };
  if (const Json* size = fields.raw(width); size && size->is_number_integer() && (size->is_number_unsigned() ? *size == 0 : size->get<int64_t>() < 1)) no_multiple(to_line(*size));
  c.hidden_size = fields.integer(width, {1, 1 << 20});
  c.vocab_size = fields.integer("vocab_size", {1, 1 << 26});
  c.max_positions = fields.integer_or(kPositions, 2048, {1, 1 << 24});
  c.num_kv_heads = fields.integer_or("num_key_value_heads", c.num_heads, {1, 1 << 16});
  c.head_dim = fields.integer_or({"head_dim", "d_kv"}, c.num_heads ? c.hidden_size / c.num_heads : 1, {1, 256});
  if (!fields.has({"head_dim", "d_kv"}) && c.num_heads && c.hidden_size % c.num_heads != 0) no_multiple(std::to_string(c.hidden_size));
  check_width(fields, c);
  if (c.num_kv_heads && c.num_heads % c.num_kv_heads != 0)
    fields.fail("num_attention_heads " + std::to_string(c.num_heads) + " is not a multiple of num_key_value_heads " + std::to_string(c.num_kv_heads));
  c.initializer_range = fields.number_or("initializer_range", 0.02, {0, 100});
  if (json.is_object()) read_labels(json, c);
  c.num_labels = fields.integer_or("num_labels", c.labels.empty() ? 2 : int64_t(c.labels.size()), {1, 1 << 20});
  const auto token = [&](const char* name) -> std::optional<int32_t> {
    const std::vector<int64_t> ids = fields.integers(name, {-1, 1 << 30});
    if (ids.empty() || ids.front() < 0) return std::nullopt;
    return int32_t(ids.front());
  };
  c.bos_id = token("bos_token_id");
  c.pad_id = token("pad_token_id");
  c.decoder_start_id = token("decoder_start_token_id");
  for (int64_t id : fields.integers("eos_token_id", {-1, 1 << 30}))
    if (id >= 0) c.eos_ids.push_back(int32_t(id));
  return c;
}

void divide_heads(ConfigReader& fields, Config& c) {
  if (c.hidden_size % c.num_heads != 0)
    fields.fail("hidden_size " + std::to_string(c.hidden_size) + " is not a multiple of the " + std::to_string(c.num_heads) + " heads");
  c.num_kv_heads = c.num_heads;
  c.head_dim = c.hidden_size / c.num_heads;
  check_width(fields, c);
}

void allow_any_length(ConfigReader& fields, Config& c) {
  constexpr int64_t kMost = 1 << 20, kUsual = 512;
  c.any_length = true;
  c.usual_length = std::min(kMost, fields.has(kPositions) ? c.max_positions : kUsual);
  c.max_positions = kMost;
}

}  // namespace orrery
