// Reads numbers and texts one after the other from the front of a GGUF file; beyond its end it throws.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace orrery {

class GgufCursor {
 public:
  explicit GgufCursor(std::span<const std::byte> bytes) : bytes_(bytes) {}

  size_t at() const { return at_; }
  uint64_t left() const { return bytes_.size() - at_; }
  [[noreturn]] void bad(const std::string& what) const { throw Error{ErrorKind::bad_file, "the GGUF file " + what, "byte " + std::to_string(at_)}; }

  std::string_view take(uint64_t size) {
    if (size > left()) bad("ends in the middle of its metadata");
    const std::string_view taken(reinterpret_cast<const char*>(bytes_.data()) + at_, size_t(size));
    at_ += size_t(size);
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

 private:
  std::span<const std::byte> bytes_;
  size_t at_ = 0;
};

}  // namespace orrery
