// Regular expressions of tokenizer files: Unicode, backtracking, bounded.
//
//   const Regex regex(R"(\p{N}{1,3}|\s+(?!\S)|\s+)", RegexDialect::ruby);
//   regex.each_match(text, [&](size_t begin, size_t end) { … });
//
// Known: alternatives, groups (plain, named, (?:…), (?>…), (?i)…, look-ahead and look-behind), greedy, lazy and possessive
// quantifiers, classes with nesting and &&, \p{category or script}, \s \d \w \h \R, anchors, \b, back references. Any other
// construct is refused when the expression is read. Character classes are those of base/unicode.h and base/properties.h.
//
// Backtracking can take time exponential in the text; a search that takes more steps than any sane expression needs is
// ended with an Error instead.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tokenize/regex_syntax.h"

namespace orrery {

class Regex {
 public:
  // Throws Error: `unsupported` or bad_file, with the place in the expression.
  explicit Regex(std::string_view expression, RegexDialect dialect = RegexDialect::ruby);

  // All matches of a valid UTF-8 text, from left to right, not overlapping; an empty one only where none ended. Throws
  // Error (out_of_range) where the search takes too long.
  std::vector<std::pair<size_t, size_t>> matches(std::string_view text) const;

  bool may_begin(unsigned char byte) const { return may_be_empty_ || may_begin_[byte]; }   // of a valid text's character

  template <class F>
  void each_match(std::string_view text, F f) const {
    for (const auto& [begin, end] : matches(text)) f(begin, end);
  }

 private:
  friend class RegexCompiler;
  friend class RegexSearch;

  enum class Op : uint8_t {
    character,       // code point `a`
    set,             // a character of sets_[a]
    set_run,         // sets_[a] again and again, `low` to `high` times; `mode` says how it gives back
    split,           // try `a` first, then `b`
    jump,            // to `a`
    save,            // register a = here
    check_progress,  // fails where register a is here: an empty turn of a loop
    assertion,       // RegexNode::Anchor a
    look,            // the program from the next step to `a` matches here (or, `negated`, does not)
    look_behind,     // the same, ending here, beginning `low` to `high` characters before
    atomic,          // the program from the next step to `a`, without giving back
    back_reference,  // the text of group a
    done             // of the program, or of a part of it
  };
  struct Step {
    Op op;
    bool negated = false, fold = false;
    RegexNode::Mode mode = RegexNode::Mode::greedy;
    uint32_t a = 0, b = 0, low = 0, high = 0;
  };

  std::string expression_;
  std::vector<Step> steps_;
  std::vector<RegexSet> sets_;
  std::array<bool, 256> may_begin_{};   // the bytes with which a match may begin
  bool may_be_empty_ = false;
  uint32_t registers_ = 0;
};

}  // namespace orrery
