#include "tokenize/word_ids.h"

#include <doctest/doctest.h>

#include <random>
#include <string>

using namespace orrery;

namespace {

// As many ids as a hash of the word says, up to 20, and each of them told by the word.
void find_ids(std::string_view word, std::vector<TokenSpan>& out) {
  const uint64_t hash = AllWordIds::hash_of(word);
  for (uint64_t i = 0; i <= hash % 20; ++i) out.push_back({static_cast<int32_t>((hash >> 8) + i), 0, 0});
}

}  // namespace

TEST_CASE("words have the same ids the first time and ever after, however many there are") {
  std::mt19937_64 random(3);
  std::vector<std::string> words;
  for (int i = 0; i < 60000; ++i) {
    std::string word(1 + random() % (i % 10 == 0 ? 60 : 15), 'a');
    for (char& c : word) c = static_cast<char>(random());
    words.push_back(std::move(word));
  }
  words.emplace_back(500, 'x');   // longer than any that is kept
  WordIds known;
  size_t asked = 0;
  for (int round = 0; round < 300; ++round) {
    std::string text;
    std::vector<uint32_t> ends;
    std::vector<TokenSpan> expected;
    const size_t count = 1 + random() % 500, often = random() % 3;
    const size_t begin = random() % 3;
    text.assign(begin, '.');
    for (size_t i = 0; i < count; ++i) {
      const std::string& word = words[often == 0 ? random() % 50 : random() % words.size()];
      find_ids(word, expected);
      text += word;
      ends.push_back(static_cast<uint32_t>(text.size()));
    }
    std::vector<int32_t> ids = {-1};
    known.tokenize(text, begin, ends, ids, [&](std::string_view word, std::vector<TokenSpan>& out) { ++asked, find_ids(word, out); });
    REQUIRE(ids.size() == expected.size() + 1);
    for (size_t i = 0; i < expected.size(); ++i) REQUIRE(ids[i + 1] == expected[i].id);
  }
  CHECK(asked < 62000);   // each word once, and the longest each time
}

TEST_CASE("a full memory is emptied and goes on") {
  AllWordIds all;
  const std::string padding(50, 'p');
  std::vector<int32_t> ids(4000);
  for (int i = 0; i < 3000; ++i) {   // each of 16 kB of ids
    const std::string word = std::to_string(i) + padding;
    ids[0] = i;
    all.add(word, AllWordIds::hash_of(word), ids);
    const auto found = all.find(word, AllWordIds::hash_of(word));
    REQUIRE(found.size() == ids.size());
    CHECK(found[0] == i);
  }
  const std::string first = "0" + padding;
  CHECK(all.find(first, AllWordIds::hash_of(first)).empty());
}
