// Recognition: all derivations of a text, followed side by side.
//
// A state is (position in the text, what the registers hold, log probability). Each piece of a template maps a set of
// states to the set of those that the text admits, so nothing is tried twice and there is no backtracking: the work is
// the number of pieces times the number of states alive at once, which is one or two in a grammar where the next few
// words tell which alternative it is. kMaxStates bounds it for any other.
#include <algorithm>
#include <cmath>

#include "corpora/grammar.h"
#include "corpora/inflect.h"

namespace orrery {
namespace {

constexpr size_t kMaxStates = 256;

bool in_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '\'' || c == '-' || (static_cast<unsigned char>(c) & 0x80) != 0;
}
bool is_space(char c) { return c == ' ' || c == '\n'; }

size_t word_start(std::string_view text, size_t position) {
  while (position > 0 && in_word(text[position - 1])) --position;
  return position;
}

size_t common_prefix(std::string_view a, std::string_view b) {
  const size_t size = std::min(a.size(), b.size());
  return size_t(std::mismatch(a.begin(), a.begin() + std::ptrdiff_t(size), b.begin()).first - a.begin());
}

}  // namespace

class GrammarMatcher {
 public:
  // With `explain`, notes what was expected where a reading fails: slower, so only for a text known to be wrong.
  GrammarMatcher(const Grammar& grammar, std::string_view text, bool explain)
      : grammar_(grammar), text_(text), explain_(explain) {}

  Grammar::Match run() {
    std::vector<State> ends;
    match_rule(grammar_.start_, State{}, ends);
    Grammar::Match result;
    for (const State& state : ends) {
      if (state.position != text_.size()) {
        fail(state.position, state.position, "the end of the text");
        continue;
      }
      ++result.num_derivations;
      if (result.matched && state.log_probability <= result.log_probability) continue;
      result.matched = true;
      result.log_probability = state.log_probability;
      result.bindings = state.bindings;
    }
    if (!result.matched) {
      result.position = failed_at_;
      result.expected = std::move(expected_);
    }
    return result;
  }

 private:
  struct State {
    size_t position = 0;
    double log_probability = 0;
    Grammar::Bindings bindings{};
  };

  void match_rule(int rule, const State& from, std::vector<State>& out) {
    const auto& alternatives = grammar_.rules_[size_t(rule)].alternatives;
    double total = 0;
    for (const auto& a : alternatives) total += grammar_.admits(a, from.bindings) ? a.weight : 0;
    for (const auto& a : alternatives) {
      if (!grammar_.admits(a, from.bindings)) continue;
      State start = from;
      start.log_probability += std::log(a.weight / total);
      match_sequence(a.pieces, start, out);
    }
  }

  void match_sequence(const std::vector<Grammar::Piece>& pieces, const State& from, std::vector<State>& out) {
    std::vector<State> states = {from}, next;
    for (const auto& piece : pieces) {
      next.clear();
      for (const State& state : states) match_piece(piece, state, next);
      if (next.size() > kMaxStates) next.resize(kMaxStates);
      states.swap(next);
      if (states.empty()) return;
    }
    out.insert(out.end(), states.begin(), states.end());
  }

  void match_piece(const Grammar::Piece& piece, const State& from, std::vector<State>& out) {
    using Kind = Grammar::Piece::Kind;
    switch (piece.kind) {
      case Kind::literal:
        if (accepts(from.position, piece.text, "")) {
          out.push_back(from);
          out.back().position += piece.text.size();
        }
        break;
      case Kind::assign:
        out.push_back(from);
        out.back().bindings[size_t(piece.reg)] = piece.value;
        break;
      case Kind::slot: match_slot(piece.slot, from, out); break;
      case Kind::rule:
      case Kind::rule_by_word: match_rule(grammar_.rule_of(piece, from.bindings), from, out); break;
    }
  }

  void match_slot(const Grammar::Slot& slot, const State& from, std::vector<State>& out) {
    if (slot.word_class < 0) {
      const std::string wanted = grammar_.written(slot, from.bindings[size_t(slot.reg)]);
      if (accepts(from.position, wanted, grammar_.register_help_[size_t(slot.reg)])) {
        out.push_back(from);
        out.back().position += wanted.size();
      }
      return;
    }
    const auto& words = grammar_.classes_[size_t(slot.word_class)].words;
    const auto excluded = grammar_.excluded_words(slot, from.bindings);
    const double log_choice = -std::log(double(words.size() - excluded.size()));
    const int field = grammar_.field_index(slot.word_class, slot.field);
    for (size_t w = 0; w < words.size(); ++w) {
      const Grammar::Binding value{int16_t(slot.word_class), int16_t(w)};
      if (std::find(excluded.begin(), excluded.end(), value.word) != excluded.end()) continue;
      const size_t size = match_word(slot, from.position, words[w][size_t(field)]);
      if (size == 0) continue;
      State after = from;
      after.position += size;
      after.log_probability += log_choice;
      if (slot.reg >= 0) after.bindings[size_t(slot.reg)] = value;
      out.push_back(after);
    }
  }

  // How many bytes of the text one word of a class takes, with its article and capital; 0 when it does not fit.
  size_t match_word(const Grammar::Slot& slot, size_t position, const std::string& word) {
    const std::string_view rest = text_.substr(position);
    if (!slot.article && !slot.capital) {   // the common case, without building a string
      if (rest.starts_with(word)) return word.size();
      if (explain_) refuse_word(slot, position, word, 0);
      return 0;
    }
    std::string wanted = word;
    if (slot.article) wanted = std::string(indefinite_article(word)) + " " + word;
    if (slot.capital) wanted = capitalized(wanted);
    if (rest.starts_with(wanted)) return wanted.size();
    if (slot.article && explain_) {
      std::string wrong = (indefinite_article(word) == "a" ? "an " : "a ") + word;
      if (slot.capital) wrong = capitalized(wrong);
      // A wrong article explains more of the text than any other reading, so it reaches to the end of the word.
      if (rest.starts_with(wrong)) fail(position + wrong.size(), position, "\"" + wanted + "\" (the article)");
    }
    if (explain_) refuse_word(slot, position, wanted, wanted.size() - word.size());
    return 0;
  }

  // Notes a word of a class that does not fit; `first` is where it begins in `wanted`, after an article.
  void refuse_word(const Grammar::Slot& slot, size_t position, std::string_view wanted, size_t first) {
    const size_t same = common_prefix(text_.substr(position), wanted);
    const size_t space = wanted.find(' ', first);
    if (same < first || (space != std::string_view::npos && same > space)) {
      accepts(position, wanted, "");   // wrong before the word, or in a later word of a phrase: say what was wanted
      return;
    }
    const size_t at = word_start(text_, position + first);
    if (at < reach_) return;
    fail(at, at, "a word of the kind '" + grammar_.classes_[size_t(slot.word_class)].name + "'");
  }

  // Does the text go on with `wanted`? If not, notes the word that differs.
  bool accepts(size_t position, std::string_view wanted, const std::string& what) {
    const size_t same = common_prefix(text_.substr(position), wanted);
    if (same == wanted.size()) return true;
    if (!explain_) return false;
    const size_t at = word_start(text_, position + same);
    if (at < reach_) return false;
    size_t end = same;
    while (end < wanted.size() && !is_space(wanted[end])) ++end;
    std::string expected(text_.substr(at, position + same - at));
    expected += wanted.substr(same, end - same);
    if (expected.empty()) expected = wanted[same] == '\n' ? "a new paragraph" : "a space";
    else expected = "\"" + expected + "\"";
    fail(at, at, what.empty() ? expected : expected + " (" + what + ")");
    return false;
  }

  void fail(size_t reach, size_t position, const std::string& expected) {
    if (reach < reach_) return;
    if (reach > reach_) expected_.clear();
    reach_ = reach;
    failed_at_ = position;
    if (expected_.size() < Grammar::kMaxExpected && std::find(expected_.begin(), expected_.end(), expected) == expected_.end()) {
      expected_.push_back(expected);
    }
  }

  const Grammar& grammar_;
  std::string_view text_;
  bool explain_;
  size_t reach_ = 0, failed_at_ = 0;   // how far the best reading came, and the word that stopped it
  std::vector<std::string> expected_;
};

Grammar::Match Grammar::match(std::string_view text) const {
  Match match = GrammarMatcher(*this, text, false).run();
  return match.matched ? match : GrammarMatcher(*this, text, true).run();
}

}  // namespace orrery
