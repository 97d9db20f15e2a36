// A checkpoint: a folder in Hugging Face's layout, or a GGUF file read as if it were one.
//
//   config.json                                   the model's shape
//   generation_config.json                        how to generate with it (may be absent)
//   model.safetensors                             the weights, or in several files:
//   model.safetensors.index.json                  {"metadata": {"total_size": …}, "weight_map": {"NAME": "model-00001-of-00002.safetensors", …}}
//   tokenizer.json, vocab.txt, …                  left to src/tokenize/
//
//   Checkpoint checkpoint = Checkpoint::open("gpt2").value();
//   ConfigReader fields(checkpoint.config(), "gpt2/config.json");
//   Tensor wte = checkpoint.tensor("wte.weight").value();    // a read-only view of the mapped file
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "checkpoint/gguf_checkpoint.h"
#include "checkpoint/safetensors.h"
#include "tensor/tensor.h"

namespace orrery {

class Checkpoint {
 public:
  // Reads the JSON files and the headers of the weights, and checks that every tensor of the index is there. Of a GGUF file, its header.
  static Result<Checkpoint> open(const std::filesystem::path& folder);

  const std::filesystem::path& folder() const { return folder_; }
  const Json& config() const { return config_; }
  const Json& generation_config() const { return generation_config_; }  // null where there is none
  // Where config.json lies, or the GGUF file that stands for it, for errors about its fields.
  std::string config_path() const { return (gguf_ ? folder_ : folder_ / "config.json").string(); }

  const std::vector<std::string>& names() const { return names_; }  // shard by shard, in the order of their bytes
  bool has(std::string_view name) const { return info(name) != nullptr; }
  const TensorInfo* info(std::string_view name) const;  // nullptr where there is none
  uint64_t bytes() const;                               // of all tensors
  std::vector<std::filesystem::path> files() const;     // that hold them

  Result<Tensor> tensor(std::string_view name) const;
  // A matrix of a GGUF file in blocks, as they are there; nothing for other tensors.
  std::optional<BlockMatrix> blocks(std::string_view name) const { return gguf_ ? gguf_->blocks(name) : std::nullopt; }
  // Call after copying a tensor: its part of the file leaves this process's memory.
  void release(std::string_view name) const;

 private:
  Status open_single();
  Status open_sharded();
  const SafetensorsFile* shard_of(std::string_view name) const;

  std::filesystem::path folder_;
  Json config_, generation_config_;
  std::optional<GgufCheckpoint> gguf_;   // then there are no shards
  std::vector<SafetensorsFile> shards_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, size_t> shard_index_;
};

// Whether the path is a file that begins as GGUF files do.
bool is_gguf_file(const std::filesystem::path& path);

// The object in FOLDER/config.json, or what a GGUF file says in its place, for callers that need no weights.
Result<Json> read_config(const std::filesystem::path& folder);

// Are there weights in the folder, whole or in shards, or is it a GGUF file?
bool has_weights(const std::filesystem::path& folder);

struct CheckpointContents {
  Json config;
  Json generation_config = {};  // null: no such file
  NamedTensors tensors = {};
  std::vector<std::pair<std::string, std::string>> files = {};  // name and bytes: tokenizer.json, trainer state, …
  std::vector<std::pair<std::string, NamedTensors>> tensor_files = {};  // optimizer.safetensors, …
  uint64_t max_shard_bytes = 5'000'000'000;                             // above it the weights are split into shards
};

// Writes a whole checkpoint, or on any failure (a full disk) leaves `folder` as it was. An existing checkpoint of that
// name is replaced with all it holds; another folder that is not empty is refused.
Status save_checkpoint(const std::filesystem::path& folder, const CheckpointContents& contents);

}  // namespace orrery
