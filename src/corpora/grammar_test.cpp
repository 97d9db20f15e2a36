#include "corpora/grammar.h"

#include <cmath>
#include <doctest/doctest.h>
#include <map>

using namespace orrery;

namespace {

constexpr const char* kPets =
    "table sex: key he\n"
    "  she she\n"
    "  he he\n"
    "noun pet: cat, owl, mouse/mice\n"
    "words girl: Ann, Eve\n"
    "words boy: Tom, Max\n"
    "register N: the owner's name\n"
    "rule start\n"
    "  *3 <owner> has {a p=pet}. {^s.he} likes the {p}.<more>\n"
    "  Two {p=pet.s} met {a =pet!p}.\n"
    "rule owner\n"
    "  {s:sex/she}{N=girl}\n"
    "  {s:sex/he}{N=boy}\n"
    "rule more\n"
    "  ~\n"
    "  ?s=she ~ {N} sings.\n"
    "  ?s!=she ~ {N} hums.\n";

std::string error_of(const char* source) {
  try {
    (void)Grammar::parse(source);
  } catch (const Error& error) {
    return error.message();
  }
  return "";
}

}  // namespace

TEST_CASE("the probabilities of all texts sum to one, and are the frequencies with which they are written") {
  const Grammar grammar = Grammar::parse(kPets);
  std::map<std::string, int> counts;
  std::map<std::string, double> probabilities;
  constexpr int kDraws = 20000;
  for (uint64_t i = 0; i < kDraws; ++i) {
    Random random(3, i);
    const auto sample = grammar.generate(random);
    ++counts[sample.text];
    probabilities[sample.text] = std::exp(sample.log_probability);
  }
  CHECK(counts.size() == 24 + 6);   // 4 names x 3 pets x with or without more; 3 x 2 ordered pairs
  double sum = 0, chi_squared = 0;
  for (const auto& [text, p] : probabilities) {
    sum += p;
    chi_squared += std::pow(counts[text] - kDraws * p, 2) / (kDraws * p);
    const auto match = grammar.match(text);
    REQUIRE(match.matched);
    CHECK(match.num_derivations == 1);
    CHECK(std::exp(match.log_probability) == doctest::Approx(p));
  }
  CHECK(sum == doctest::Approx(1));
  CHECK(chi_squared < 58.3);   // 29 degrees of freedom, 0.1 %
}

TEST_CASE("a text that breaks the grammar is refused at the word that does") {
  const Grammar grammar = Grammar::parse(kPets);
  const auto refused = [&](const std::string& text, size_t position, const std::string& expected) {
    const auto match = grammar.match(text);
    INFO(text);
    REQUIRE(!match.matched);
    CHECK(match.position == position);
    bool found = false;
    for (const auto& e : match.expected) found = found || e == expected;
    CHECK(found);
  };
  refused("Ann has an cat. She likes the cat.", 8, "\"a cat\" (the article)");
  refused("Ann has a cat. He likes the cat.", 15, "\"She\"");
  refused("Ann has a cat. She likes the owl.", 29, "\"cat\"");
  refused("Ann has a cat. She like the cat.", 19, "\"likes\"");
  refused("Ann has a cat. She likes the cat. Eve sings.", 34, "\"Ann\" (the owner's name)");
  refused("Ann has a cat. She likes the cat. Ann hums.", 38, "\"sings.\"");
  refused("Two mouses met a cat.", 4, "a word of the kind 'pet'");
  refused("Two cats met a cat.", 15, "a word of the kind 'pet'");
  refused("Ann has a cat.", 14, "a space");
  refused("Two cats met an owl. ", 20, "the end of the text");
  refused("", 0, "a word of the kind 'girl'");
}

TEST_CASE("a text with two derivations is known as such") {
  const Grammar grammar = Grammar::parse("words a: x, x y\nwords b: z, y z\nrule start\n  {=a} {=b}.\n");
  CHECK(grammar.match("x z.").num_derivations == 1);
  CHECK(grammar.match("x y z.").num_derivations == 2);
}

TEST_CASE("a broken grammar is refused with its line") {
  CHECK(error_of("rule start\n  {=pet}\n") == "no class 'pet' (grammar, line 2)");
  CHECK(error_of("rule start\n  <next>\n") == "no rule 'next' (grammar, line 2)");
  CHECK(error_of("rule start\n  <next\n") == "a bracket is not closed (grammar, line 2)");
  CHECK(error_of("rule start\n  *0 a\n") == "a weight is a whole number above 0 (grammar, line 2)");
  CHECK(error_of("rule other\n  a\n") == "there is no rule 'start' (grammar, line 2)");
  CHECK(error_of("rule start\n  a\nrule start\n  b\n") == "rule 'start' is there twice (grammar, line 3)");
  CHECK(error_of("words a: b\nwords a: c\n") == "class 'a' is there twice (grammar, line 2)");
  CHECK(error_of("table t: a b\n  c\n") == "a row of 't' has 2 fields (grammar, line 2)");
  CHECK(error_of("noun n: cat\nrule start\n  {x=n.ed}\n").find("class 'n' has no field 'ed'") == 0);
  CHECK(error_of("adverb x: y\n") == "unknown kind 'adverb' (grammar, line 1)");
  CHECK(error_of("  lost\n") == "indented line without a header (grammar, line 1)");
}
