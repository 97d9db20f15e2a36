// A set of pairs of ASCII characters that stand side by side.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace orrery {

class AsciiPairs {
 public:
  void add(unsigned char first, unsigned char second) { rows_[first][second >> 6] |= uint64_t(1) << (second & 63); }
  bool has(unsigned char first, unsigned char second) const { return (rows_[first][second >> 6] >> (second & 63) & 1) != 0; }

  // All that stand side by side in a text.
  void add_all(std::string_view text) {
    for (size_t i = 1; i < text.size(); ++i) {
      const auto first = static_cast<unsigned char>(text[i - 1]), second = static_cast<unsigned char>(text[i]);
      if (first < 0x80 && second < 0x80) add(first, second);
    }
  }

 private:
  std::array<std::array<uint64_t, 2>, 128> rows_{};
};

}  // namespace orrery
