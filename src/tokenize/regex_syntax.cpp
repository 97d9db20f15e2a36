#include "tokenize/regex_syntax.h"

#include <algorithm>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/properties.h"
#include "base/unicode.h"
#include "base/utf8.h"

namespace orrery {

namespace {

constexpr char32_t kLastCodePoint = 0x10FFFF;
constexpr uint32_t kMostRepeats = 100000;   // as in Oniguruma
constexpr int kMostNesting = 200;

// Characters whose folded form is not their lower case.
constexpr std::pair<char32_t, char32_t> kOddFolds[] = {
    {0xB5, 0x3BC}, {0x17F, 0x73}, {0x345, 0x3B9}, {0x3C2, 0x3C3}, {0x3D0, 0x3B2}, {0x3D1, 0x3B8}, {0x3D5, 0x3C6}, {0x3D6, 0x3C0},
    {0x3F0, 0x3BA}, {0x3F1, 0x3C1}, {0x3F5, 0x3B5}, {0x1C80, 0x432}, {0x1C81, 0x434}, {0x1C82, 0x43E}, {0x1C83, 0x441},
    {0x1C84, 0x442}, {0x1C85, 0x442}, {0x1C86, 0x44A}, {0x1C87, 0x463}, {0x1C88, 0xA64B}, {0x1E9B, 0x1E61}, {0x1FBE, 0x3B9}};

// (folded form, a character that has it) for all characters that another one equals.
const std::vector<std::pair<char32_t, char32_t>>& unfolded() {
  static const std::vector<std::pair<char32_t, char32_t>> all = [] {
    std::vector<std::pair<char32_t, char32_t>> pairs;
    for (char32_t c = 0; c < 0x1F000; c++)
      if (const char32_t folded = fold_case(c); folded != c) pairs.emplace_back(folded, c);
    std::sort(pairs.begin(), pairs.end());
    return pairs;
  }();
  return all;
}

struct NamedClass {
  std::string_view name;
  uint32_t classes;
};
// Names that the class table answers at once.
constexpr NamedClass kFastClasses[] = {
    {"L", kLetter}, {"N", kNumber}, {"M", kMark}, {"P", kPunctuationP}, {"S", kSymbol}, {"Lu", kUpper}, {"Ll", kLower},
    {"Lt", kTitle}, {"Lm", kModifierLetter}, {"Lo", kOtherLetter}, {"Nd", kDecimal}, {"Han", kHan},
    {"White_Space", kWhitespace}, {"Space", kWhitespace}};
// Of [[:name:]], as far as they mean what the tables have.
constexpr NamedClass kPosixClasses[] = {{"digit", kDecimal}, {"space", kWhitespace}};

class Parser {
 public:
  Parser(std::string_view text, RegexDialect dialect) : text_(text), dialect_(dialect) {}

  RegexTree parse() {
    RegexTree tree;
    tree.root = alternatives();
    if (at_ < text_.size()) bad("an unmatched ')'");
    tree.groups = groups_;
    tree.has_back_references = back_references_;
    return tree;
  }

 private:
  using Node = RegexNode;
  using Item = RegexSet::Item;
  struct Flags {
    bool fold = false, dot_all = false, multi_line = false, extended = false;
  };

  [[noreturn]] void fail(ErrorKind kind, const std::string& what) const {
    throw Error{kind, "the regular expression '" + std::string(text_) + "' has " + what + " (byte " + std::to_string(at_) + ")", ""};
  }
  [[noreturn]] void bad(const std::string& what) const { fail(ErrorKind::bad_file, what); }
  [[noreturn]] void unsupported(const std::string& what) const { fail(ErrorKind::unsupported, what + ", which is not supported"); }

  bool more() const { return at_ < text_.size(); }
  char peek() const { return more() ? text_[at_] : '\0'; }
  bool skip(std::string_view what) {
    if (!text_.substr(at_).starts_with(what)) return false;
    at_ += what.size();
    return true;
  }
  char32_t take() {
    if (!more()) bad("an end too soon");
    const CodePoint c = decode_utf8(text_, at_);
    if (!c.valid) bad("bytes that are not UTF-8");
    at_ += c.size;
    return c.value;
  }

  Node alternatives() {
    if (++depth_ > kMostNesting) unsupported("groups nested deeper than " + std::to_string(kMostNesting));
    const Flags outer = flags_;
    Node node{.kind = Node::Kind::alternatives};
    do node.children.push_back(sequence());
    while (skip("|"));
    flags_ = outer;
    depth_--;
    return node.children.size() == 1 ? std::move(node.children[0]) : std::move(node);
  }

  Node sequence() {
    Node node{.kind = Node::Kind::sequence};
    while (more() && peek() != '|' && peek() != ')') {
      if (flags_.extended && (peek() == ' ' || peek() == '\n' || peek() == '\t' || peek() == '\r')) {
        at_++;
        continue;
      }
      if (flags_.extended && peek() == '#') {
        while (more() && peek() != '\n') at_++;
        continue;
      }
      std::optional<Node> one = atom();
      if (!one) continue;
      while (auto repeated = quantifier(*one)) one = std::move(repeated);
      node.children.push_back(std::move(*one));
    }
    return node;
  }

  // The node with the quantifier that follows, if one does.
  std::optional<Node> quantifier(Node& of) {
    uint32_t low = 0, high = Node::kNoLimit;
    bool braces = false;
    if (skip("+")) {
      low = 1;
    } else if (skip("?")) {
      high = 1;
    } else if (peek() == '{') {
      const auto range = braces_range();
      if (!range) return std::nullopt;
      low = range->first;
      high = range->second;
      braces = true;
    } else if (!skip("*")) {
      return std::nullopt;
    }
    Node node{.kind = Node::Kind::repeat};
    node.low = low;
    node.high = high;
    if (skip("?"))
      node.mode = Node::Mode::lazy;
    else if (!(braces && dialect_ == RegexDialect::ruby) && skip("+"))
      node.mode = Node::Mode::possessive;
    node.children.push_back(std::move(of));
    return node;
  }

  // {n} {n,} {n,m} {,m}; nothing, and a plain brace, where it is none of them.
  std::optional<std::pair<uint32_t, uint32_t>> braces_range() {
    const size_t start = at_++;
    const auto number = [&]() -> std::optional<uint32_t> {
      std::optional<uint32_t> n;
      while (peek() >= '0' && peek() <= '9') {
        n = n.value_or(0) * 10 + static_cast<uint32_t>(text_[at_++] - '0');
        if (*n > kMostRepeats) bad("a number of repeats above 100000");
      }
      return n;
    };
    const auto low = number();
    const bool comma = skip(",");
    const auto high = comma ? number() : low;
    if (!skip("}") || (!low && !high)) {
      at_ = start;
      return std::nullopt;
    }
    if (low && high && *low > *high) bad("a range of repeats that ends before it begins");
    return std::pair(low.value_or(0), comma && !high ? Node::kNoLimit : *high);
  }

  std::optional<Node> atom() {
    switch (peek()) {
      case '(': return group();
      case '[': {
        at_++;
        return of_set(char_class());
      }
      case '.': {
        at_++;
        RegexSet set;
        if (flags_.dot_all)
          set.all_of[0].push_back({Item::Kind::range, false, 0, kLastCodePoint});
        else
          set.all_of[0].push_back({Item::Kind::range, true, '\n', '\n'});
        return of_set(std::move(set));
      }
      case '^': at_++; return anchor(dialect_ == RegexDialect::ruby || flags_.multi_line ? Node::line_begin : Node::text_begin);
      case '$': at_++; return anchor(dialect_ == RegexDialect::ruby || flags_.multi_line ? Node::line_end : Node::text_end);
      case '\\': return escape();
      case '*':
      case '+':
      case '?': bad("a quantifier with nothing before it");
      case '{': {
        if (braces_range()) bad("a quantifier with nothing before it");
        break;
      }
      default: break;
    }
    return character(take());
  }

  Node character(char32_t c) const {
    Node node{.kind = Node::Kind::character};
    node.fold = flags_.fold;
    node.character = flags_.fold ? fold_case(c) : c;
    return node;
  }
  static Node anchor(Node::Anchor which) {
    Node node{.kind = Node::Kind::anchor};
    node.number = which;
    return node;
  }
  static Node of_set(RegexSet set) {
    set.finish();
    Node node{.kind = Node::Kind::set};
    node.set = std::move(set);
    return node;
  }

  std::optional<Node> group() {
    at_++;
    Node node{.kind = Node::Kind::group};
    if (skip("?")) {
      if (skip("#")) {
        while (more() && peek() != ')') at_++;
        if (!skip(")")) bad("a comment without end");
        return std::nullopt;
      }
      if (skip(":")) {
      } else if (skip(">")) {
        node.kind = Node::Kind::atomic;
      } else if (skip("=")) {
        node.kind = Node::Kind::look_ahead;
      } else if (skip("!")) {
        node.kind = Node::Kind::look_ahead;
        node.negated = true;
      } else if (skip("<=")) {
        node.kind = Node::Kind::look_behind;
      } else if (skip("<!")) {
        node.kind = Node::Kind::look_behind;
        node.negated = true;
      } else if (skip("P<") || skip("<")) {
        const size_t end = text_.find('>', at_);
        if (end == std::string_view::npos) bad("a group's name without end");
        names_.emplace_back(text_.substr(at_, end - at_), ++groups_);
        node.number = groups_;
        at_ = end + 1;
      } else {
        return flag_group();
      }
    } else {
      node.number = ++groups_;
    }
    node.children.push_back(alternatives());
    if (!skip(")")) bad("a '(' without its ')'");
    return node;
  }

  // (?i) for the rest of the group around it, (?i:…) for its own.
  std::optional<Node> flag_group() {
    const Flags before = flags_;
    bool on = true;
    while (peek() != ')' && peek() != ':') {
      const bool ruby = dialect_ == RegexDialect::ruby;
      switch (more() ? text_[at_++] : '\0') {
        case '-': on = false; break;
        case 'i': flags_.fold = on; break;
        case 'x': flags_.extended = on; break;
        case 's':
          if (ruby) bad("an unknown flag");
          flags_.dot_all = on;
          break;
        case 'm': (ruby ? flags_.dot_all : flags_.multi_line) = on; break;
        case 'u': break;
        default: unsupported("an unknown group or flag");
      }
    }
    if (skip(")")) {
      // In Ruby's syntax (?i)a|b is (?i:a|b); in the other the flag too holds for the later alternatives.
      Node rest{.kind = Node::Kind::group};
      const Flags inner = flags_;
      Node all{.kind = Node::Kind::alternatives};
      do {
        flags_ = inner;
        all.children.push_back(sequence());
      } while (dialect_ == RegexDialect::ruby && skip("|"));
      if (dialect_ == RegexDialect::rust && peek() == '|') unsupported("a flag before alternatives");
      rest.children.push_back(std::move(all));
      flags_ = before;
      return rest;
    }
    at_++;
    Node node{.kind = Node::Kind::group};
    node.children.push_back(alternatives());
    flags_ = before;
    if (!skip(")")) bad("a '(' without its ')'");
    return node;
  }

  std::optional<Node> escape() {
    const size_t start = at_++;
    const char c = peek();
    switch (c) {
      case 'A': at_++; return anchor(Node::text_begin);
      case 'z': at_++; return anchor(Node::text_end);
      case 'Z': at_++; return anchor(Node::text_end_newline);
      case 'b': at_++; return anchor(Node::word_edge);
      case 'B': at_++; return anchor(Node::no_word_edge);
      case 'G': at_++; return anchor(Node::search_begin);
      case 'R': {   // \r\n, or one character that ends a line
        at_++;
        Node pair{.kind = Node::Kind::sequence}, all{.kind = Node::Kind::alternatives}, whole{.kind = Node::Kind::atomic};
        pair.children = {character('\r'), character('\n')};
        RegexSet set;
        for (const auto& [low, high] : {std::pair<uint32_t, uint32_t>{0x0A, 0x0D}, {0x85, 0x85}, {0x2028, 0x2029}})
          set.all_of[0].push_back({Item::Kind::range, false, low, high});
        all.children = {std::move(pair), of_set(std::move(set))};
        whole.children = {std::move(all)};
        return whole;
      }
      case 'k': {
        at_++;
        if (!skip("<")) unsupported("\\k without a name");
        const size_t end = text_.find('>', at_);
        const std::string_view name = text_.substr(at_, std::min(end, text_.size()) - at_);
        for (const auto& [known, number] : names_)
          if (known == name) {
            at_ = end + 1;
            return reference(number);
          }
        bad("a reference to a group that is not there");
      }
      default: break;
    }
    if (c >= '1' && c <= '9') {
      at_++;
      const auto number = static_cast<uint32_t>(c - '0');
      if (number > groups_ || (peek() >= '0' && peek() <= '9')) unsupported("a numbered escape that is no reference to a group before it");
      return reference(number);
    }
    at_ = start;
    RegexSet set;
    if (const auto one = class_escape(set.all_of[0], false)) return character(*one);
    return of_set(std::move(set));
  }

  Node reference(uint32_t number) {
    back_references_ = true;
    Node node{.kind = Node::Kind::back_reference};
    node.number = number;
    node.fold = flags_.fold;
    return node;
  }

  // At a backslash: the character that it spells, or nothing, with the items of its class added.
  std::optional<char32_t> class_escape(std::vector<Item>& items, bool in_brackets) {
    at_++;
    const char32_t c = take();
    if (in_brackets && (c == 'w' || c == 'W')) {
      items.push_back({Item::Kind::word, c == 'W'});
      return std::nullopt;
    }
    const auto add = [&](uint32_t classes, bool negated) -> std::optional<char32_t> {
      items.push_back({Item::Kind::classes, negated, classes, 0});
      return std::nullopt;
    };
    switch (c) {
      case 's': return add(kWhitespace, false);
      case 'S': return add(kWhitespace, true);
      case 'd': return add(kDecimal, false);
      case 'D': return add(kDecimal, true);
      case 'w': return add(kWordOnig, false);
      case 'W': return add(kWordOnig, true);
      case 'h':
        for (const auto& [low, high] : {std::pair<char, char>{'0', '9'}, {'a', 'f'}, {'A', 'F'}})
          items.push_back({Item::Kind::range, false, static_cast<uint32_t>(low), static_cast<uint32_t>(high)});
        return std::nullopt;
      case 'p': property(items, false); return std::nullopt;
      case 'P': property(items, true); return std::nullopt;
      case 'n': return U'\n';
      case 't': return U'\t';
      case 'r': return U'\r';
      case 'f': return U'\f';
      case 'v': return U'\v';
      case 'a': return U'\a';
      case 'e': return char32_t(0x1B);
      case '0': return char32_t(0);
      case 'x': return skip("{") ? hex(1, 8, true) : hex(1, 2, false);
      case 'u': return skip("{") ? hex(1, 8, true) : hex(4, 4, false);
      default: break;
    }
    if (c < 128 && is(c, kLetter | kNumber)) unsupported("the escape \\" + to_utf8(c));
    return c;
  }

  char32_t hex(int least, int most, bool braces) {
    uint64_t value = 0;
    int digits = 0;
    for (; digits < most; digits++) {
      const char d = peek();
      const int v = d >= '0' && d <= '9' ? d - '0' : d >= 'a' && d <= 'f' ? d - 'a' + 10 : d >= 'A' && d <= 'F' ? d - 'A' + 10 : -1;
      if (v < 0) break;
      value = value * 16 + static_cast<uint64_t>(v);
      at_++;
    }
    const bool valid = digits >= least && value <= kLastCodePoint && !(value >= 0xD800 && value < 0xE000) && (!braces || skip("}"));
    if (!valid) bad("a malformed code point");
    return static_cast<char32_t>(value);
  }

  // After \p or \P: {Name}, {^Name}, or one letter.
  void property(std::vector<Item>& items, bool negated) {
    std::string_view name;
    if (skip("{")) {
      const size_t end = text_.find('}', at_);
      if (end == std::string_view::npos) bad("a property without end");
      name = text_.substr(at_, end - at_);
      at_ = end + 1;
      if (name.starts_with('^')) {
        negated = !negated;
        name.remove_prefix(1);
      }
    } else {
      name = text_.substr(at_, 1);
      take();
    }
    if (dialect_ == RegexDialect::rust)
      for (const std::string_view prefix : {"sc=", "scx=", "gc=", "Script=", "General_Category="})
        if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
    if (name == "Any") return items.push_back({Item::Kind::range, negated, 0, kLastCodePoint});
    for (const NamedClass& known : kFastClasses)
      if (known.name == name) return items.push_back({Item::Kind::classes, negated, known.classes, 0});
    if (const auto mask = categories_named(name)) return items.push_back({Item::Kind::categories, negated, *mask, 0});
    if (const auto script = script_named(name)) return items.push_back({Item::Kind::script, negated, *script, 0});
    unsupported("the property '" + std::string(name) + "'");
  }

  // After the '['.
  RegexSet char_class() {
    if (++depth_ > kMostNesting) unsupported("classes nested deeper than " + std::to_string(kMostNesting));
    RegexSet set;
    set.fold = flags_.fold;
    set.negated = skip("^");
    for (bool first = true; first || peek() != ']'; first = false) {
      if (!more()) bad("a '[' without its ']'");
      std::vector<Item>& items = set.all_of.back();
      if (skip("&&")) {
        set.all_of.emplace_back();
        continue;
      }
      if (skip("[:")) {
        posix(items);
        continue;
      }
      if (peek() == '[') {
        at_++;
        set.nested.push_back(char_class());
        set.nested.back().finish();
        items.push_back({Item::Kind::set, false, static_cast<uint32_t>(set.nested.size() - 1), 0});
        continue;
      }
      const auto low = class_character(items);
      if (!low) continue;
      char32_t high = *low;
      const bool range = peek() == '-' && at_ + 1 < text_.size() && text_[at_ + 1] != ']' && text_[at_ + 1] != '[';
      if (range) {
        at_++;
        const auto end = class_character(items);
        if (!end) {   // [a-\d]: three things
          items.push_back({Item::Kind::range, false, '-', '-'});
        } else {
          high = *end;
          if (high < *low) bad("a range that ends before it begins");
        }
      }
      items.push_back({Item::Kind::range, false, *low, high});
    }
    at_++;
    depth_--;
    return set;
  }

  std::optional<char32_t> class_character(std::vector<Item>& items) {
    if (peek() != '\\') return take();
    if (text_.substr(at_).starts_with("\\b")) {
      at_ += 2;
      return U'\b';
    }
    return class_escape(items, true);
  }

  void posix(std::vector<Item>& items) {
    const bool negated = skip("^");
    const size_t end = text_.find(":]", at_);
    if (end == std::string_view::npos) bad("a [: without its :]");
    const std::string_view name = text_.substr(at_, end - at_);
    at_ = end + 2;
    if (name == "word") return items.push_back({Item::Kind::word, negated});
    for (const NamedClass& known : kPosixClasses)
      if (known.name == name) return items.push_back({Item::Kind::classes, negated, known.classes, 0});
    unsupported("the class [:" + std::string(name) + ":]");
  }

  std::string_view text_;
  RegexDialect dialect_;
  size_t at_ = 0;
  Flags flags_;
  int depth_ = 0;
  uint32_t groups_ = 0;
  bool back_references_ = false;
  std::vector<std::pair<std::string_view, uint32_t>> names_;
};

}  // namespace

char32_t fold_case(char32_t c) {
  if (c < 128) return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
  for (const auto& [from, to] : kOddFolds)
    if (from == c) return to;
  const auto lower = lowercase(c);
  return lower.size() == 1 && is(c, kWordOnig) ? lower[0] : c;   // lower case is of a newer Unicode than the classes of expressions
}

bool equal_fold(char32_t a, char32_t b) { return a == b || fold_case(a) == fold_case(b); }

bool RegexSet::has_exactly(char32_t c) const {
  const auto has_item = [&](const Item& item) {
    bool in = false;
    switch (item.kind) {
      case Item::Kind::range: in = c >= item.low && c <= item.high; break;
      case Item::Kind::classes: in = is(c, item.low); break;
      case Item::Kind::word: in = is(c, kWordOnig) && !(c >= 0x80 && c < 0x100 && is(c, kNumber)); break;   // ² and its like are words outside of brackets alone
      case Item::Kind::categories: in = (category_of(c) & item.low) != 0; break;
      case Item::Kind::script: in = script_of(c) == item.low; break;
      case Item::Kind::set: in = nested[item.low].has(c); break;
    }
    return in != item.negated;
  };
  return std::all_of(all_of.begin(), all_of.end(), [&](const auto& items) { return std::any_of(items.begin(), items.end(), has_item); });
}

bool RegexSet::has_long(char32_t c) const {
  bool in = has_exactly(c);
  if (!in && fold) {
    const char32_t folded = fold_case(c);
    in = has_exactly(folded);
    const auto& all = unfolded();
    for (auto at = std::lower_bound(all.begin(), all.end(), std::pair(folded, char32_t(0))); !in && at != all.end() && at->first == folded; ++at)
      in = has_exactly(at->second);
  }
  return in != negated;
}

bool RegexSet::is_ascii() const {
  const auto& items = all_of.front();
  return !negated && !fold && all_of.size() == 1 &&
         std::all_of(items.begin(), items.end(), [](const Item& item) { return item.kind == Item::Kind::range && !item.negated && item.high < 128; });
}

void RegexSet::finish() {
  const auto& items = all_of.front();
  by_classes_ = !fold && all_of.size() == 1 && std::all_of(items.begin(), items.end(), [](const Item& item) { return item.kind == Item::Kind::classes && !item.negated; });
  if (by_classes_)
    for (const Item& item : items) classes_ |= item.low;
  for (char32_t c = 0; c < 128; c++) ascii_[c] = has_long(c);
}

RegexTree parse_regex(std::string_view expression, RegexDialect dialect) { return Parser(expression, dialect).parse(); }

}  // namespace orrery
