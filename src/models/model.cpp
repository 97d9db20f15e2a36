#include "models/model.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/file.h"
#include "base/random.h"

namespace orrery {

namespace {

std::vector<const ValueInfo*> weights_of(const Graph& graph) {
  std::vector<const ValueInfo*> weights;
  for (const ValueInfo& value : graph.values)
    if (value.kind == ValueKind::weight) weights.push_back(&value);
  return weights;
}

std::vector<int64_t> shape_of(const ValueInfo& weight) {
  std::vector<int64_t> shape;
  for (Dim dim : weight.dims) shape.push_back(dim.factor);
  return shape;
}

// The name under which a file holds a weight: as it is, or without the base model's prefix. Empty when there is none.
std::string name_in_file(const Checkpoint& checkpoint, const ModelFamily& family, const std::string& name) {
  std::vector<std::string> candidates{name};
  if (!family.base_prefix.empty() && name.starts_with(family.base_prefix)) candidates.push_back(name.substr(family.base_prefix.size()));
  for (const std::string& candidate : candidates)
    if (checkpoint.has(candidate)) return candidate;
  return {};
}

// Whether the file agrees that tied weights are one: as in transformers, a matrix that stands there twice, and differs, is two.
bool ties_hold(const Checkpoint& checkpoint, const ModelFamily& family) {
  for (const TiedPair& pair : family.tied) {
    const std::string target = name_in_file(checkpoint, family, pair.target), source = name_in_file(checkpoint, family, pair.source);
    if (target.empty() || source.empty()) continue;
    const Result<Tensor> a = checkpoint.tensor(target), b = checkpoint.tensor(source);
    if (!a || !b || a->rank() < 2) continue;   // what cannot be read is told when it is needed
    if (a->shape() != b->shape() || a->dtype() != b->dtype() || std::memcmp(a->raw(), b->raw(), a->bytes()) != 0) return false;
  }
  return true;
}

// The name in the file of a weight that is one of a tied pair, when it is read under the other's: where the file lacks
// its own, and, for a bias, where the file has both, since the target is the one that is added.
std::string tied_name_in_file(const Checkpoint& checkpoint, const ModelFamily& family, const Config& config, const ValueInfo& weight) {
  const std::string own = name_in_file(checkpoint, family, weight.name);
  for (const TiedPair& pair : family.tied) {
    const bool bias = weight.dims.size() == 1;
    if (weight.name == pair.source && config.tied && (own.empty() || bias)) return name_in_file(checkpoint, family, pair.target);
    if (weight.name == pair.target && own.empty() && bias) return name_in_file(checkpoint, family, pair.source);
  }
  return {};
}

// The rows of a slice; the tensor as it is, whose shape will be refused, where it has no such rows.
Tensor part_of(const Tensor& tensor, const WeightPlace& place) {
  if (tensor.rank() != 3 || place.slice >= tensor.dim(0) || place.end > tensor.dim(1)) return tensor;
  return tensor.rows(place.slice, place.slice + 1).reshape({tensor.dim(1), tensor.dim(2)}).rows(place.begin, place.end);
}

// How many layers the names of tensors tell of: "h.3.attn…" is one of four. Experts within a layer may raise it.
int64_t layers_in(const Checkpoint& checkpoint) {
  int64_t layers = 0;
  for (const std::string& name : checkpoint.names())
    for (size_t at = 0, end = 0; at < name.size(); at = end + 1) {
      end = std::min(name.find('.', at), name.size());
      int64_t number = 0;
      const auto [rest, wrong] = std::from_chars(name.data() + at, name.data() + end, number);
      if (wrong == std::errc() && rest == name.data() + end && number < INT32_MAX) layers = std::max(layers, number + 1);
    }
  return layers;
}

Status check_layers(const Config& c, const Checkpoint& checkpoint) {
  const int64_t layers = layers_in(checkpoint);
  if (layers == 0 || c.num_layers <= layers) return done();
  return Error{ErrorKind::bad_file, "num_hidden_layers is " + std::to_string(c.num_layers) + ", but the tensors are those of " + std::to_string(layers) + (layers == 1 ? " layer" : " layers"),
               checkpoint.config_path(), "is config.json of another model?"};
}

Status check_config(const Config& c, const std::string& where) {
  if (c.hidden_size * c.vocab_size > int64_t(1) << 40)
    return Error{ErrorKind::bad_file, "an embedding of " + std::to_string(c.vocab_size) + " by " + std::to_string(c.hidden_size) + " is too large", where};
  return done();
}

// What the files of weights are, without reading them. A weight's shape and some of its bytes are looked at beside it: WeightStore.
std::string identity_of(const Checkpoint& checkpoint) {
  std::string text;
  for (const std::filesystem::path& file : checkpoint.files()) text += file.filename().string() + " " + file_identity(file) + "\n";
  return text;
}

std::optional<Tensor> fixed_weight(const ModelFamily& family, const Config& config, const std::string& name) {
  return family.fixed_weight ? family.fixed_weight(config, name) : std::nullopt;
}

uint64_t hash_of(const std::string& name) {
  uint64_t hash = 1469598103934665603u;   // FNV-1a
  for (char ch : name) hash = (hash ^ uint8_t(ch)) * 1099511628211u;
  return hash;
}

Tensor fresh_weight(const Config& config, const ModelFamily& family, const std::string& name, const std::vector<int64_t>& shape, uint64_t seed) {
  Tensor tensor = Tensor::zeros(DType::f32, shape);
  float* values = tensor.mutable_data<float>();
  if (shape.size() == 1) {
    if (name.ends_with("weight")) std::fill(values, values + tensor.numel(), float(family.norm_start));
    return tensor;
  }
  const double std = family.initial_std(config, name);
  Random random(seed, hash_of(name));
  for (int64_t i = 0; i < tensor.numel(); ++i) values[i] = float(random.normal() * std);
  return tensor;
}

}  // namespace

int32_t decoder_start(const Model& model) {
  const auto id = model.config().decoder_start_id ? model.config().decoder_start_id : model.config().bos_id;
  if (!id) throw Error{ErrorKind::bad_file, "the config has no decoder_start_token_id", model.folder().string()};
  return *id;
}

Result<Model> Model::load(const std::filesystem::path& folder, const LoadOptions& options) {
  Result<Checkpoint> opened = Checkpoint::open(folder);
  if (!opened) return opened.error();
  auto checkpoint = std::make_shared<Checkpoint>(std::move(*opened));
  const std::string where = checkpoint->config_path();
  Result<const ModelFamily*> family = family_of(checkpoint->config(), where);
  if (!family) return family.error();
  Result<Config> config = (*family)->read(checkpoint->config(), where);
  if (!config) return config.error();
  if (Status status = check_config(*config, where); !status) return status.error();
  if (Status status = check_layers(*config, *checkpoint); !status) return status.error();

  Model model;
  model.config_ = std::move(*config);
  model.family_ = *family;
  model.folder_ = folder;
  model.generation_config_ = checkpoint->generation_config();
  model.weights_ = std::make_unique<WeightStore>();
  model.weights_->products = options.products;
  model.checkpoint_ = checkpoint;
  if (options.panel_cache) model.weights_->cache = std::make_unique<PanelCache>(*options.panel_cache, identity_of(*checkpoint), folder.string());
  if (model.config_.tied && !ties_hold(*checkpoint, **family)) {
    model.config_.tied = false;
    model.config_.json["tie_word_embeddings"] = false;
  }
  const Graph graph = model.graph();
  for (const ValueInfo* info : weights_of(graph)) {
    const std::string twin = tied_name_in_file(*checkpoint, **family, model.config_, *info);
    std::string name = twin.empty() ? name_in_file(*checkpoint, **family, info->name) : twin;
    WeightPlace place;
    if (name.empty() && (*family)->other_places)
      for (const WeightPlace& other : (*family)->other_places(model.config_, info->name))
        if (name = name_in_file(*checkpoint, **family, other.tensor); !name.empty()) {
          place = other;
          model.taken_apart_.insert(name);
          break;
        }
    if (name.empty())
      if (auto fixed = fixed_weight(**family, model.config_, info->name)) {
        model.weights_->add(info->name, {.value = std::move(*fixed), .role = Role::frozen});
        continue;
      }
    if (name.empty()) return Error{ErrorKind::bad_file, "the checkpoint has no tensor '" + info->name + "'", folder.string(), "is config.json of another model?"};
    if (place.tensor.empty() && twin.empty() && name != info->name) model.file_names_[info->name] = name;
    if (name != place.tensor && !place.tensor.empty()) model.file_names_[info->name] = info->name.substr((*family)->base_prefix.size());
    if (!options.dtype && place.slice < 0)
      if (auto stored = checkpoint->blocks(name); stored && stored->shape() == shape_of(*info)) {
        const std::optional<BlockFormat> others = options.blocks == stored->format ? std::nullopt : options.blocks;
        model.weights_->add(info->name, {.stored = std::move(stored), .blocks = others, .int8 = options.int8, .release = [checkpoint, name] { checkpoint->release(name); }});
        continue;
      }
    Result<Tensor> tensor = checkpoint->tensor(name);
    if (!tensor) return tensor.error();
    if (place.slice >= 0) tensor = part_of(*tensor, place);
    if (tensor->shape() != shape_of(*info))
      return Error{ErrorKind::bad_file, "tensor '" + name + "' is " + shape_text(tensor->shape()) + ", config.json makes it " + shape_text(shape_of(*info)), folder.string()};
    if (tensor->dtype() != DType::f32 && tensor->dtype() != DType::bf16 && tensor->dtype() != DType::f16 && tensor->dtype() != DType::f64)
      return Error{ErrorKind::unsupported, "tensor '" + name + "' is " + name_of(tensor->dtype()) + ", not a floating type", folder.string()};
    Weight weight;
    if (fixed_weight(**family, model.config_, info->name)) weight.role = Role::frozen;
    const bool vector = tensor->rank() == 1;      // norms and biases are small: always f32
    if (!vector) weight.blocks = options.blocks, weight.int8 = options.int8;
    if (vector && (tensor->dtype() == DType::bf16 || tensor->dtype() == DType::f16)) model.file_dtypes_[info->name] = tensor->dtype();
    const DType held = vector || tensor->dtype() == DType::f64 ? DType::f32 : options.dtype.value_or(tensor->dtype());
    if (tensor->dtype() == held) {
      weight.value = *tensor;
      weight.release = [checkpoint, name] { checkpoint->release(name); };
    } else {
      weight.value = tensor->to(held);
      checkpoint->release(name);
    }
    model.weights_->add(info->name, std::move(weight));
  }
  return model;
}

Result<Model> Model::initialise(const Json& json, uint64_t seed, const std::string& where) {
  Result<const ModelFamily*> family = family_of(json, where);
  if (!family) return family.error();
  Result<Config> config = (*family)->read(json, where);
  if (!config) return config.error();
  if (Status status = check_config(*config, where); !status) return status.error();
  Model model;
  model.config_ = std::move(*config);
  model.family_ = *family;
  model.weights_ = std::make_unique<WeightStore>();
  const Graph graph = model.graph();
  for (const ValueInfo* info : weights_of(graph)) {
    Weight weight;
    if (auto fixed = fixed_weight(**family, model.config_, info->name)) weight = {.value = std::move(*fixed), .role = Role::frozen};
    else weight.value = fresh_weight(model.config_, **family, info->name, shape_of(*info), seed);
    model.weights_->add(info->name, std::move(weight));
    if (model.config_.base_names && !(*family)->base_prefix.empty() && info->name.starts_with((*family)->base_prefix))
      model.file_names_[info->name] = info->name.substr((*family)->base_prefix.size());
  }
  return model;
}

Result<Model> Model::load_or_initialise(const std::filesystem::path& folder, uint64_t seed, const LoadOptions& options) {
  if (has_weights(folder)) return load(folder, options);
  Result<Json> json = read_config(folder);
  if (!json) return json.error();
  Result<Model> fresh = initialise(*json, seed, (folder / "config.json").string());
  if (!fresh) return fresh;
  fresh->weights_->products = options.products;
  for (auto& [name, weight] : fresh->weights_->all()) {
    if (weight.value.rank() == 1) continue;
    if (options.dtype) weight.value = weight.value.to(*options.dtype);
    weight.blocks = options.blocks;
    weight.int8 = options.int8;
  }
  return fresh;
}

void Model::prepare_training() {
  for (auto& [name, weight] : weights_->all()) {
    if (!weight.stored && weight.value.dtype() == DType::f32 && weight.value.writable()) continue;
    if (weight.stored) weight.value = weight.stored->values();
    else weight.value = weight.value.dtype() == DType::f32 ? weight.value.clone() : weight.value.to(DType::f32);
    weight.stored.reset();
    if (weight.release) weight.release();
    weight.release = nullptr;
  }
  file_dtypes_.clear();
  weights_->changed();
}

Result<CheckpointContents> Model::contents(std::optional<DType> dtype) const {
  CheckpointContents contents;
  contents.config = config_.json;
  contents.generation_config = generation_config_;
  const auto dtype_of = [&](const std::string& name, const Weight& weight) {
    if (dtype) return *dtype;
    if (weight.stored) return DType::f32;   // what blocks stand for
    const auto own = file_dtypes_.find(name);
    return own == file_dtypes_.end() ? weight.value.dtype() : own->second;
  };
  std::map<DType, int64_t> values;
  std::set<std::string> written;
  for (const auto& [name, weight] : weights_->all()) {
    const auto renamed = file_names_.find(name);
    const std::string& file_name = renamed == file_names_.end() ? name : renamed->second;
    contents.tensors.push_back({file_name, weight.values().to(dtype_of(name, weight))});
    values[contents.tensors.back().second.dtype()] += contents.tensors.back().second.numel();
    written.insert(file_name);
  }
  // The dtype of most of them. transformers 5 writes "dtype", 4 "torch_dtype": the one that is there is kept true.
  const auto most = std::max_element(values.begin(), values.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  const DType named = most == values.end() ? DType::f32 : most->first;
  contents.config[contents.config.contains("dtype") ? "dtype" : "torch_dtype"] = named == DType::bf16 ? "bfloat16" : named == DType::f16 ? "float16" : "float32";
  if (checkpoint_)
    for (const std::string& name : checkpoint_->names()) {
      if (written.contains(name) || taken_apart_.contains(name)) continue;
      // A tied output layer stored a second time would contradict the embedding once that is trained.
      if (config_.tied && std::any_of(family_->tied.begin(), family_->tied.end(), [&](const TiedPair& pair) { return name == pair.target; })) continue;
      if (std::find(family_->copies.begin(), family_->copies.end(), name) != family_->copies.end()) continue;
      Result<Tensor> tensor = checkpoint_->tensor(name);
      if (!tensor) return tensor.error();
      contents.tensors.push_back({name, *tensor});
    }
  std::sort(contents.tensors.begin(), contents.tensors.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return contents;
}

Status Model::save(const std::filesystem::path& folder, std::optional<DType> dtype, std::vector<std::pair<std::string, std::string>> files) const {
  Result<CheckpointContents> made = contents(dtype);
  if (!made) return made.error();
  made->files = std::move(files);
  return save_checkpoint(folder, *made);
}

}  // namespace orrery
