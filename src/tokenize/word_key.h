// A word of up to 15 bytes in two numbers: what caches of words are keyed by.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace orrery {

struct WordKey {
  static constexpr size_t kLongest = 15;
  std::array<uint64_t, 2> parts{};   // the bytes, zeros, and the length in the last byte; never all zero: words have bytes

  // Of `size` bytes from `begin` on. Within a text no byte is copied by itself.
  static WordKey of(std::string_view text, size_t begin, size_t size) {
    WordKey key;
    auto& [first, second] = key.parts;
    if (begin + 16 <= text.size()) {
      std::memcpy(key.parts.data(), text.data() + begin, 16);
      const uint64_t bits = 8 * size;
      first &= bits >= 64 ? ~uint64_t(0) : (uint64_t(1) << bits) - 1;
      second &= bits <= 64 ? 0 : (uint64_t(1) << (bits - 64)) - 1;
    } else {
      std::memcpy(key.parts.data(), text.data() + begin, size);
    }
    second |= uint64_t(size) << 56;
    return key;
  }

  // A place in a table of 2^bits.
  size_t place(int bits) const { return static_cast<size_t>(((parts[0] ^ parts[1] * 0xC2B2AE3D27D4EB4Fu) * 0x9E3779B97F4A7C15u) >> (64 - bits)); }
  bool operator==(const WordKey&) const = default;
};

}  // namespace orrery
