#include "tokenize/models/char_cuts.h"

namespace orrery {

void CharCuts::add(std::string_view token) {
  const auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<unsigned char>(token[i])); };
  for (size_t at = 1; at < token.size(); ++at) {
    if (!between_characters(byte(at - 1), byte(at))) continue;
    const bool has_left = at >= 2, has_right = at + 1 < token.size();
    const uint64_t bit = uint64_t(1) << (byte(at - 1) & 63);
    for (size_t right = has_right ? byte(at + 1) & 63 : 0; right < 64; ++right) {
      for (size_t left = has_left ? byte(at - 2) & 63 : 0; left < 64; ++left) {
        refused_[row(byte(at), right) + left] |= bit;
        if (has_left) break;
      }
      if (has_right) break;
    }
  }
}

}  // namespace orrery
