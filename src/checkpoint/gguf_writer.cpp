#include "checkpoint/gguf_writer.h"

#include <bit>
#include <cstring>
#include <type_traits>

#include "base/file.h"

namespace orrery {

namespace {

constexpr uint64_t kAlignment = 32;

template <class T>
void put(std::string& out, T value) {
  static_assert(std::endian::native == std::endian::little);
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof value);
}

template <class T>
constexpr uint32_t type_number() {
  if constexpr (std::is_same_v<T, uint8_t>) return 0;
  else if constexpr (std::is_same_v<T, uint32_t>) return 4;
  else if constexpr (std::is_same_v<T, int32_t>) return 5;
  else if constexpr (std::is_same_v<T, float>) return 6;
  else if constexpr (std::is_same_v<T, bool>) return 7;
  else if constexpr (std::is_same_v<T, std::string>) return 8;
  else return 9;   // a list
}

template <class T>
void put_value(std::string& out, const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    put(out, uint8_t(value));
  } else if constexpr (std::is_same_v<T, std::string>) {
    put(out, uint64_t(value.size()));
    out += value;
  } else if constexpr (std::is_arithmetic_v<T>) {
    put(out, value);
  } else {
    put(out, type_number<typename T::value_type>());
    put(out, uint64_t(value.size()));
    for (const auto& one : value) put_value(out, one);
  }
}

void pad(std::string& out) { out.resize((out.size() + kAlignment - 1) / kAlignment * kAlignment, '\0'); }

}  // namespace

Json gguf_metadata(const GgufKeys& keys) {
  Json out = Json::object();
  for (const auto& [key, value] : keys) out[key] = std::visit([](const auto& one) { return Json(one); }, value);
  return out;
}

void GgufWriter::add(std::string name, GgufType type, std::vector<int64_t> shape, std::function<void(const Sink&)> fill) {
  const std::optional<int64_t> count = checked_numel(shape);
  const int64_t row = shape.empty() ? 1 : shape.back();
  if (!count || row % gguf_values_per_block(type) != 0) throw Error{ErrorKind::bad_usage, "tensor '" + name + "' of shape " + shape_text(shape) + " cannot be " + name_of(type), ""};
  const uint64_t bytes = gguf_bytes(type, *count);
  tensors_.push_back({std::move(name), type, std::move(shape), bytes, std::move(fill)});
}

Status GgufWriter::write(const std::filesystem::path& path, const std::function<void(size_t)>& progress) const {
  std::string header = "GGUF";
  put(header, uint32_t(3));
  put(header, uint64_t(tensors_.size()));
  put(header, uint64_t(keys_.size()));
  for (const auto& [key, value] : keys_) {
    put_value(header, key);
    std::visit(
        [&](const auto& one) {
          put(header, type_number<std::decay_t<decltype(one)>>());
          put_value(header, one);
        },
        value);
  }
  uint64_t offset = 0;
  for (const Entry& tensor : tensors_) {
    put_value(header, tensor.name);
    put(header, uint32_t(tensor.shape.size()));
    for (auto size = tensor.shape.rbegin(); size != tensor.shape.rend(); ++size) put(header, uint64_t(*size));
    put(header, gguf_type_of(tensor.type));
    put(header, offset);
    offset += (tensor.bytes + kAlignment - 1) / kAlignment * kAlignment;
  }
  pad(header);

  AtomicFile file(path);
  if (const Status ready = file.ready(); !ready) return ready.error();
  file.write(header);
  size_t done = 0;
  try {
    for (const Entry& tensor : tensors_) {
      uint64_t written = 0;
      tensor.fill([&](std::string_view bytes) {
        written += bytes.size();
        file.write(bytes);
      });
      if (written != tensor.bytes) throw Error{ErrorKind::bad_usage, "tensor '" + tensor.name + "' was written with " + std::to_string(written) + " bytes instead of " + std::to_string(tensor.bytes), path.string()};
      file.write(std::string(size_t((kAlignment - written % kAlignment) % kAlignment), '\0'));
      if (progress) progress(++done);
    }
  } catch (const Error& error) {
    return error;
  }
  return file.commit();
}

}  // namespace orrery
