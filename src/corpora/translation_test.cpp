#include "corpora/translation.h"

#include <algorithm>
#include <doctest/doctest.h>
#include <map>
#include <set>
#include <sstream>

#include "base/file.h"
#include "base/json.h"
#include "corpora/corpus.h"
#include "corpora/translation_words.h"

using namespace orrery;

namespace {

using Ids = std::vector<int32_t>;

Ids ids_of(const std::string& text) {
  Ids ids;
  std::istringstream words(text);
  for (std::string word; words >> word;) ids.push_back(translation::id_of(word));
  return ids;
}

std::string spelled(const Ids& ids) {
  std::string text;
  for (const int32_t id : ids) text += (text.empty() ? "" : " ") + std::string(translation_word(id));
  return text;
}

const Corpus& corpus() { return find_corpus("translation"); }
Json options(int64_t words = 14) { return resolve_options(corpus(), {{"words", words}}); }

}  // namespace

TEST_CASE("each id has one word and each word one id") {
  std::set<std::string_view> words;
  for (int32_t id = 0; id < kTranslationVocab; ++id) {
    CHECK(translation::id_of(translation_word(id)) == id);
    words.insert(translation_word(id));
  }
  CHECK(words.size() == 128);
  CHECK(translation_word(2) == "the");
  CHECK(translation_word(55) == "but");
  CHECK(translation_word(56) == "la");
  CHECK(translation_word(127) == "ma");
  CHECK(translation_word(-1).empty());
  CHECK(translation_word(128).empty());
  CHECK(translation::id_of("an") == -1);
}

TEST_CASE("the tokenizer of the recipes has these words") {
  const Json file = parse_json(read_file("examples/recipes/translation-words/tokenizer.json").value(), "tokenizer").value();
  const Json& vocab = file["model"]["vocab"];
  CHECK(vocab.size() == size_t(kTranslationVocab));
  for (int32_t id = 0; id < kTranslationVocab; ++id) CHECK(vocab[std::string(translation_word(id))] == id);
}

TEST_CASE("words are reordered and agree as the rules say") {
  const auto translates = [](const char* source, const char* target, const Ids& alignment) {
    INFO(source);
    const auto translation = translate(ids_of(source));
    REQUIRE(translation.ok());
    CHECK(spelled(translation->target) == target);
    CHECK(translation->alignment == alignment);
  };
  translates("the fox sleeps", "la vola dormar", {0, 1, 2});
  translates("the dog sleeps", "lo kano dormor", {0, 1, 2});
  translates("a small white dog often sees this queen", "sovek uno kano albi teni esta rega vidor", {4, 0, 3, 2, 1, 6, 7, 5});
  translates("every bird waits near the big tree", "omna pila lo arbo grani ped sperar", {0, 1, 4, 6, 5, 3, 2});
  translates("every brave fox often follows a small white horse near the river",
             "sovek omna vola forti la fluma ped uno kavo albi teni sekar", {3, 0, 2, 1, 10, 11, 9, 5, 8, 7, 6, 4});
  // The verb at the end agrees with the subject at the beginning, that of the that-clause with the noun before it.
  translates("the young king that never hears a cat gladly paints the star and the girl dances",
             "gajek lo redo juni kio nulek una mula audor la stela koltor ek la neva balar",
             {8, 0, 2, 1, 3, 4, 6, 7, 5, 10, 11, 9, 12, 13, 14, 15});
  translates("a boat finds the stone that falls under the house that sings",
             "una nava la doma kia kantar sut lo petro kio kador trovar", {0, 1, 8, 9, 10, 11, 7, 3, 4, 5, 6, 2});
}

TEST_CASE("without agreement each word has one form, and the order stays") {
  const Json plain = resolve_options(corpus(), {{"agreement", 0}});
  std::map<int32_t, int32_t> rendered;
  for (uint64_t i = 0; i < 300; ++i) {
    const Json record = corpus().generate(plain, 5, i), agreeing = corpus().generate(options(), 5, i);
    CHECK(record["input"] == agreeing["input"]);
    CHECK(record["alignment"] == agreeing["alignment"]);
    CHECK(corpus().check(plain, record["text"].get<std::string>()).correct);
    for (size_t at = 0; at < record["target"].size(); ++at) {
      const int32_t from = record["input"][record["alignment"][at].get<size_t>()], to = record["target"][at];
      CHECK(rendered.emplace(from, to).first->second == to);
    }
  }
  CHECK(rendered.size() == 54);
  CHECK(corpus().check(plain, "the fox sees a dog -> lo vola uno kano vidor").correct);
  CHECK(corpus().check(options(), "the fox sees a dog -> lo vola uno kano vidor").position == 22);
}

TEST_CASE("what is no sentence is refused with its place") {
  const auto refused = [](const char* source, size_t position, const char* expected) {
    INFO(source);
    const auto misfit = find_misfit(ids_of(source));
    REQUIRE(misfit);
    CHECK(misfit->position == position);
    CHECK(misfit->expected == expected);
    const auto translation = translate(ids_of(source));
    CHECK(!translation.ok());
    CHECK(translation.error().what == "expected " + std::string(expected));
  };
  CHECK(!find_misfit(ids_of("the fox sees a bird")));
  refused("", 0, "a determiner");
  refused("fox sleeps", 0, "a determiner");
  refused("the", 1, "an adjective or a noun");
  refused("the big red white fox sleeps", 3, "a noun");
  refused("the fox", 2, "an adverb or a verb");
  refused("the fox often", 3, "a verb");
  refused("the fox often never sleeps", 3, "a verb");
  refused("the fox sees", 3, "a determiner");
  refused("the fox sleeps a bird", 3, "the end of the sentence");
  refused("the fox sleeps near", 4, "a determiner");
  refused("the fox that sees a bird that sings sleeps", 6, "an adverb or a verb");
  refused("the fox that sleeps near a tree sings", 4, "an adverb or a verb");
  refused("the fox sleeps and", 4, "a determiner");
  refused("the fox sleeps and the dog waits but the cat sings", 7, "the end of the sentence");
  refused("the vola sleeps", 1, "an adjective or a noun");
  refused("the horst sleeps", 1, "an adjective or a noun");
  CHECK(find_misfit(Ids{2, 14, -1})->position == 2);
  CHECK(find_misfit(Ids{2, 14, 46, 0})->position == 3);
}

TEST_CASE("records hold a sentence, its translation and a permutation") {
  for (const int64_t longest : {4, 9, 14, 24}) {
    std::map<size_t, int> lengths;
    for (uint64_t i = 0; i < 600; ++i) {
      const Json record = corpus().generate(options(longest), 3, i);
      const auto input = record.at("input").get<Ids>(), target = record.at("target").get<Ids>();
      auto alignment = record.at("alignment").get<Ids>();
      const auto right = translate(input);
      REQUIRE(right.ok());
      CHECK(right->target == target);
      CHECK(right->alignment == alignment);
      CHECK(record.at("source") == spelled(input));
      CHECK(record.at("translation") == spelled(target));
      ++lengths[input.size()];
      std::sort(alignment.begin(), alignment.end());
      for (size_t at = 0; at < alignment.size(); ++at) CHECK(alignment[at] == int32_t(at));
      CHECK(target.size() == input.size());
      CHECK(alignment.size() == input.size());
    }
    CHECK(lengths.begin()->first == 4);
    CHECK(lengths.rbegin()->first == size_t(longest));
    CHECK(lengths.size() == size_t(longest - 3));
  }
}

TEST_CASE("every word of both languages is used") {
  std::set<int32_t> inputs, targets;
  for (uint64_t i = 0; i < 2000; ++i) {
    const Json record = corpus().generate(options(), 1, i);
    for (const int32_t id : record.at("input").get<Ids>()) inputs.insert(id);
    for (const int32_t id : record.at("target").get<Ids>()) targets.insert(id);
  }
  CHECK(inputs.size() == 54);
  CHECK(*inputs.begin() == 2);
  CHECK(*inputs.rbegin() == 55);
  CHECK(targets.size() == 72);
  CHECK(*targets.begin() == 56);
  CHECK(*targets.rbegin() == 127);
}

TEST_CASE("the check names the first word that is wrong") {
  CHECK(corpus().check(options(), "the old fox").position == 4);
  const auto refused = [](const char* text, size_t position, const char* why_not) {
    INFO(text);
    const Verdict verdict = corpus().check(options(8), text);
    CHECK(!verdict.correct);
    CHECK(verdict.position == position);
    CHECK(verdict.why_not == why_not);
  };
  CHECK(corpus().check(options(8), "the fox sees a dog -> la vola uno kano vidar").correct);
  refused("the fox sees a dog -> la vola uno kano vidor", 39, "word 5 of the translation: found \"vidor\", expected \"vidar\"");
  refused("the fox sees a dog -> la vola uno kano", 38, "word 5 of the translation: the text ends, expected \"vidar\"");
  refused("the fox sees a dog -> la vola uno kano vidar <end>", 45, "word 6 of the translation: found \"<end>\", expected the end of the text");
  refused("the fox sees a dog", 18, "word 6 of the source: the text ends, expected \"->\" and the translation");
  refused("the fox sees a -> la", 15, "word 5 of the source: found \"->\", expected an adjective or a noun");
  refused("the  fox sees a dog", 4, "word 2 of the source: found \"\", expected an adjective or a noun");
  refused("", 0, "word 1 of the source: found \"\", expected a determiner");
  refused("the fox sleeps -> la vola dormar", 15, "word 4 of the source: found \"->\", expected at least 4 words");
  refused("the small white fox sees a small white dog -> x", 39, "word 9 of the source: found \"dog\", expected at most 8 words");
}

TEST_CASE("a record is checked by its ids, or by its text where it has none") {
  const auto text = [](const Json& record) { return text_of(corpus(), record); };
  const Json record = corpus().generate(options(), 7, 0);
  CHECK(text(record).value() == record.at("text"));
  CHECK(text({{"text", "the fox"}}).value() == "the fox");
  CHECK(text({{"input", record["input"]}, {"target", record["target"]}}).value() == record.at("text"));
  CHECK(text({{"text", "other"}, {"input", {2, 14}}, {"target", {200, -1, 1, 1.5, 18446744073709551615ull}}}).value() ==
        "the fox -> #200 #-1 <end> #1.5 #18446744073709551615");
  CHECK(text({{"input", Json::array()}, {"target", Json::array()}}).value() == "->");
  for (const Json& poor : {Json{{"input", {2}}}, Json{{"input", {2}}, {"target", 3}}, Json(3), Json::object(), Json{{"text", 3}}})
    CHECK(!text(poor).ok());
  CHECK(!text_of(find_corpus("sort"), Json{{"input", {2}}}).ok());
  CHECK(text_of(find_corpus("sort"), Json{{"text", "1 2"}}).value() == "1 2");
}
