// The `pattern` of Replace and Split: {"String": text} or {"Regex": expression}.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tokenize/regex.h"
#include "tokenize/scanners.h"
#include "tokenize/split.h"

namespace orrery::steps {

class Pattern {
 public:
  // Reads config["pattern"]. Throws Error: bad_file, or unsupported for an expression that tokenize/regex.h does not know.
  explicit Pattern(const Json& config);

  WordScanner words() const { return words_; }   // null where there is none by hand
  const std::string* literal() const { return regex_ || words_ || is_clip_ || text_.empty() ? nullptr : &text_; }   // null unless this very text is meant

  // Whether a match may begin in a text of such bytes, each of which stands for its character of the byte-level alphabet.
  bool may_match_spelled(std::string_view bytes) const;

  // In an empty text nothing matches, not even an expression that matches nothing. Throws Error where regex.h says so.
  template <class Match>
  void find(std::string_view text, Match match) const {
    if (text.empty()) return;
    if (words_) return each_word(words_, text, match);
    if (is_clip_) return scan_clip(text, match);
    if (regex_) return regex_->each_match(text, match);
    each_string(text_)(text, match);
  }

 private:
  std::string text_;
  std::optional<Regex> regex_;
  WordScanner words_ = nullptr;   // by hand, for a well-known expression
  bool is_clip_ = false;          // by hand too, but its matches leave out white space
};

}  // namespace orrery::steps
