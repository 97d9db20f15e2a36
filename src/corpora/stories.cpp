#include "corpora/stories.h"

#include <algorithm>

#include "corpora/lexicon.h"

namespace orrery {
namespace {

// The sentence that a position is in, from 1: sentences end with . ! or ? and perhaps a quotation mark, before a space
// and a capital.
int sentence_of(std::string_view text, size_t position) {
  int sentence = 1;
  for (size_t i = 0; i < position && i < text.size(); ++i) {
    if (text[i] != '.' && text[i] != '!' && text[i] != '?') continue;
    size_t next = i + 1;
    if (next < text.size() && text[next] == '"') ++next;
    while (next < text.size() && (text[next] == ' ' || text[next] == '\n')) ++next;
    const bool starts = next > i + 1 && next < text.size() && (text[next] == '"' || (text[next] >= 'A' && text[next] <= 'Z'));
    if (starts && next <= position) ++sentence;
  }
  return sentence;
}

std::string described(const Verdict& verdict) {
  std::string line = "sentence " + std::to_string(verdict.sentence) + ", character " + std::to_string(verdict.position) + ": ";
  line += verdict.found.empty() ? "the text ends" : "found \"" + verdict.found + "\"";
  for (size_t i = 0; i < verdict.expected.size(); ++i) line += (i == 0 ? ", expected " : " or ") + verdict.expected[i];
  return line;
}

Json generate(const Json&, uint64_t seed, uint64_t index) {
  const Grammar::Sample story = generate_story(seed, index);
  const auto held = [&](const char* name) { return std::string(story_grammar().word(story.bindings, name)); };
  return {{"text", story.text},      {"theme", held("t")},  {"hero", held("H")},
          {"helper", held("F")},     {"wish", held("O")},   {"obstacle", held("B")},
          {"tool", held("T")},       {"log_probability", story.log_probability}};
}

}  // namespace

const Grammar& story_grammar() {
  static const Grammar grammar = [] {
    std::string source;
    for (const char* part : {lexicon::kNames, lexicon::kCharacters, lexicon::kWorld, lexicon::kRules, lexicon::kThemesOutdoors,
                             lexicon::kThemesCraft, lexicon::kThemesTown}) {
      source += part;
    }
    return Grammar::parse(source);
  }();
  return grammar;
}

Grammar::Sample generate_story(uint64_t seed, uint64_t index) {
  Random random(seed, index);
  return story_grammar().generate(random);
}

Verdict check_story(std::string_view text) {
  const Grammar::Match match = story_grammar().match(text);
  Verdict verdict;
  verdict.correct = match.matched;
  if (match.matched) {
    verdict.log_probability = match.log_probability;
    return verdict;
  }
  verdict.position = match.position;
  verdict.sentence = sentence_of(text, match.position);
  const size_t end = std::min(text.find_first_of(" \n", match.position), text.size());
  verdict.found = text.substr(match.position, std::min(end - match.position, size_t(60)));
  verdict.expected = match.expected;
  verdict.why_not = described(verdict);
  return verdict;
}

double story_entropy(uint64_t seed, uint64_t count) {
  double total = 0;
  for (uint64_t i = 0; i < count; ++i) total -= generate_story(seed, i).log_probability;
  return count == 0 ? 0 : total / double(count);
}

const Corpus& stories_corpus() {
  static const Corpus corpus = {.name = "stories",
                                .about = "Short English stories from a grammar, with a checker and the exact probability of each.",
                                .options = {},
                                .generate = generate,
                                .check = [](const Json&, std::string_view text) { return check_story(text); }};
  return corpus;
}

}  // namespace orrery
