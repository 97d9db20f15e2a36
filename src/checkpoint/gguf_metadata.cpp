#include "checkpoint/gguf_metadata.h"

#include <cstring>
#include <string>

namespace orrery {

namespace {

constexpr std::string_view kMagic = "GGUF";
constexpr int kMostNesting = 4;   // arrays of arrays

constexpr size_t kMostKeys = 4096;
enum Type : uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };

Json read_value(GgufCursor& cursor, uint32_t type, int depth) {
  switch (type) {
    case u8: return cursor.number<uint8_t>();
    case i8: return cursor.number<int8_t>();
    case u16: return cursor.number<uint16_t>();
    case i16: return cursor.number<int16_t>();
    case u32: return cursor.number<uint32_t>();
    case i32: return cursor.number<int32_t>();
    case f32: return cursor.number<float>();
    case boolean: return cursor.number<uint8_t>() != 0;
    case string: return std::string(cursor.text());
    case u64: return cursor.number<uint64_t>();
    case i64: return cursor.number<int64_t>();
    case f64: return cursor.number<double>();
    case array: break;
    default: cursor.bad("has a value of the unknown type " + std::to_string(type));
  }
  if (depth == kMostNesting) cursor.bad("has arrays nested deeper than " + std::to_string(kMostNesting));
  const auto inner = cursor.number<uint32_t>();
  const auto count = cursor.number<uint64_t>();
  if (count > cursor.left()) cursor.bad("has an array longer than the file");   // a value takes a byte or more
  Json list = Json::array();
  for (uint64_t i = 0; i < count; i++) list.push_back(read_value(cursor, inner, depth + 1));
  return list;
}

}  // namespace

GgufPrefix read_gguf_prefix(GgufCursor& cursor) {
  if (cursor.take(kMagic.size()) != kMagic) cursor.bad("does not begin with \"GGUF\"");
  const auto version = cursor.number<uint32_t>();
  if (version == 0x02000000 || version == 0x03000000) throw Error{ErrorKind::unsupported, "this GGUF file is for big-endian machines", ""};
  if (version != 2 && version != 3) throw Error{ErrorKind::unsupported, "GGUF of version " + std::to_string(version) + ": 2 and 3 are read", ""};
  GgufPrefix prefix{Json::object(), cursor.number<uint64_t>()};
  const auto count = cursor.number<uint64_t>();
  // Straight into the container: an ordered object's own insertion compares with every key before.
  auto& members = static_cast<Json::object_t::Container&>(prefix.metadata.get_ref<Json::object_t&>());
  for (uint64_t i = 0; i < count; i++) {
    std::string key(cursor.text());
    for (const auto& member : members)
      if (member.first == key) cursor.bad("has the key '" + key + "' twice");
    if (members.size() >= kMostKeys) cursor.bad("has more than " + std::to_string(kMostKeys) + " keys");
    const auto type = cursor.number<uint32_t>();
    Json read = read_value(cursor, type, 0);
    members.emplace_back(std::move(key), std::move(read));
  }
  return prefix;
}

Result<Json> read_gguf_metadata(std::span<const std::byte> bytes, std::string_view where) {
  try {
    GgufCursor cursor(bytes);
    return std::move(read_gguf_prefix(cursor).metadata);
  } catch (Error& error) {
    error.where = std::string(where) + (error.where.empty() ? "" : ", " + error.where);
    return error;
  }
}

}  // namespace orrery
