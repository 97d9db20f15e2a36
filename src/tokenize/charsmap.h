// The character map of sentencepiece's normalisers: strings of up to a few characters and what replaces each. The file
// holds a Darts double array (https://github.com/s-yata/darts-clone) from strings to places in one block of
// zero-terminated replacements:
//
//   u32 size of the array in bytes | array of u32 units | replacements
//
// All numbers come from the file, so every step through it is checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace orrery {

class Charsmap {
 public:
  Charsmap() = default;
  explicit Charsmap(std::string_view blob);   // throws Error (bad_file)

  struct Match {
    size_t size;                     // bytes of the text that it replaces
    std::string_view replacement;    // valid UTF-8
  };
  // Of the mapped strings that begin the text: the shortest (Hugging Face asks for it) and the longest (sentencepiece).
  std::optional<Match> shortest(std::string_view text) const { return find(text, true); }
  std::optional<Match> longest(std::string_view text) const { return find(text, false); }
  // The first character of a valid text, from byte `at` on, with which a mapped string may begin; its size where there is none.
  size_t next_begun(std::string_view text, size_t at) const;
  // Whether some mapped string is this character of ASCII, or goes on with another such.
  bool maps_ascii(char c) const;

 private:
  std::optional<Match> find(std::string_view text, bool first) const;

  std::vector<uint32_t> units_;
  std::string replacements_;
};

}  // namespace orrery
