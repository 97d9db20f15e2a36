#include "checkpoint/safetensors.h"

#include <algorithm>
#include <cstring>

#include "base/json.h"

namespace orrery {

Result<SafetensorsFile> SafetensorsFile::open(const std::filesystem::path& path) {
  Result<MappedFile> mapped = MappedFile::open(path);
  if (!mapped) return mapped.error();
  Result<SafetensorsHeader> header = parse_safetensors(mapped->bytes(), path.string());
  if (!header) return header.error();

  SafetensorsFile file;
  file.path_ = path;
  file.header_ = std::move(*header);
  file.index_.reserve(file.header_.tensors.size());
  for (size_t i = 0; i < file.header_.tensors.size(); ++i) file.index_.emplace(file.header_.tensors[i].name, i);
  file.file_ = std::make_shared<const MappedFile>(std::move(*mapped));
  file.storage_ = storage_of(file.file_);
  return file;
}

const TensorInfo* SafetensorsFile::find(std::string_view name) const {
  const auto entry = index_.find(std::string(name));
  return entry == index_.end() ? nullptr : &header_.tensors[entry->second];
}

Result<Tensor> SafetensorsFile::tensor(std::string_view name) const {
  const TensorInfo* info = find(name);
  if (!info) return Error{ErrorKind::not_found, "there is no tensor '" + std::string(name) + "'", path_.string()};
  const std::byte* data = file_->bytes().data() + info->begin;
  if (reinterpret_cast<uintptr_t>(data) % uintptr_t(size_of(info->dtype)) == 0)
    return Tensor::view(storage_, info->dtype, info->shape, info->begin);
  Tensor copy = Tensor::zeros(info->dtype, info->shape);
  if (copy.bytes() != 0) std::memcpy(copy.mutable_raw(), data, size_t(copy.bytes()));
  return copy;
}

void SafetensorsFile::release(std::string_view name) const {
  if (const TensorInfo* info = find(name)) file_->release(size_t(info->begin), size_t(info->end - info->begin));
}

namespace {
// The word of a dtype in the header, and its place in the reference implementation's order of tensors: widest first, so
// that every tensor is aligned; by name within a dtype.
struct Written {
  const char* word;
  int order;
};
Written written(DType dtype) {
  switch (dtype) {
    case DType::i64: return {"I64", 0};
    case DType::f64: return {"F64", 1};
    case DType::f32: return {"F32", 2};
    case DType::i32: return {"I32", 3};
    case DType::bf16: return {"BF16", 4};
    case DType::f16: return {"F16", 5};
    case DType::i16: return {"I16", 6};
    case DType::i8: return {"I8", 7};
    case DType::u8: return {"U8", 8};
    case DType::boolean: break;
  }
  return {"BOOL", 9};
}
}  // namespace

Status write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors, const Metadata& metadata) {
  std::vector<const std::pair<std::string, Tensor>*> order;
  for (const auto& entry : tensors) order.push_back(&entry);
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return std::pair<int, const std::string&>(written(a->second.dtype()).order, a->first) <
           std::pair<int, const std::string&>(written(b->second.dtype()).order, b->first);
  });
  std::vector<std::string_view> names;
  for (const auto* entry : order) names.push_back(entry->first);
  std::sort(names.begin(), names.end());
  if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end())
    throw Error{ErrorKind::bad_usage, "two tensors are called '" + std::string(*twice) + "'", path.string()};
  if (std::binary_search(names.begin(), names.end(), std::string_view("__metadata__")))
    throw Error{ErrorKind::bad_usage, "a tensor cannot be called '__metadata__'", path.string()};

  // Text is put together entry by entry: an ordered Json object would search all keys for each new one.
  std::string header = "{";
  if (!metadata.empty()) {
    Json object = Json::object();
    for (const auto& [key, value] : metadata) object[key] = value;
    header += "\"__metadata__\":" + to_line(object);
  }
  uint64_t offset = 0;
  for (const auto* entry : order) {
    const auto& [name, tensor] = *entry;
    const Json info = {{"dtype", written(tensor.dtype()).word},
                       {"shape", tensor.shape()},
                       {"data_offsets", {offset, offset + tensor.bytes()}}};
    header += (header.size() > 1 ? "," : "") + to_line(Json(name)) + ":" + to_line(info);
    offset += tensor.bytes();
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');

  const uint64_t length = header.size();
  AtomicFile file(path);
  file.write(std::string_view(reinterpret_cast<const char*>(&length), sizeof length));
  file.write(header);
  for (const auto* entry : order)
    file.write(std::string_view(reinterpret_cast<const char*>(entry->second.raw()), size_t(entry->second.bytes())));
  return file.commit();
}

}  // namespace orrery
