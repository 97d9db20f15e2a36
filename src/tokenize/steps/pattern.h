// The `pattern` of Replace and Split: {"String": text} or {"Regex": expression}.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tokenize/split.h"

namespace orrery::steps {

// Matches [begin, end) of a text, left to right.
using Matches = std::vector<std::pair<size_t, size_t>>;

class Pattern {
 public:
  // Reads config["pattern"]. Throws Error: bad_file, or unsupported for an expression outside `RegexScanner`s.
  explicit Pattern(const Json& config);

  template <class Match>
  void find(std::string_view text, Match match) const {
    if (!scan_) return each_string(text_)(text, match);
    Matches found;
    scan_(text, found);
    for (const auto& [begin, end] : found) match(begin, end);
  }

 private:
  std::string text_;
  void (*scan_)(std::string_view text, Matches& found) = nullptr;
};

}  // namespace orrery::steps
