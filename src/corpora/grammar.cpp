// What generation and matching share, and generation itself: expand the rule `start`, choosing by weight.
#include "corpora/grammar.h"

#include <algorithm>
#include <cmath>

#include "corpora/inflect.h"

namespace orrery {

bool Grammar::admits(const Alternative& alternative, const Bindings& bindings) const {
  if (alternative.guard_reg < 0) return true;
  const Binding held = bindings[size_t(alternative.guard_reg)];
  const bool equal = held.word_class >= 0 &&
                     classes_[size_t(held.word_class)].words[size_t(held.word)][0] == alternative.guard_word;
  return equal == alternative.guard_equal;
}

int Grammar::find_rule(std::string_view name) const {
  const auto found = std::lower_bound(rules_.begin(), rules_.end(), name,
                                      [](const Rule& rule, std::string_view wanted) { return rule.name < wanted; });
  return found != rules_.end() && found->name == name ? int(found - rules_.begin()) : -1;
}

int Grammar::rule_of(const Piece& piece, const Bindings& bindings) const {
  if (piece.kind == Piece::Kind::rule) return piece.rule;
  const Binding held = bindings[size_t(piece.reg)];
  if (held.word_class < 0) throw Error{ErrorKind::bad_file, "register is read before it is set", "<" + piece.text + "@>"};
  const std::string name = piece.text + "_" + classes_[size_t(held.word_class)].words[size_t(held.word)][0];
  const int rule = find_rule(name);
  if (rule < 0) throw Error{ErrorKind::bad_file, "no rule '" + name + "'", "grammar"};
  return rule;
}

int Grammar::field_index(int word_class, int field) const {
  if (field < 0) return 0;
  const auto& ids = classes_[size_t(word_class)].field_ids;
  const auto found = std::find(ids.begin(), ids.end(), field);
  if (found == ids.end()) {
    throw Error{ErrorKind::bad_file, "class '" + classes_[size_t(word_class)].name + "' has no field '" +
                                         fields_[size_t(field)] + "'", "grammar"};
  }
  return int(found - ids.begin());
}

std::string Grammar::written(const Slot& slot, Binding value) const {
  if (value.word_class < 0) {
    throw Error{ErrorKind::bad_file, "register '" + registers_[size_t(slot.reg)] + "' is read before it is set", "grammar"};
  }
  const auto& fields = classes_[size_t(value.word_class)].words[size_t(value.word)];
  std::string text = fields[size_t(field_index(value.word_class, slot.field))];
  if (slot.article) text = std::string(indefinite_article(text)) + " " + text;
  return slot.capital ? capitalized(text) : text;
}

std::vector<int16_t> Grammar::excluded_words(const Slot& slot, const Bindings& bindings) const {
  std::vector<int16_t> words;
  for (int reg : slot.excluded_regs) {
    const Binding held = bindings[size_t(reg)];
    if (held.word_class == slot.word_class) words.push_back(held.word);
  }
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  return words;
}

std::string_view Grammar::word(const Bindings& bindings, std::string_view register_name) const {
  const auto found = std::find(registers_.begin(), registers_.end(), register_name);
  if (found == registers_.end()) throw Error{ErrorKind::not_found, "no register '" + std::string(register_name) + "'", "grammar"};
  const Binding held = bindings[size_t(found - registers_.begin())];
  if (held.word_class < 0) return {};
  return classes_[size_t(held.word_class)].words[size_t(held.word)][0];
}

class GrammarWriter {
 public:
  GrammarWriter(const Grammar& grammar, Random& random) : grammar_(grammar), random_(random) {}

  Grammar::Sample sample;

  void expand(int rule) {
    const auto& alternatives = grammar_.rules_[size_t(rule)].alternatives;
    double total = 0;
    for (const auto& a : alternatives) total += grammar_.admits(a, sample.bindings) ? a.weight : 0;
    double draw = random_.uniform() * total;
    const Grammar::Alternative* chosen = nullptr;
    for (const auto& a : alternatives) {
      if (!grammar_.admits(a, sample.bindings)) continue;
      chosen = &a;
      draw -= a.weight;
      if (draw < 0) break;
    }
    if (!chosen) throw Error{ErrorKind::bad_file, "no alternative fits", "rule " + grammar_.rules_[size_t(rule)].name};
    sample.log_probability += std::log(chosen->weight / total);
    for (const auto& piece : chosen->pieces) write(piece);
  }

 private:
  void write(const Grammar::Piece& piece) {
    using Kind = Grammar::Piece::Kind;
    switch (piece.kind) {
      case Kind::literal: sample.text += piece.text; break;
      case Kind::assign: sample.bindings[size_t(piece.reg)] = piece.value; break;
      case Kind::slot: write(piece.slot); break;
      case Kind::rule:
      case Kind::rule_by_word: expand(grammar_.rule_of(piece, sample.bindings)); break;
    }
  }

  void write(const Grammar::Slot& slot) {
    Grammar::Binding value;
    if (slot.word_class < 0) {
      value = sample.bindings[size_t(slot.reg)];
    } else {
      value = choose(slot);
      if (slot.reg >= 0) sample.bindings[size_t(slot.reg)] = value;
    }
    sample.text += grammar_.written(slot, value);
  }

  // Uniform over the class, less the excluded words.
  Grammar::Binding choose(const Grammar::Slot& slot) {
    const auto excluded = grammar_.excluded_words(slot, sample.bindings);
    const size_t count = grammar_.classes_[size_t(slot.word_class)].words.size() - excluded.size();
    int16_t word = int16_t(random_.below(count));
    for (int16_t skipped : excluded) word = int16_t(word + (word >= skipped ? 1 : 0));
    sample.log_probability -= std::log(double(count));
    return {int16_t(slot.word_class), word};
  }

  const Grammar& grammar_;
  Random& random_;
};

Grammar::Sample Grammar::generate(Random& random) const {
  GrammarWriter writer(*this, random);
  writer.expand(start_);
  return std::move(writer.sample);
}

}  // namespace orrery
