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

  // Where 16 bytes may be read from any place of a text: in a copy of its last ones, near the end. Made once for many words: bytes
  // copied just now are slow to read.
  class Bytes {
   public:
    explicit Bytes(std::string_view text) : text_(text) {
      const size_t last = text.size() < 16 ? text.size() : 16;
      std::memcpy(last_.data() + 16 - last, text.data() + text.size() - last, last);
    }
    const char* from(size_t place) const { return place + 16 <= text_.size() ? text_.data() + place : last_.data() + (place + 16 - text_.size()); }

   private:
    std::string_view text_;
    std::array<char, 32> last_{};
  };

  // Of `size` bytes from `begin` on.
  static WordKey of(std::string_view text, size_t begin, size_t size) { return inside(begin + 16 <= text.size() ? text.data() + begin : Bytes(text).from(begin), size); }
  // The same where 16 bytes may be read.
  static WordKey inside(const char* word, size_t size) {
    uint64_t first, second;
    std::memcpy(&first, word, 8);
    std::memcpy(&second, word + 8, 8);
    const Mask& mask = kMasks[size];
    return {{first & mask.first, (second & mask.second) | mask.size}};
  }

  // A place in a table of 2^bits.
  size_t place(int bits) const { return static_cast<size_t>(((parts[0] ^ parts[1] * kSecond) * kBoth) >> (64 - bits)); }
  static constexpr uint64_t kSecond = 0xC2B2AE3D27D4EB4Fu, kBoth = 0x9E3779B97F4A7C15u;
  bool operator==(const WordKey& other) const { return ((parts[0] ^ other.parts[0]) | (parts[1] ^ other.parts[1])) == 0; }

 private:
  struct alignas(32) Mask {
    uint64_t first, second, size;   // the bytes of a word in each half, as little-endian machines read them; its size in the last byte
  };
  static constexpr auto kMasks = [] {
    std::array<Mask, kLongest + 1> masks{};
    for (size_t size = 0; size <= kLongest; ++size) {
      for (size_t i = 0; i < size; ++i) (i < 8 ? masks[size].first : masks[size].second) |= uint64_t(0xFF) << (8 * (i % 8));
      masks[size].size = uint64_t(size) << 56;
    }
    return masks;
  }();
};

}  // namespace orrery
