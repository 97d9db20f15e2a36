// safetensors: the file format of Hugging Face weights. https://github.com/huggingface/safetensors
//
//   8 bytes     N, little-endian: the length of the header
//   N bytes     JSON: {"__metadata__": {"format": "pt"}, "NAME": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …}
//   the rest    the tensors' bytes, little-endian, row-major, without gaps; offsets count from here
//
//   Result<SafetensorsFile> file = SafetensorsFile::open("model.safetensors");
//   if (!file) return file.error();
//   for (const TensorInfo& info : file->tensors()) …
//   Tensor w = file->tensor("wte.weight").value();       // a read-only view of the mapped file
//
// Every rule of the format is checked before a tensor can be asked for, so a reader may trust sizes and offsets.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/dtype.h"
#include "base/error.h"
#include "base/file.h"
#include "tensor/tensor.h"

namespace orrery {

struct TensorInfo {
  std::string name;
  DType dtype = DType::f32;
  std::vector<int64_t> shape;
  uint64_t begin = 0, end = 0;  // bytes of the file
};

// Names and tensors in the order in which they are written.
using NamedTensors = std::vector<std::pair<std::string, Tensor>>;
using Metadata = std::vector<std::pair<std::string, std::string>>;

struct SafetensorsHeader {
  std::vector<TensorInfo> tensors;  // in the order of their bytes
  Metadata metadata;
};

// Reads and checks the header of a whole file in memory; `where` names the file in errors.
Result<SafetensorsHeader> parse_safetensors(std::span<const std::byte> file, const std::string& where);

class SafetensorsFile {
 public:
  static Result<SafetensorsFile> open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  const std::vector<TensorInfo>& tensors() const { return header_.tensors; }
  const Metadata& metadata() const { return header_.metadata; }
  const TensorInfo* find(std::string_view name) const;  // nullptr where there is none

  // A view of the mapped file, or a copy where the file leaves the tensor misaligned.
  Result<Tensor> tensor(std::string_view name) const;
  // Lets go of the memory that holds a tensor's part of the file; reading it again brings it back from the disk.
  void release(std::string_view name) const;

 private:
  std::filesystem::path path_;
  SafetensorsHeader header_;
  std::unordered_map<std::string, size_t> index_;
  std::shared_ptr<const MappedFile> file_;
  std::shared_ptr<Storage> storage_;
};

// Writes `path` whole or not at all, with the bytes that Hugging Face's own writer gives: the tensors of the widest
// dtypes first, by name within a dtype.
Status write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                         const Metadata& metadata = {{"format", "pt"}});

}  // namespace orrery
