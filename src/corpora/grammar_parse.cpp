// Reads the grammar's source: first all classes, registers and rule names, then the templates, which refer to them.
#include <algorithm>
#include <charconv>

#include "corpora/grammar.h"
#include "corpora/inflect.h"

namespace orrery {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t at = text.find(separator);
    const std::string_view part = trimmed(text.substr(0, at));
    if (!part.empty()) parts.push_back(part);
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

int intern(std::vector<std::string>& names, std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return int(found - names.begin());
  names.emplace_back(name);
  return int(names.size()) - 1;
}

}  // namespace

class GrammarParser {
 public:
  explicit GrammarParser(std::string_view source) : source_(source) {}

  Grammar run() {
    read_lines();
    std::sort(grammar_.rules_.begin(), grammar_.rules_.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    for (size_t r = 1; r < grammar_.rules_.size(); ++r) {
      line_ = grammar_.rules_[r].line;
      if (grammar_.rules_[r].name == grammar_.rules_[r - 1].name) fail("rule '" + grammar_.rules_[r].name + "' is there twice");
    }
    for (const auto& [rule, line, text] : templates_) {
      line_ = line;
      grammar_.rules_[size_t(grammar_.find_rule(rule))].alternatives.push_back(alternative(text));
    }
    grammar_.start_ = grammar_.find_rule("start");
    if (grammar_.start_ < 0) fail("there is no rule 'start'");
    grammar_.register_help_.resize(grammar_.registers_.size());
    return std::move(grammar_);
  }

 private:
  struct Template {
    std::string rule;
    int line;
    std::string_view text;
  };

  [[noreturn]] void fail(const std::string& what) const {
    throw Error{ErrorKind::bad_file, what, "grammar, line " + std::to_string(line_)};
  }

  void read_lines() {
    std::string kind, name;
    for (std::string_view rest = source_; !rest.empty();) {
      const size_t end = rest.find('\n');
      const std::string_view line = rest.substr(0, end);
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
      ++line_;
      if (trimmed(line).empty() || line[0] == '#') continue;
      std::string_view body = trimmed(line);
      if (line[0] != ' ') {
        const size_t space = body.find(' '), colon = body.find(':');
        if (space == std::string_view::npos) fail("a header is KIND NAME");
        kind = body.substr(0, space);
        name = trimmed(body.substr(space + 1, colon == std::string_view::npos ? colon : colon - space - 1));
        body = colon == std::string_view::npos ? std::string_view() : trimmed(body.substr(colon + 1));
        header(kind, name, body);
        if (kind == "rule" || kind == "table" || kind == "register") continue;
      }
      if (kind == "rule") templates_.push_back({name, line_, body});
      else if (kind == "table") add_row(body);
      else if (kind.empty() || kind == "register") fail("indented line without a header");
      else add_words(kind, body);
    }
  }

  void header(const std::string& kind, const std::string& name, std::string_view body) {
    if (kind == "rule") {
      grammar_.rules_.push_back({name, line_, {}});
    } else if (kind == "register") {
      const size_t reg = size_t(register_id(name));
      grammar_.register_help_.resize(std::max(grammar_.register_help_.size(), reg + 1));
      grammar_.register_help_[reg] = body;
    } else if (kind == "words" || kind == "noun" || kind == "verb" || kind == "table") {
      if (find_class(name) >= 0) fail("class '" + name + "' is there twice");
      grammar_.classes_.push_back({name, {}, {}});
      const std::string_view fields = kind == "words" ? "is" : kind == "noun" ? "is s" : kind == "verb" ? "is ed ing" : body;
      for (std::string_view field : split(fields, ' ')) {
        grammar_.classes_.back().field_ids.push_back(intern(grammar_.fields_, field));
      }
    } else {
      fail("unknown kind '" + kind + "'");
    }
  }

  void add_row(std::string_view body) {
    auto& rows = grammar_.classes_.back();
    std::vector<std::string> row;
    for (std::string_view value : split(body, ' ')) row.emplace_back(value);
    if (row.size() != rows.field_ids.size()) fail("a row of '" + rows.name + "' has " + std::to_string(rows.field_ids.size()) + " fields");
    rows.words.push_back(std::move(row));
  }

  void add_words(const std::string& kind, std::string_view body) {
    auto& words = grammar_.classes_.back().words;
    if (words.size() > 4096) fail("too many words in one class");
    for (std::string_view entry : split(body, ',')) {
      if (kind == "words") words.push_back({std::string(entry)});
      else if (kind == "noun") words.push_back(noun(entry));
      else words.push_back(verb(entry));
    }
  }

  // The last word inflects: "paper boat" -> "paper boats"; "field mouse/mice" gives its own.
  static std::vector<std::string> noun(std::string_view entry) {
    const size_t slash = entry.find('/');
    const std::string one(entry.substr(0, slash));
    if (slash == std::string_view::npos) return {one, plural(one)};
    const size_t space = one.rfind(' ');
    const std::string before = space == std::string::npos ? "" : one.substr(0, space + 1);
    return {one, before + std::string(entry.substr(slash + 1))};
  }

  // The first word inflects: "climb trees" -> "climbed trees"; "dig/dug/digging holes" gives its own.
  std::vector<std::string> verb(std::string_view entry) const {
    const size_t space = entry.find(' ');
    const std::string rest = space == std::string_view::npos ? "" : std::string(entry.substr(space));
    const auto forms = split(entry.substr(0, space), '/');
    if (forms.size() == 1) return {std::string(entry), past_tense(forms[0]) + rest, present_participle(forms[0]) + rest};
    if (forms.size() == 2) return {std::string(forms[0]) + rest, std::string(forms[1]) + rest, present_participle(forms[0]) + rest};
    if (forms.size() != 3) fail("a verb is BASE, BASE/PAST or BASE/PAST/ING");
    return {std::string(forms[0]) + rest, std::string(forms[1]) + rest, std::string(forms[2]) + rest};
  }

  Grammar::Alternative alternative(std::string_view text) {
    Grammar::Alternative result;
    if (text.starts_with('*')) {
      const size_t space = std::min(text.find(' '), text.size());
      int weight = 0;
      const auto [end, problem] = std::from_chars(text.data() + 1, text.data() + space, weight);
      if (problem != std::errc() || end != text.data() + space || weight < 1) fail("a weight is a whole number above 0");
      result.weight = weight;
      text = trimmed(text.substr(space));
    }
    if (text.starts_with('?')) {
      const size_t space = std::min(text.find(' '), text.size()), equal = text.find('=');
      if (equal == std::string_view::npos || equal > space) fail("a guard is ?REG=WORD or ?REG!=WORD");
      result.guard_equal = text[equal - 1] != '!';
      result.guard_reg = register_id(text.substr(1, equal - 1 - (result.guard_equal ? 0 : 1)));
      result.guard_word = text.substr(equal + 1, space - equal - 1);
      text = trimmed(text.substr(space));
    }
    result.pieces = pieces(text);
    return result;
  }

  std::vector<Grammar::Piece> pieces(std::string_view text) {
    std::vector<Grammar::Piece> result;
    std::string literal;
    const auto flush = [&] {
      if (literal.empty()) return;
      result.emplace_back();
      result.back().text.swap(literal);
    };
    for (size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      if (c == '<' || c == '{') {
        const size_t end = text.find(c == '<' ? '>' : '}', i);
        if (end == std::string_view::npos) fail("a bracket is not closed");
        flush();
        const std::string_view inside = text.substr(i + 1, end - i - 1);
        result.push_back(c == '<' ? rule_piece(inside) : slot_piece(inside));
        i = end;
      } else if (c == '\\' && i + 1 < text.size() && text[i + 1] == 'n') {
        literal += '\n';
        ++i;
      } else if (c != '~') {
        literal += c;
      }
    }
    flush();
    return result;
  }

  Grammar::Piece rule_piece(std::string_view inside) {
    Grammar::Piece piece;
    const size_t at = inside.find('@');
    piece.text = inside.substr(0, at);
    if (at != std::string_view::npos) {
      piece.kind = Grammar::Piece::Kind::rule_by_word;
      piece.reg = register_id(inside.substr(at + 1));
      return piece;
    }
    piece.kind = Grammar::Piece::Kind::rule;
    piece.rule = grammar_.find_rule(piece.text);
    if (piece.rule < 0) fail("no rule '" + piece.text + "'");
    return piece;
  }

  Grammar::Piece slot_piece(std::string_view inside) {
    Grammar::Piece piece;
    if (const size_t colon = inside.find(':'); colon != std::string_view::npos) {
      const size_t slash = std::min(inside.find('/', colon), inside.size());
      const int word_class = class_id(inside.substr(colon + 1, slash - colon - 1));
      piece.kind = Grammar::Piece::Kind::assign;
      piece.reg = register_id(inside.substr(0, colon));
      const auto& words = grammar_.classes_[size_t(word_class)].words;
      const std::string_view wanted = slash < inside.size() ? inside.substr(slash + 1) : std::string_view();
      const auto found = std::find_if(words.begin(), words.end(), [&](const auto& word) { return word[0] == wanted; });
      if (found == words.end()) fail("no word '" + std::string(wanted) + "'");
      piece.value = {int16_t(word_class), int16_t(found - words.begin())};
      return piece;
    }
    piece.kind = Grammar::Piece::Kind::slot;
    Grammar::Slot& slot = piece.slot;
    if (inside.starts_with('^')) slot.capital = true, inside.remove_prefix(1);
    if (inside.starts_with("a ")) slot.article = true, inside.remove_prefix(2);
    if (const size_t dot = inside.find('.'); dot != std::string_view::npos) {
      slot.field = intern(grammar_.fields_, inside.substr(dot + 1));
      inside = inside.substr(0, dot);
    }
    for (size_t bang = inside.rfind('!'); bang != std::string_view::npos; bang = inside.rfind('!')) {
      slot.excluded_regs.push_back(register_id(inside.substr(bang + 1)));
      inside = inside.substr(0, bang);
    }
    const size_t equal = inside.find('=');
    if (equal != std::string_view::npos) {
      slot.word_class = class_id(inside.substr(equal + 1));
      if (slot.field >= 0) grammar_.field_index(slot.word_class, slot.field);
    }
    if (equal != 0) slot.reg = register_id(inside.substr(0, equal));
    return piece;
  }

  int find_class(std::string_view name) const {
    for (size_t c = 0; c < grammar_.classes_.size(); ++c)
      if (grammar_.classes_[c].name == name) return int(c);
    return -1;
  }
  int class_id(std::string_view name) const {
    const int found = find_class(name);
    if (found < 0) fail("no class '" + std::string(name) + "'");
    if (grammar_.classes_[size_t(found)].words.empty()) fail("class '" + std::string(name) + "' is empty");
    return found;
  }
  int register_id(std::string_view name) {
    if (name.empty()) fail("a register has no name");
    const int id = intern(grammar_.registers_, name);
    if (size_t(id) >= Grammar::kMaxRegisters) fail("more than 16 registers");
    return id;
  }

  std::string_view source_;
  int line_ = 0;
  Grammar grammar_;
  std::vector<Template> templates_;
};

Grammar Grammar::parse(std::string_view source) { return GrammarParser(source).run(); }

}  // namespace orrery
