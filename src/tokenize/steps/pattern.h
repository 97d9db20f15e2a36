// The `pattern` of Replace and Split: {"String": text} or {"Regex": expression}.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tokenize/regex.h"
#include "tokenize/split.h"

namespace orrery::steps {

// Matches [begin, end) of a text, left to right.
using Matches = std::vector<std::pair<size_t, size_t>>;

class Pattern {
 public:
  // Reads config["pattern"]. Throws Error: bad_file, or unsupported for an expression that tokenize/regex.h does not know.
  explicit Pattern(const Json& config);

  WordScanner words() const { return words_; }   // null where there is none by hand

  // In an empty text nothing matches, not even an expression that matches nothing. Throws Error where regex.h says so.
  template <class Match>
  void find(std::string_view text, Match match) const {
    if (text.empty()) return;
    if (!scan_ && !regex_) return each_string(text_)(text, match);
    if (!scan_) return regex_->each_match(text, match);
    Matches found;
    scan_(text, found);
    for (const auto& [begin, end] : found) match(begin, end);
  }

 private:
  std::string text_;
  std::optional<Regex> regex_;
  WordScanner words_ = nullptr;
  void (*scan_)(std::string_view text, Matches& found) = nullptr;   // by hand, for a well-known expression
};

}  // namespace orrery::steps
