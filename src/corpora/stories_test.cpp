#include "corpora/stories.h"

#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <map>
#include <set>

using namespace orrery;

namespace {

constexpr uint64_t kStories = 3000;

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (char c : std::string(text) + " ") {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '\'';
    if (letter) word += char(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    else if (!word.empty()) words.push_back(std::move(word)), word.clear();
  }
  return words;
}

bool expects(const Verdict& verdict, const std::string& wanted) {
  return std::any_of(verdict.expected.begin(), verdict.expected.end(),
                     [&](const std::string& e) { return e.find(wanted) != std::string::npos; });
}

// The text with its last occurrence of `from` replaced; `at` is where that stood.
std::string replaced_last(const std::string& text, const std::string& from, const std::string& to, size_t& at) {
  at = text.rfind(from);
  return at == std::string::npos ? text : text.substr(0, at) + to + text.substr(at + from.size());
}

}  // namespace

TEST_CASE("every story is correct, has one derivation, and the probability with which it was written") {
  std::set<std::string> texts;
  for (uint64_t i = 0; i < kStories; ++i) {
    const auto story = generate_story(11, i);
    const auto match = story_grammar().match(story.text);
    INFO(story.text);
    REQUIRE(match.matched);
    CHECK(match.num_derivations == 1);
    CHECK(match.log_probability == doctest::Approx(story.log_probability).epsilon(1e-12));
    CHECK(match.bindings == story.bindings);
    texts.insert(story.text);
  }
  CHECK(texts.size() == kStories);
}

TEST_CASE("stories are 60 to 160 words in two to five paragraphs, of several thousand words") {
  std::map<std::string, int> seen;
  size_t total = 0, shortest = 1000, longest = 0;
  for (uint64_t i = 0; i < kStories; ++i) {
    const auto story = generate_story(12, i);
    const auto words = words_of(story.text);
    for (const auto& word : words) ++seen[word];
    total += words.size();
    shortest = std::min(shortest, words.size());
    longest = std::max(longest, words.size());
    int paragraphs = 1;
    for (size_t at = 0; (at = story.text.find("\n\n", at)) != std::string::npos; at += 2) ++paragraphs;
    CHECK(paragraphs >= 2);
    CHECK(paragraphs <= 5);
  }
  CHECK(shortest >= 60);
  CHECK(longest <= 160);
  CHECK(seen.size() >= 2500);
  CHECK(seen.size() <= 3700);
  MESSAGE(seen.size(), " word forms, ", double(total) / double(kStories), " words a story, entropy ", story_entropy(12, kStories), " nats");
}

TEST_CASE("stories are spelled and punctuated as English is") {
  for (uint64_t i = 0; i < kStories; ++i) {
    const std::string text = generate_story(13, i).text;
    INFO(text);
    CHECK(std::count(text.begin(), text.end(), '"') % 2 == 0);
    for (const char* wrong : {"  ", " .", " ,", "..", ",,", "{", "}", "<", ">", "~", "_", " \n", "\n "}) {
      CHECK(text.find(wrong) == std::string::npos);
    }
    for (size_t at = 0; at + 3 < text.size(); ++at) {
      if (text.compare(at, 3, " a ") == 0) CHECK(std::string("aei").find(text[at + 3]) == std::string::npos);
      const bool ends = text[at] == '.' && (text[at + 1] == ' ' || text[at + 1] == '\n');
      const char next = text[text.find_first_not_of(" \n\"", at + 1)];
      if (ends) CHECK((next >= 'A' && next <= 'Z'));
    }
    CHECK((text.back() == '.' || text.back() == '"'));
  }
}

TEST_CASE("frequencies are those of the grammar") {
  constexpr double kDraws = 20000;
  std::map<std::string, double> themes, pronouns;
  for (uint64_t i = 0; i < uint64_t(kDraws); ++i) {
    const auto bindings = generate_story(14, i).bindings;
    ++themes[std::string(story_grammar().word(bindings, "t"))];
    ++pronouns[std::string(story_grammar().word(bindings, "g"))];
  }
  double chi_squared = 0;
  for (const auto& [theme, count] : themes) chi_squared += std::pow(count - kDraws / 26, 2) / (kDraws / 26);
  CHECK(themes.size() == 26);
  CHECK(chi_squared < 52.6);   // 25 degrees of freedom, 0.1 %
  const std::map<std::string, double> weights = {{"she", 11}, {"he", 11}, {"it", 3}, {"they", 3}};
  for (const auto& [pronoun, weight] : weights) {
    const double p = weight / 28;
    CHECK(std::abs(pronouns[pronoun] / kDraws - p) < 4 * std::sqrt(p * (1 - p) / kDraws));
  }
}

TEST_CASE("another name than the hero's is refused where it stands") {
  for (uint64_t i = 0; i < 300; ++i) {
    const auto story = generate_story(15, i);
    const std::string hero(story_grammar().word(story.bindings, "H"));
    const std::string other = story.text.find("Zoe") == std::string::npos ? "Zoe" : "Ada";
    size_t at = 0;
    const Verdict verdict = check_story(replaced_last(story.text, hero, other, at));
    INFO(story.text, "\n", verdict.why_not);
    CHECK(!verdict.correct);
    CHECK(verdict.position == at);
    CHECK(verdict.found.starts_with(other));
    CHECK(expects(verdict, "\"" + hero));
  }
}

TEST_CASE("a wrong pronoun or verb form is refused where it stands") {
  const std::pair<const char*, const char*> swaps[] = {{" she ", " he "},     {" he ", " she "},   {" they ", " it "},
                                                       {" lived ", " lives "}, {" had ", " has "}, {" was ", " were "},
                                                       {" were ", " was "},    {" loved ", " love "}};
  for (const auto& [right, wrong] : swaps) {
    int tried = 0;
    for (uint64_t i = 0; tried < 40; ++i) {
      const auto story = generate_story(16, i);
      size_t at = 0;
      const std::string text = replaced_last(story.text, right, wrong, at);
      if (at == std::string::npos) continue;
      ++tried;
      const Verdict verdict = check_story(text);
      INFO(text, "\n", verdict.why_not);
      CHECK(!verdict.correct);
      CHECK(verdict.position <= at + 1);
      CHECK(verdict.found != "");
      if (verdict.position == at + 1) CHECK(!verdict.expected.empty());
    }
  }
}

TEST_CASE("the pronoun expected is named") {
  int tried = 0;
  for (uint64_t i = 0; tried < 100; ++i) {
    const auto story = generate_story(17, i);
    size_t at = 0;
    const std::string text = replaced_last(story.text, " he would ", " she would ", at);
    if (at == std::string::npos) continue;
    ++tried;
    const Verdict verdict = check_story(text);
    CHECK(!verdict.correct);
    CHECK(verdict.position == at + 1);
    CHECK(verdict.found == "she");
    CHECK(expects(verdict, "\"he\" (the hero's pronoun"));
  }
}

TEST_CASE("a wrong article is refused as such") {
  int tried = 0;
  for (uint64_t i = 0; tried < 200; ++i) {
    const auto story = generate_story(18, i);
    size_t at = 0;
    const std::string text = replaced_last(story.text, " named ", " named ", at);
    const size_t article = text.rfind(" a ", at);   // the helper's: "a ragged crow named Klaus"
    if (article == std::string::npos || text.find_first_of(".,", article) < at) continue;
    ++tried;
    const Verdict verdict = check_story(text.substr(0, article) + " an " + text.substr(article + 3));
    INFO(text, "\n", verdict.why_not);
    CHECK(!verdict.correct);
    CHECK(verdict.position == article + 1);
    CHECK(expects(verdict, "(the article)"));
  }
}

TEST_CASE("a foreign word is refused where it stands, in its sentence") {
  for (uint64_t i = 0; i < 300; ++i) {
    const std::string story = generate_story(19, i).text;
    const size_t space = story.find(' ', Random(19, i).below(story.size() - 40));
    const Verdict verdict = check_story(story.substr(0, space + 1) + "blorf " + story.substr(space + 1));
    INFO(story, "\n", verdict.why_not);
    CHECK(!verdict.correct);
    CHECK(verdict.position == space + 1);
    CHECK(verdict.found == "blorf");
    CHECK(verdict.sentence >= 1);
  }
}

TEST_CASE("a story with a needed sentence dropped, or cut anywhere, is refused") {
  for (uint64_t i = 0; i < 200; ++i) {
    const std::string story = generate_story(20, i).text;
    CHECK(!check_story(story.substr(story.find(". ") + 2)).correct);
    const size_t finish = story.rfind("\n\n") + 2, dropped = story.find(". ", finish) + 2;
    const Verdict verdict = check_story(story.substr(0, finish) + story.substr(dropped));
    CHECK(!verdict.correct);
    CHECK(verdict.position >= finish);
    const size_t cut = 1 + Random(20, i).below(story.size() - 1);
    const Verdict shortened = check_story(story.substr(0, cut));
    INFO(story.substr(0, cut), "\n", shortened.why_not);
    CHECK(!shortened.correct);
    CHECK(shortened.position + 25 > cut);   // at most one word back
  }
}

TEST_CASE("any bytes are refused in peace") {
  CHECK(!check_story("").correct);
  CHECK(check_story("").why_not.find("sentence 1, character 0: the text ends, expected ") == 0);
  CHECK(!check_story(std::string(100000, 'a')).correct);
  CHECK(!check_story(std::string("\0\xff\xc3\n\n", 5)).correct);
  const std::string story = generate_story(21, 0).text;
  CHECK(check_story(story + story).why_not.find("the end of the text") != std::string::npos);
  CHECK(!check_story(story + "\n").correct);
}
