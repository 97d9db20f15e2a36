#include "corpora/corpus.h"

#include <algorithm>
#include <doctest/doctest.h>
#include <set>

#include "base/file.h"
#include "base/threads.h"

using namespace orrery;

namespace {

std::string error_of(const Corpus& corpus, const Json& options) {
  try {
    (void)resolve_options(corpus, options);
  } catch (const Error& error) {
    return error.what;
  }
  return "";
}

}  // namespace

TEST_CASE("every corpus is described, and its records depend on seed and index alone") {
  for (const Corpus* corpus : corpora()) {
    INFO(corpus->name);
    CHECK(&find_corpus(corpus->name) == corpus);
    CHECK(!corpus->about.empty());
    const Json options = resolve_options(*corpus, Json::object());
    std::vector<std::string> forward, together(200);
    for (uint64_t i = 0; i < 200; ++i) forward.push_back(to_line(corpus->generate(options, 5, i)));
    ThreadPool pool(2);
    pool.parallel(200, [&](int64_t i) { together[size_t(i)] = to_line(corpus->generate(options, 5, uint64_t(i))); });
    CHECK(forward == together);
    CHECK(std::set<std::string>(forward.begin(), forward.end()).size() == 200);
    CHECK(to_line(corpus->generate(options, 6, 0)) != forward[0]);
  }
}

TEST_CASE("every corpus finds its own texts correct and others not") {
  for (const Corpus* corpus : corpora()) {
    if (!corpus->check) continue;
    INFO(corpus->name);
    const Json options = resolve_options(*corpus, Json::object());
    for (uint64_t i = 0; i < 200; ++i) {
      const std::string text = corpus->generate(options, 5, i).at("text");
      const Verdict verdict = corpus->check(options, text);
      CHECK(verdict.correct);
      CHECK(verdict.why_not.empty());
      CHECK(!corpus->check(options, text + " ").correct);
      CHECK(!corpus->check(options, text.substr(0, text.size() - 1)).correct);
      CHECK(!corpus->check(options, "x" + text).why_not.empty());
    }
  }
}

TEST_CASE("options are checked against their description") {
  const Corpus& sort = find_corpus("sort");
  CHECK(resolve_options(sort, {{"max", 99}}) == Json{{"length", 8}, {"max", 99}});
  CHECK(error_of(sort, {{"lenght", 8}}) == "unknown option 'lenght'");
  CHECK(error_of(sort, {{"length", 0}}) == "length is 0, expected a whole number from 1 to 512");
  CHECK(error_of(sort, {{"length", "8"}}) == "length is \"8\", expected a whole number from 1 to 512");
  CHECK(error_of(sort, {{"max", 18446744073709551615ull}}).find("max is 18446744073709551615") == 0);
  CHECK_THROWS_AS((void)find_corpus("sorts"), Error);
}

TEST_CASE("sort writes numbers of the range and the same numbers in order") {
  const Corpus& sort = find_corpus("sort");
  const Json options = resolve_options(sort, {{"length", 10}, {"max", 99}});
  std::set<int> seen;
  for (uint64_t i = 0; i < 500; ++i) {
    const Json record = sort.generate(options, 1, i);
    auto input = record.at("input").get<std::vector<int>>();
    CHECK(input.size() == 10);
    seen.insert(input.begin(), input.end());
    std::sort(input.begin(), input.end());
    CHECK(record.at("target").get<std::vector<int>>() == input);
  }
  CHECK(seen.size() == 100);
  CHECK(*seen.rbegin() == 99);
}

TEST_CASE("the check of a sorted sequence names the first wrong number") {
  const Corpus& sort = find_corpus("sort");
  const Json options = resolve_options(sort, {{"length", 3}});
  CHECK(sort.check(options, "3 1 2 -> 1 2 3").correct);
  const auto refused = [&](const char* text, size_t position, const char* expected) {
    const Verdict verdict = sort.check(options, text);
    CHECK(!verdict.correct);
    CHECK(verdict.position == position);
    CHECK(verdict.expected.at(0) == expected);
  };
  refused("3 1 2 -> 1 3 2", 11, "\"2\"");
  refused("3 1 2 -> 1 2", 12, "\" \"");
  refused("3 1 12 -> 1 3 12", 4, "a number from 0 to 9");
  refused("3 1 02 -> 1 2 3", 4, "a number from 0 to 9");
  refused("3 1 2 -> 1 2 3 4", 14, "the end of the text");
  refused("3 1 99999999999999999999 -> 1 2 3", 4, "a number from 0 to 9");
}

TEST_CASE("a corpus is written as JSON lines or as texts with separators") {
  const auto path = std::filesystem::temp_directory_path() / "orrery_corpus_test.txt";
  const Corpus& sort = find_corpus("sort");
  const Json options = resolve_options(sort, Json::object());
  const std::string first = sort.generate(options, 9, 4).at("text"), second = sort.generate(options, 9, 5).at("text");

  REQUIRE(write_corpus(sort, Json::object(), {.seed = 9, .first = 4, .count = 2, .format = CorpusFormat::text}, path).ok());
  CHECK(read_file(path).value() == first + "\n<|endoftext|>\n" + second + "\n<|endoftext|>\n");

  REQUIRE(write_corpus(sort, Json::object(), {.seed = 9, .first = 4, .count = 1}, path).ok());
  CHECK(parse_json(read_file(path).value(), "test").value().at("text") == first);
  std::filesystem::remove(path);
  CHECK(!write_corpus(sort, Json::object(), {.count = 1}, "/nowhere/at/all").ok());
}
