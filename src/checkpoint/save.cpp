// Writing a checkpoint: everything into a fresh folder, which then takes the place of the old one.
#include <algorithm>
#include <cstdio>
#include <set>

#include "checkpoint/checkpoint.h"
#include "checkpoint/index.h"

namespace orrery {

namespace {
// Tensors in their given order, a new shard whenever the next one would not fit.
std::vector<NamedTensors> split(const NamedTensors& tensors, uint64_t max_shard_bytes) {
  std::vector<NamedTensors> shards(1);
  uint64_t filled = 0;
  for (const auto& entry : tensors) {
    const uint64_t bytes = entry.second.bytes();
    if (!shards.back().empty() && (bytes > max_shard_bytes || filled > max_shard_bytes - bytes)) {
      shards.emplace_back();
      filled = 0;
    }
    shards.back().push_back(entry);
    filled += bytes;
  }
  return shards;
}

std::string shard_name(size_t number, size_t count) {
  char name[64];
  std::snprintf(name, sizeof name, "model-%05zu-of-%05zu.safetensors", number, count);
  return name;
}

Status write_weights(const std::filesystem::path& folder, const NamedTensors& tensors, uint64_t max_shard_bytes) {
  const std::vector<NamedTensors> shards = split(tensors, max_shard_bytes);
  if (shards.size() == 1) return write_safetensors(folder / "model.safetensors", tensors);
  WeightMap weight_map;
  uint64_t total = 0;
  for (size_t i = 0; i < shards.size(); ++i) {
    const std::string name = shard_name(i + 1, shards.size());
    const Status written = write_safetensors(folder / name, shards[i]);
    if (!written) return written;
    for (const auto& [tensor, values] : shards[i]) {
      weight_map.emplace_back(tensor, name);
      total += values.bytes();
    }
  }
  return write_file(folder / "model.safetensors.index.json", index_text(std::move(weight_map), total));
}

// Mistakes of the caller: names that would collide or leave the folder.
void check_names(const CheckpointContents& contents, const std::string& where) {
  std::set<std::string> files = {"config.json", "generation_config.json"}, tensors;
  const auto add_file = [&](const std::string& name) {
    if (name.empty() || name == "." || name == ".." ||
        name.find_first_of(std::string_view("/\\\0", 3)) != std::string::npos || name.starts_with("model.") ||
        name.starts_with("model-"))
      throw Error{ErrorKind::bad_usage, "'" + name + "' cannot be an extra file of a checkpoint", where};
    if (!files.insert(name).second)
      throw Error{ErrorKind::bad_usage, "the checkpoint would have two files '" + name + "'", where};
  };
  for (const auto& [name, bytes] : contents.files) add_file(name);
  for (const auto& [name, tensors_of_file] : contents.tensor_files) add_file(name);
  for (const auto& [name, tensor] : contents.tensors)
    if (!tensors.insert(name).second) throw Error{ErrorKind::bad_usage, "two tensors are called '" + name + "'", where};
}

// Replacing a folder deletes what it holds, so it must be what we think it is.
Status check_target(const std::filesystem::path& folder) {
  std::error_code ignored;
  if (!std::filesystem::exists(folder, ignored)) return done();
  if (!std::filesystem::is_directory(folder, ignored))
    return Error{ErrorKind::bad_usage, "a checkpoint is a folder, and a file of this name is there", folder.string()};
  if (std::filesystem::is_empty(folder, ignored) || std::filesystem::exists(folder / "config.json", ignored))
    return done();
  return Error{ErrorKind::bad_usage, "this folder holds something other than a checkpoint, and saving would replace it",
               folder.string(), "choose another name or empty the folder"};
}
}  // namespace

Status save_checkpoint(const std::filesystem::path& folder, const CheckpointContents& contents) {
  check_names(contents, folder.string());
  Status target = check_target(folder);
  if (!target) return target;

  AtomicDirectory directory(folder);
  Status status = directory.ready();
  const auto then = [&](auto write) {
    if (status) status = write();
  };
  then([&] { return write_file(directory.path() / "config.json", to_text(contents.config)); });
  if (!contents.generation_config.is_null())
    then([&] { return write_file(directory.path() / "generation_config.json", to_text(contents.generation_config)); });
  for (const auto& [name, bytes] : contents.files)
    then([&, &n = name, &b = bytes] { return write_file(directory.path() / n, b); });
  for (const auto& [name, tensors] : contents.tensor_files)
    then([&, &n = name, &t = tensors] { return write_safetensors(directory.path() / n, t); });
  then([&] { return write_weights(directory.path(), contents.tensors, contents.max_shard_bytes); });
  then([&] { return directory.commit(); });
  if (status) return status;
  // The error names a file of the temporary folder: tell the one that was asked for.
  Error error = status.error();
  if (const size_t at = error.where.find(directory.path().string()); at != std::string::npos)
    error.where.replace(at, directory.path().string().size(), folder.string());
  return error;
}

}  // namespace orrery
