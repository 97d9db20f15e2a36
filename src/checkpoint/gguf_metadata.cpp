#include "checkpoint/gguf_metadata.h"

#include <bit>
#include <cstring>
#include <string>

namespace orrery {

namespace {

constexpr std::string_view kMagic = "GGUF";
constexpr int kMostNesting = 4;   // arrays of arrays

class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  Json metadata() {
    if (take(kMagic.size()) != kMagic) bad("does not begin with \"GGUF\"");
    const auto version = number<uint32_t>();
    if (version != 2 && version != 3)
      throw Error{ErrorKind::unsupported, "GGUF of version " + std::to_string(version) + ": 2 and 3 are read", ""};
    number<uint64_t>();   // tensors
    const auto count = number<uint64_t>();
    Json out = Json::object();
    // Straight into the container: an ordered object's own insertion compares with every key before.
    auto& members = static_cast<Json::object_t::Container&>(out.get_ref<Json::object_t&>());
    for (uint64_t i = 0; i < count; i++) {
      std::string key(text());
      for (const auto& member : members)
        if (member.first == key) bad("has the key '" + key + "' twice");
      if (members.size() >= kMostKeys) bad("has more than " + std::to_string(kMostKeys) + " keys");
      const auto type = number<uint32_t>();
      Json read = value(type, 0);
      members.emplace_back(std::move(key), std::move(read));
    }
    return out;
  }

 private:
  static constexpr size_t kMostKeys = 4096;
  enum Type : uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };

  [[noreturn]] void bad(const std::string& what) const {
    throw Error{ErrorKind::bad_file, "the GGUF file " + what, "byte " + std::to_string(at_)};
  }

  std::string_view take(uint64_t size) {
    if (size > bytes_.size() - at_) bad("ends in the middle of its metadata");
    const std::string_view taken(reinterpret_cast<const char*>(bytes_.data()) + at_, size);
    at_ += size;
    return taken;
  }
  template <class T>
  T number() {
    static_assert(std::endian::native == std::endian::little);
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  std::string_view text() { return take(number<uint64_t>()); }

  Json value(uint32_t type, int depth) {
    switch (type) {
      case u8: return number<uint8_t>();
      case i8: return number<int8_t>();
      case u16: return number<uint16_t>();
      case i16: return number<int16_t>();
      case u32: return number<uint32_t>();
      case i32: return number<int32_t>();
      case f32: return number<float>();
      case boolean: return number<uint8_t>() != 0;
      case string: return std::string(text());
      case u64: return number<uint64_t>();
      case i64: return number<int64_t>();
      case f64: return number<double>();
      case array: break;
      default: bad("has a value of the unknown type " + std::to_string(type));
    }
    if (depth == kMostNesting) bad("has arrays nested deeper than " + std::to_string(kMostNesting));
    const auto inner = number<uint32_t>();
    const auto count = number<uint64_t>();
    if (count > bytes_.size() - at_) bad("has an array longer than the file");   // a value takes a byte or more
    Json list = Json::array();
    for (uint64_t i = 0; i < count; i++) list.push_back(value(inner, depth + 1));
    return list;
  }

  std::span<const std::byte> bytes_;
  size_t at_ = 0;
};

}  // namespace

bool is_gguf(std::span<const std::byte> bytes) {
  return bytes.size() >= kMagic.size() && std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) == 0;
}

Result<Json> read_gguf_metadata(std::span<const std::byte> bytes, std::string_view where) {
  try {
    return Reader(bytes).metadata();
  } catch (Error& error) {
    error.where = std::string(where) + (error.where.empty() ? "" : ", " + error.where);
    return error;
  }
}

}  // namespace orrery
