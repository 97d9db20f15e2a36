#include "checkpoint/checkpoint.h"

#include <algorithm>
#include <fstream>
#include <map>

#include "checkpoint/index.h"

namespace orrery {

namespace {
constexpr const char* kWeights = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";
constexpr uint64_t kMaxConfigBytes = 16 << 20;
constexpr uint64_t kMaxIndexBytes = 256 << 20;

bool is_there(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

Result<Json> read_object(const std::filesystem::path& path) {
  const Result<std::string> text = read_file(path, kMaxConfigBytes);
  if (!text) return text.error();
  Result<Json> json = parse_json(*text, path.string());
  if (json && !json->is_object()) return Error{ErrorKind::bad_file, "this is not a JSON object", path.string()};
  return json;
}

Error no_weights(const std::filesystem::path& folder) {
  Error error{ErrorKind::not_found, std::string("there are no weights: neither ") + kWeights + " nor " + kIndex,
              folder.string()};
  for (const char* other : {"pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5", "flax_model.msgpack"})
    if (is_there(folder / other))
      error.hint = std::string(other) + " is there, but only safetensors can be read: convert it first";
  return error;
}

// Opens each file that the weight map names, once, in the order of their names.
Result<std::map<std::string, SafetensorsFile>> open_shards(const std::filesystem::path& folder,
                                                           const WeightMap& weight_map) {
  std::map<std::string, std::vector<std::string_view>> wanted;
  for (const auto& [tensor, file] : weight_map) wanted[file].push_back(tensor);
  std::map<std::string, SafetensorsFile> shards;
  for (const auto& [name, tensors] : wanted) {
    if (!is_there(folder / name))
      return Error{ErrorKind::not_found,
                   "the shard " + name + " is missing, and with it " + std::to_string(tensors.size()) + " tensors: '" +
                       std::string(tensors.front()) + (tensors.size() > 1 ? "', …" : "'"),
                   folder.string(), "the download may be incomplete"};
    Result<SafetensorsFile> shard = SafetensorsFile::open(folder / name);
    if (!shard) return shard.error();
    shards.emplace(name, std::move(*shard));
  }
  return shards;
}
}  // namespace

bool is_gguf_file(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return false;
  char magic[4] = {};
  std::ifstream(path, std::ios::binary).read(magic, sizeof magic);
  return std::string_view(magic, sizeof magic) == "GGUF";
}

Result<Json> read_config(const std::filesystem::path& folder) {
  std::error_code ignored;
  if (is_gguf_file(folder)) {
    Result<GgufCheckpoint> file = GgufCheckpoint::open(folder);
    if (!file) return file.error();
    return file->config();
  }
  if (!std::filesystem::exists(folder, ignored))
    return Error{ErrorKind::not_found, "there is no such folder", folder.string()};
  if (!std::filesystem::is_directory(folder, ignored))
    return Error{ErrorKind::bad_file, "a checkpoint is a folder with a config.json, and this is a file",
                 folder.string(), "name the folder, or a GGUF file"};
  if (!is_there(folder / "config.json"))
    return Error{ErrorKind::not_found, "the folder has no config.json", folder.string(), "a model is a folder with config.json and weights as safetensors"};
  return read_object(folder / "config.json");
}

bool has_weights(const std::filesystem::path& folder) { return is_there(folder / kWeights) || is_there(folder / kIndex) || is_gguf_file(folder); }

Result<Checkpoint> Checkpoint::open(const std::filesystem::path& folder) {
  Checkpoint checkpoint;
  checkpoint.folder_ = folder;
  if (is_gguf_file(folder)) {
    Result<GgufCheckpoint> file = GgufCheckpoint::open(folder);
    if (!file) return file.error();
    checkpoint.config_ = file->config();
    for (const TensorInfo& tensor : file->tensors()) checkpoint.names_.push_back(tensor.name);
    checkpoint.gguf_.emplace(std::move(*file));
    return checkpoint;
  }
  Result<Json> config = read_config(folder);
  if (!config) return config.error();
  checkpoint.config_ = std::move(*config);
  if (is_there(folder / "generation_config.json")) {
    Result<Json> generation = read_object(folder / "generation_config.json");
    if (!generation) return generation.error();
    checkpoint.generation_config_ = std::move(*generation);
  }
  const Status opened = is_there(folder / kWeights) ? checkpoint.open_single()
                        : is_there(folder / kIndex) ? checkpoint.open_sharded()
                                                    : no_weights(folder);
  if (!opened) return opened.error();
  return checkpoint;
}

Status Checkpoint::open_single() {
  Result<SafetensorsFile> file = SafetensorsFile::open(folder_ / kWeights);
  if (!file) return file.error();
  shards_.push_back(std::move(*file));
  for (const TensorInfo& tensor : shards_[0].tensors()) {
    names_.push_back(tensor.name);
    shard_index_.emplace(tensor.name, 0);
  }
  return done();
}

Status Checkpoint::open_sharded() {
  const std::string where = (folder_ / kIndex).string();
  const Result<std::string> text = read_file(folder_ / kIndex, kMaxIndexBytes);
  if (!text) return text.error();
  const Result<WeightMap> weight_map = parse_index(*text, where);
  if (!weight_map) return weight_map.error();
  Result<std::map<std::string, SafetensorsFile>> opened = open_shards(folder_, *weight_map);
  if (!opened) return opened.error();

  std::map<std::string, size_t> number;
  for (auto& [name, file] : *opened) {
    number.emplace(name, shards_.size());
    shards_.push_back(std::move(file));
  }
  for (const auto& [tensor, file] : *weight_map) {
    const size_t shard = number.at(file);
    if (!shards_[shard].find(tensor))
      return Error{ErrorKind::bad_file, "tensor '" + tensor + "' is not in " + file + ", where the index puts it",
                   where};
    shard_index_.emplace(tensor, shard);
  }
  for (size_t shard = 0; shard < shards_.size(); ++shard) {
    for (const TensorInfo& tensor : shards_[shard].tensors()) {
      const auto listed = shard_index_.find(tensor.name);
      if (listed == shard_index_.end()) continue;  // the index decides what belongs to the model
      if (listed->second != shard)
        return Error{ErrorKind::bad_file,
                     "tensor '" + tensor.name +
                         "' is in two shards: " + shards_[listed->second].path().filename().string() + " and " +
                         shards_[shard].path().filename().string(),
                     where};
      names_.push_back(tensor.name);
    }
  }
  return done();
}

const SafetensorsFile* Checkpoint::shard_of(std::string_view name) const {
  const auto entry = shard_index_.find(std::string(name));
  return entry == shard_index_.end() ? nullptr : &shards_[entry->second];
}

const TensorInfo* Checkpoint::info(std::string_view name) const {
  if (gguf_) return gguf_->find(name);
  const SafetensorsFile* shard = shard_of(name);
  return shard ? shard->find(name) : nullptr;
}

uint64_t Checkpoint::bytes() const {
  uint64_t total = 0;
  for (const std::string& name : names_) total += info(name)->end - info(name)->begin;
  return total;
}

std::vector<std::filesystem::path> Checkpoint::files() const {
  if (gguf_) return {folder_};
  std::vector<std::filesystem::path> paths;
  for (const SafetensorsFile& shard : shards_) paths.push_back(shard.path());
  return paths;
}

Result<Tensor> Checkpoint::tensor(std::string_view name) const {
  if (gguf_) return gguf_->tensor(name);
  const SafetensorsFile* shard = shard_of(name);
  if (!shard)
    return Error{ErrorKind::not_found, "the checkpoint has no tensor '" + std::string(name) + "'", folder_.string()};
  return shard->tensor(name);
}

void Checkpoint::release(std::string_view name) const {
  if (gguf_) return gguf_->release(name);
  if (const SafetensorsFile* shard = shard_of(name)) shard->release(name);
}

}  // namespace orrery
