// A probabilistic grammar with memory: it writes texts, recognises them, and knows how likely each is.
//
//   const Grammar grammar = Grammar::parse("noun pet: cat, dog, mouse/mice\n"
//                                          "rule start\n"
//                                          "  *3 I saw {a p=pet}. The {p} ran.\n"
//                                          "  Two {p=pet.s} ran.\n");
//   Random random(seed, index);
//   grammar.generate(random).text;                    // "I saw a dog. The dog ran."
//   grammar.match("I saw a dog. The cat ran.");       // refused at character 17: expected "dog"
//
// The source has one entry a line; indented lines continue it, and lines that begin with # are comments.
//   words NAME: w, w, …      a class of words, chosen uniformly. A word may have spaces.
//   noun NAME: n, n/ns, …    nouns with the field `s` (plural): by rule, or after a slash; the last word inflects.
//   verb NAME: v, v/ed/ing   verbs with the fields `ed` and `ing`; the first word of a phrase inflects.
//   table NAME: f f f        a class of rows, one a line, with these fields; the first names the row.
//   register NAME: text      describes what a register remembers, for the checker's messages.
//   rule NAME                alternatives, one a line: [*WEIGHT] [?REG=WORD | ?REG!=WORD] template
// A template is text with
//   <rule>  <rule@r>         another rule; the rule named rule_WORD for the word that register r holds
//   {r=class.field}          chooses a word, remembers it in register r, writes its field (default: the first)
//   {=class}  {r=class!q!p}  without remembering; any but the words that registers q and p hold
//   {r.field}                writes what r holds
//   {r:class/word}           remembers a word and writes nothing
//   {^…}  {a …}  {^a …}      with a capital; with its indefinite article; both
//   ~                        nothing: marks a place where a space is kept, or an empty alternative
//   \n                       a new line
// Every choice is recorded by its probability, so log P(text) of a derivation is the sum over its choices; where a
// text has one derivation only, that is log P(text). `match` finds all derivations, so it tells when there are two.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/random.h"

namespace orrery {

class Grammar {
 public:
  static constexpr size_t kMaxRegisters = 16;
  // What a register holds: entry `word` of class `word_class`, or nothing (-1).
  struct Binding {
    int16_t word_class = -1, word = -1;
    bool operator==(const Binding&) const = default;
  };
  using Bindings = std::array<Binding, kMaxRegisters>;

  struct Sample {
    std::string text;
    double log_probability = 0;  // nats
    Bindings bindings;
  };
  struct Match {
    bool matched = false;
    double log_probability = 0;   // of the derivation; of the likeliest where there are several
    int num_derivations = 0;
    Bindings bindings;
    // Where not matched: the first byte of the word that does not fit, and what would (up to kMaxExpected, as one text).
    size_t position = 0;
    std::vector<std::string> expected;
  };
  static constexpr size_t kMaxExpected = 12;

  // Throws an Error that names the line. The rule `start` is the whole text.
  static Grammar parse(std::string_view source);

  Sample generate(Random& random) const;
  Match match(std::string_view text) const;

  // The word that a register holds, in its first field; empty when it holds none. Throws for an unknown register.
  std::string_view word(const Bindings& bindings, std::string_view register_name) const;

 private:
  struct WordClass {
    std::string name;
    std::vector<int> field_ids;                    // which fields the entries have, in order
    std::vector<std::vector<std::string>> words;   // [entry][field]
  };
  // A place where a word is written; see the header's table of templates.
  struct Slot {
    int reg = -1, word_class = -1, field = -1;
    std::vector<int> excluded_regs;
    bool article = false, capital = false;
  };
  struct Piece {
    enum class Kind { literal, rule, rule_by_word, slot, assign } kind = Kind::literal;
    std::string text;          // literal; the rule's name or its first part
    int rule = -1;             // rule
    int reg = -1;              // rule_by_word
    Slot slot;                 // slot
    Binding value;             // assign
  };
  struct Alternative {
    double weight = 1;
    int guard_reg = -1;
    bool guard_equal = true;
    std::string guard_word;
    std::vector<Piece> pieces;
  };
  struct Rule {
    std::string name;
    int line = 0;
    std::vector<Alternative> alternatives;
  };

  friend class GrammarParser;
  friend class GrammarWriter;
  friend class GrammarMatcher;

  bool admits(const Alternative& alternative, const Bindings& bindings) const;
  int rule_of(const Piece& piece, const Bindings& bindings) const;
  int field_index(int word_class, int field) const;
  // Which words of a slot's class may not be chosen, in ascending order.
  std::vector<int16_t> excluded_words(const Slot& slot, const Bindings& bindings) const;
  std::string written(const Slot& slot, Binding value) const;
  int find_rule(std::string_view name) const;   // -1 when there is none

  std::vector<WordClass> classes_;
  std::vector<Rule> rules_;
  std::vector<std::string> fields_, registers_, register_help_;
  int start_ = -1;
};

}  // namespace orrery
