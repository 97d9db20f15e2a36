// GGUF: one file with a model's metadata, its vocabulary and its tensors, as llama.cpp keeps them.
//   https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3, little-endian
//
//   "GGUF", version, number of tensors, number of keys; the keys and values (gguf_metadata.h);
//   of each tensor its name, number of axes, their sizes (the innermost first), type, and offset into the data;
//   the data, aligned to general.alignment (32)
//
//   Result<GgufFile> file = GgufFile::open("model.gguf");
//   for (const GgufTensor& info : file->tensors()) …
//   Tensor w = file->tensor(*file->find("blk.0.attn_q.weight"));
//
// Sizes, offsets and types are checked before a tensor can be asked for.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/block_format.h"
#include "base/dtype.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "tensor/tensor.h"

namespace orrery {

// Elements, or blocks of a row's elements.
using GgufType = std::variant<DType, BlockFormat>;
std::string name_of(const GgufType& type);
uint32_t gguf_type_of(const GgufType& type);          // the number in files; throws Error for u8 and bool, which have none
int64_t gguf_values_per_block(const GgufType& type);  // a row's length is a multiple of it; 1 for elements
uint64_t gguf_bytes(const GgufType& type, int64_t values);

struct GgufTensor {
  std::string name;
  GgufType type = DType::f32;
  std::vector<int64_t> shape;   // row-major: the innermost axis last
  uint64_t begin = 0, end = 0;  // bytes of the file
};

struct GgufHeader {
  Json metadata;
  std::vector<GgufTensor> tensors;   // as the file lists them
};

// Reads and checks everything before the data of a whole file in memory; `where` names the file in errors.
Result<GgufHeader> parse_gguf(std::span<const std::byte> file, const std::string& where);

class GgufFile {
 public:
  static Result<GgufFile> open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  const Json& metadata() const { return header_.metadata; }
  const std::vector<GgufTensor>& tensors() const { return header_.tensors; }
  const GgufTensor* find(std::string_view name) const;   // nullptr where there is none

  std::span<const std::byte> bytes(const GgufTensor& info) const { return file_->bytes().subspan(size_t(info.begin), size_t(info.end - info.begin)); }
  // A view of the mapped file, or fresh f32 values of blocks.
  Tensor tensor(const GgufTensor& info) const;
  // A view of its bytes, as u8.
  Tensor raw(const GgufTensor& info) const { return Tensor::view(storage_, DType::u8, {int64_t(info.end - info.begin)}, info.begin); }
  // Lets go of the memory that holds a tensor's part of the file.
  void release(const GgufTensor& info) const { file_->release(size_t(info.begin), size_t(info.end - info.begin)); }

 private:
  std::filesystem::path path_;
  GgufHeader header_;
  std::unordered_map<std::string, size_t> index_;
  std::shared_ptr<const MappedFile> file_;
  std::shared_ptr<Storage> storage_;
};

}  // namespace orrery
