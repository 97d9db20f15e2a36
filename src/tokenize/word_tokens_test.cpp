#include "tokenize/word_tokens.h"

#include <doctest/doctest.h>

#include <random>
#include <string>

#include "tokenize/test_words.h"

using namespace orrery;

namespace {

// Tokens told by a hash of the word, up to 20.
void find_tokens(std::string_view word, bool fresh, FoundWord& out) {
  const uint64_t hash = AllWordTokens::hash_of(word, fresh);
  out = {};
  for (uint64_t i = 0; i < hash % 21; ++i) {
    out.ids.push_back(static_cast<int32_t>((hash >> 8) % 1000000 + i));
    out.places.push_back({static_cast<uint8_t>(hash >> i), static_cast<uint8_t>(hash >> (i + 1))});
  }
  out.starts = hash & ((uint64_t(1) << hash % 21) - 1);
  out.words = static_cast<uint32_t>(hash >> 32 & 0xFF);
}

// What is told of a text's parts.
struct ExpectedWords {
  std::string_view text;
  std::span<const WordPart> parts;
  size_t next = 0, asked = 0;
  FoundWord found = {}, expected = {};

  std::string_view word_of(const WordPart& part) const { return text.substr(part.begin, part.end - part.begin); }
  const FoundWord* find(const WordPart& part) {
    ++asked;
    find_tokens(word_of(part), part.fresh, found);
    return &found;
  }
  void emit(const WordPart& part, const KnownWord& word) {
    REQUIRE(part.begin == parts[next++].begin);
    find_tokens(word_of(part), part.fresh, expected);
    REQUIRE(word.count == expected.ids.size());
    CHECK(word.words == expected.words);
    CHECK(word.starts == expected.starts);
    for (size_t i = 0; i < word.count; ++i)
      REQUIRE((word.ids[i] == expected.ids[i] && word.places[i].begin == expected.places[i].begin && word.places[i].end == expected.places[i].end));
  }
};

}  // namespace

TEST_CASE("words have the same tokens and places the first time and ever after, fresh ones their own") {
  std::mt19937_64 random(3);
  std::vector<std::string> words = random_words(random, 30000);
  for (const size_t size : {200, 1500, 70000}) words.emplace_back(size, 'x');   // longer than any that is kept
  WordTokens known;
  size_t asked = 0;
  for (int round = 0; round < 300; ++round) {
    std::string text;
    std::vector<WordPart> parts;
    const size_t count = 1 + random() % 500, often = random() % 3;
    for (size_t i = 0; i < count; ++i) {
      text.append(random() % 3, '.');
      const std::string& word = words[often == 0 ? random() % 50 : random() % words.size()];
      parts.push_back({static_cast<uint32_t>(text.size()), static_cast<uint32_t>(text.size() + word.size()), random() % 2 == 0});
      text += word;
    }
    ExpectedWords to{text, parts};
    known.look_up(text, parts, to);
    REQUIRE(to.next == parts.size());
    asked += to.asked;
  }
  CHECK(asked < 62000);   // each word once, and the longest each time
}
