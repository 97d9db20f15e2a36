#include "checkpoint/gguf.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "checkpoint/gguf_cursor.h"
#include "checkpoint/gguf_metadata.h"

namespace orrery {

namespace {

constexpr uint64_t kUsualAlignment = 32;
constexpr uint32_t kMostAxes = 4;

struct ElementType {
  uint32_t number;
  DType dtype;
};
constexpr ElementType kElementTypes[] = {{0, DType::f32}, {1, DType::f16}, {24, DType::i8}, {25, DType::i16}, {26, DType::i32}, {27, DType::i64}, {28, DType::f64}, {30, DType::bf16}};
// Types that exist and are not read, so that an error can name them.
constexpr std::pair<uint32_t, const char*> kOtherTypes[] = {
    {4, "q4_2, which no program reads any more"}, {5, "q4_3, which no program reads any more"}, {9, "q8_1"}, {10, "q2_k"}, {11, "q3_k"}, {15, "q8_k"}, {16, "iq2_xxs"}, {17, "iq2_xs"}, {18, "iq3_xxs"},
    {19, "iq1_s"}, {20, "iq4_nl"}, {21, "iq3_s"}, {22, "iq2_s"}, {23, "iq4_xs"}, {29, "iq1_m"}, {34, "tq1_0"}, {35, "tq2_0"}, {39, "mxfp4"}};

GgufType type_of(uint32_t number, const std::string& name) {
  for (const ElementType& type : kElementTypes)
    if (type.number == number) return type.dtype;
  if (const auto format = block_format_of_gguf(number)) return *format;
  for (const auto& [other, word] : kOtherTypes)
    if (other == number) throw Error{ErrorKind::unsupported, "tensor '" + name + "' is of type " + word, "", "f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1, q4_k, q5_k and q6_k are read"};
  throw Error{ErrorKind::bad_file, "tensor '" + name + "' is of the unknown type " + std::to_string(number), ""};
}

uint64_t alignment_of(const Json& metadata) {
  const auto found = metadata.find("general.alignment");
  if (found == metadata.end()) return kUsualAlignment;
  const bool whole = found->is_number_unsigned() || (found->is_number_integer() && found->get<int64_t>() > 0);
  const uint64_t alignment = whole ? found->get<uint64_t>() : 0;
  if (alignment == 0 || (alignment & (alignment - 1)) != 0 || alignment > (1 << 20)) throw Error{ErrorKind::bad_file, "general.alignment is no power of two up to 2^20", ""};
  return alignment;
}

// All but the tensor's bytes: `begin` is its offset into the data.
GgufTensor read_description(GgufCursor& cursor) {
  GgufTensor tensor;
  tensor.name = cursor.text();
  const auto axes = cursor.number<uint32_t>();
  if (axes > kMostAxes) cursor.bad("says tensor '" + tensor.name + "' has " + std::to_string(axes) + " axes, and at most 4 there can be");
  for (uint32_t axis = 0; axis < axes; ++axis) {
    const auto size = cursor.number<uint64_t>();
    if (size >> 62 != 0) cursor.bad("says tensor '" + tensor.name + "' has an axis of " + std::to_string(size));
    tensor.shape.insert(tensor.shape.begin(), int64_t(size));
  }
  tensor.type = type_of(cursor.number<uint32_t>(), tensor.name);
  tensor.begin = cursor.number<uint64_t>();
  return tensor;
}

void place(GgufTensor& tensor, uint64_t data, uint64_t alignment, uint64_t file_size) {
  const auto bad = [&](const std::string& what, const char* hint = "") { throw Error{ErrorKind::bad_file, "tensor '" + tensor.name + "' " + what, "", hint}; };
  const std::optional<int64_t> count = checked_numel(tensor.shape);
  if (!count || *count > (int64_t(1) << 59)) bad("has the impossible shape " + shape_text(tensor.shape));
  const int64_t row = tensor.shape.empty() ? 1 : tensor.shape.back(), block = gguf_values_per_block(tensor.type);
  if (row % block != 0) bad("has rows of " + std::to_string(row) + ", which are no whole blocks of " + std::to_string(block) + " (" + name_of(tensor.type) + ")");
  if (tensor.begin % alignment != 0) bad("begins at " + std::to_string(tensor.begin) + ", no multiple of the alignment " + std::to_string(alignment));
  const uint64_t bytes = gguf_bytes(tensor.type, *count);
  if (tensor.begin > file_size - data || bytes > file_size - data - tensor.begin)
    bad("needs " + std::to_string(bytes) + " bytes at " + std::to_string(tensor.begin) + " of the data, which has " + std::to_string(file_size - data), "the download may be incomplete");
  tensor.begin += data;
  tensor.end = tensor.begin + bytes;
}

}  // namespace

std::string name_of(const GgufType& type) {
  return std::visit([](auto each) { return name_of(each); }, type);
}

uint32_t gguf_type_of(const GgufType& type) {
  if (const BlockFormat* format = std::get_if<BlockFormat>(&type)) return gguf_type_of(*format);
  for (const ElementType& element : kElementTypes)
    if (element.dtype == std::get<DType>(type)) return element.number;
  throw Error{ErrorKind::unsupported, std::string("GGUF files have no tensors of ") + name_of(std::get<DType>(type)), ""};
}

int64_t gguf_values_per_block(const GgufType& type) {
  const BlockFormat* format = std::get_if<BlockFormat>(&type);
  return format ? values_per_block(*format) : 1;
}

uint64_t gguf_bytes(const GgufType& type, int64_t values) {
  if (const BlockFormat* format = std::get_if<BlockFormat>(&type)) return uint64_t(bytes_of(*format, values));
  return uint64_t(values) * uint64_t(size_of(std::get<DType>(type)));
}

Result<GgufHeader> parse_gguf(std::span<const std::byte> file, const std::string& where) {
  try {
    GgufCursor cursor(file);
    GgufPrefix prefix = read_gguf_prefix(cursor);
    constexpr uint64_t kLeastDescription = 8 + 4 + 4 + 8;
    if (prefix.tensors > cursor.left() / kLeastDescription) cursor.bad("says it has " + std::to_string(prefix.tensors) + " tensors, for which it is too short");
    GgufHeader header{std::move(prefix.metadata), {}};
    const uint64_t alignment = alignment_of(header.metadata);
    for (uint64_t i = 0; i < prefix.tensors; ++i) header.tensors.push_back(read_description(cursor));

    const uint64_t data = (uint64_t(cursor.at()) + alignment - 1) / alignment * alignment;
    if (data > file.size() && !header.tensors.empty()) cursor.bad("ends before its tensors");
    for (GgufTensor& tensor : header.tensors) place(tensor, data, alignment, file.size());

    std::vector<std::string_view> names;
    for (const GgufTensor& tensor : header.tensors) names.push_back(tensor.name);
    std::sort(names.begin(), names.end());
    if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end())
      throw Error{ErrorKind::bad_file, "tensor '" + std::string(*twice) + "' is there twice", ""};
    return header;
  } catch (Error& error) {
    error.where = where + (error.where.empty() ? "" : ", " + error.where);
    return error;
  }
}

Result<GgufFile> GgufFile::open(const std::filesystem::path& path) {
  Result<MappedFile> mapped = MappedFile::open(path);
  if (!mapped) return mapped.error();
  Result<GgufHeader> header = parse_gguf(mapped->bytes(), path.string());
  if (!header) return header.error();

  GgufFile file;
  file.path_ = path;
  file.header_ = std::move(*header);
  for (size_t i = 0; i < file.header_.tensors.size(); ++i) file.index_.emplace(file.header_.tensors[i].name, i);
  file.file_ = std::make_shared<const MappedFile>(std::move(*mapped));
  file.storage_ = storage_of(file.file_);
  return file;
}

const GgufTensor* GgufFile::find(std::string_view name) const {
  const auto entry = index_.find(std::string(name));
  return entry == index_.end() ? nullptr : &header_.tensors[entry->second];
}

Tensor GgufFile::tensor(const GgufTensor& info) const {
  const std::byte* data = bytes(info).data();
  if (const BlockFormat* format = std::get_if<BlockFormat>(&info.type)) {
    Tensor values = Tensor::zeros(DType::f32, info.shape);
    dequantise(*format, data, values.mutable_data<float>(), values.numel());
    return values;
  }
  const DType dtype = std::get<DType>(info.type);
  if (reinterpret_cast<uintptr_t>(data) % uintptr_t(size_of(dtype)) == 0) return Tensor::view(storage_, dtype, info.shape, info.begin);
  Tensor copy = Tensor::zeros(dtype, info.shape);   // general.alignment may be less than an element
  if (copy.bytes() != 0) std::memcpy(copy.mutable_raw(), data, size_t(copy.bytes()));
  return copy;
}

}  // namespace orrery
