// What a regular expression says: its syntax tree. tokenize/regex.h runs it.
#pragma once

#include <bitset>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/unicode.h"

namespace orrery {

// Whose reading of an expression counts, where they differ:
//   ruby  Oniguruma with Ruby's syntax (Hugging Face): ^ and $ at every line, (?m) lets . match newlines, {1,3}+ repeats
//   rust  fancy-regex (tiktoken): ^ and $ at the text's ends, (?s) and (?m) as in Perl, {1,3}+ is possessive
enum class RegexDialect { ruby, rust };

// A set of characters.
class RegexSet {
 public:
  struct Item {
    enum class Kind : uint8_t { range, classes, word, categories, script, set } kind;   // `word` is \w among others: [\w]
    bool negated = false;
    uint32_t low = 0, high = 0;   // the range, else the mask or number in `low`, or the index of a nested set
  };

  bool has(char32_t c) const {
    if (c < 128) return ascii_[c];
    return by_classes_ ? is(c, classes_) != negated : has_long(c);
  }
  void finish();   // after the last item
  bool has_long(char32_t c) const;
  bool is_ascii() const;   // false may be said of some that are

  bool negated = false, fold = false;
  std::vector<std::vector<Item>> all_of{1};   // a character is in the set if it is in some item of each list
  std::vector<RegexSet> nested;

 private:
  bool has_exactly(char32_t c) const;
  std::bitset<128> ascii_;
  bool by_classes_ = false;   // it is all characters of these, or all others
  uint32_t classes_ = 0;
};

char32_t fold_case(char32_t c);   // simple case folding
bool equal_fold(char32_t a, char32_t b);

struct RegexNode {
  enum class Kind { empty, character, set, sequence, alternatives, repeat, group, look_ahead, look_behind, atomic, anchor, back_reference };
  enum class Mode : uint8_t { greedy, lazy, possessive };
  enum Anchor : uint32_t { line_begin, line_end, text_begin, text_end, text_end_newline, word_edge, no_word_edge, search_begin };
  static constexpr uint32_t kNoLimit = 0xFFFFFFFF;

  Kind kind = Kind::empty;
  bool negated = false, fold = false;
  char32_t character = 0;
  uint32_t number = 0;               // an Anchor, or of a group (0 captures nothing)
  uint32_t low = 0, high = 0;        // of a repeat
  Mode mode = Mode::greedy;
  RegexSet set = {};
  std::vector<RegexNode> children = {};
};

struct RegexTree {
  RegexNode root;
  uint32_t groups = 0;
  bool has_back_references = false;
};

// Throws Error: `unsupported` or bad_file.
RegexTree parse_regex(std::string_view expression, RegexDialect dialect);

}  // namespace orrery
