// A word of up to 15 bytes in two numbers: what caches of words are keyed by.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace orrery {

struct WordKey {
  static constexpr size_t kLongest = 15;
  std::array<uint64_t, 2> parts;   // the bytes, zeros, and the length in the last byte; never all zero: words have bytes

  // Of `size` bytes from `begin` on. No byte is copied by itself, but of a text that is shorter than a key.
  static WordKey of(std::string_view text, size_t begin, size_t size) {
    WordKey key{};
    if (begin + 16 <= text.size()) {
      std::memcpy(key.parts.data(), text.data() + begin, 16);
    } else if (text.size() >= 16) {
      std::array<char, 32> last{};
      std::memcpy(last.data(), text.data() + text.size() - 16, 16);
      std::memcpy(key.parts.data(), last.data() + (begin + 16 - text.size()), 16);
    } else {
      std::memcpy(key.parts.data(), text.data() + begin, size);
    }
    key.parts[0] &= kMasks[size][0];
    key.parts[1] &= kMasks[size][1];
    key.parts[1] |= uint64_t(size) << 56;
    return key;
  }
  // A place in a table of 2^bits.
  size_t place(int bits) const { return static_cast<size_t>(((parts[0] ^ parts[1] * 0xC2B2AE3D27D4EB4Fu) * 0x9E3779B97F4A7C15u) >> (64 - bits)); }
  bool operator==(const WordKey& other) const { return ((parts[0] ^ other.parts[0]) | (parts[1] ^ other.parts[1])) == 0; }

 private:
  // Of little-endian halves: the first `size` bytes.
  static constexpr auto kMasks = [] {
    std::array<std::array<uint64_t, 2>, kLongest + 1> masks{};
    for (size_t size = 0; size <= kLongest; ++size)
      for (size_t i = 0; i < size; ++i) masks[size][i / 8] |= uint64_t(0xFF) << (8 * (i % 8));
    return masks;
  }();
};

}  // namespace orrery
