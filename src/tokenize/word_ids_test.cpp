#include "tokenize/word_ids.h"

#include <doctest/doctest.h>

#include <array>
#include <random>
#include <string>

#include "tokenize/test_words.h"

using namespace orrery;

namespace {

// As many ids as a hash of the word says, up to 20, of 10, 20 or 30 bits, and each of them told by the word.
void find_ids(std::string_view word, bool fresh, std::vector<TokenSpan>& out) {
  const uint64_t hash = std::hash<std::string_view>()(word) ^ (fresh ? 0x123456789ABCDEFu : 0);
  const auto first = static_cast<int32_t>((hash >> 8 & 0x3FFFFFFF) >> hash % 3 * 10);
  for (int32_t i = 0; i <= static_cast<int32_t>(hash % 20); ++i) out.push_back({first + i, 0, 0});
}

// Those of this processor, and none.
const std::array<const WordLookups*, 2> kLookups = {TextScans::best().lookups, nullptr};

}  // namespace

TEST_CASE("words have the same ids the first time and ever after, however many there are") {
  std::mt19937_64 random(3);
  std::vector<std::string> words = random_words(random, 60000);
  words.emplace_back(1500, 'x');   // longer than any that is kept
  for (const WordLookups* const lookups : kLookups) {
    WordIds known(21, size_t(1) << 24, lookups);
    size_t asked = 0;
    for (int round = 0; round < 300; ++round) {
      std::string text(random() % 3, '.');
      std::vector<uint32_t> bounds = {static_cast<uint32_t>(text.size())};
      std::vector<WordPart> parts;
      std::vector<TokenSpan> expected;
      const size_t count = 1 + random() % 500, often = random() % 3;
      const bool apart = random() % 2 == 0;
      for (size_t i = 0; i < count; ++i) {
        const std::string& word = words[often == 0 ? random() % 50 : random() % words.size()];
        const bool fresh = apart && random() % 8 == 0;
        if (apart) text.append(random() % 3, ' ');
        const auto begin = static_cast<uint32_t>(text.size());
        text += word;
        bounds.push_back(static_cast<uint32_t>(text.size()));
        parts.push_back({begin, bounds.back(), fresh});
        find_ids(word, fresh, expected);
      }
      IdBuffer buffer;
      buffer.push_back(-1);
      const auto find = [&](const WordPart& part, std::vector<TokenSpan>& out) { ++asked, find_ids(std::string_view(text).substr(part.begin, part.end - part.begin), part.fresh, out); };
      if (apart) known.tokenize(WordsApart{text, parts}, buffer, find);
      else known.tokenize(WordsInRow{text, bounds}, buffer, find);
      const std::span<const int32_t> ids = buffer.ids();
      REQUIRE(ids.size() == expected.size() + 1);
      for (size_t i = 0; i < expected.size(); ++i) REQUIRE(ids[i + 1] == expected[i].id);
    }
    CHECK(asked < 75000);   // each word once, or twice where it was fresh too, and the longest each time
  }
}

TEST_CASE("a full memory is emptied and goes on") {
  std::mt19937_64 random(5);
  for (const WordLookups* const lookups : kLookups) {
    for (const size_t records : {size_t(64), size_t(1) << 20}) {
      WordIds known(13, records, lookups);
      std::string text;
      std::vector<uint32_t> bounds = {0};
      std::vector<TokenSpan> expected;
      for (int i = 0; i < 50000; ++i) {
        const std::string word = std::to_string(random() % 20000) + std::string(random() % 40, 'p');
        find_ids(word, false, expected);
        text += word;
        bounds.push_back(static_cast<uint32_t>(text.size()));
      }
      IdBuffer ids;
      known.tokenize(WordsInRow{text, bounds}, ids, [&](const WordPart& part, std::vector<TokenSpan>& out) { find_ids(std::string_view(text).substr(part.begin, part.end - part.begin), false, out); });
      REQUIRE(ids.ids().size() == expected.size());
      size_t wrong = 0;
      for (size_t i = 0; i < expected.size(); ++i) wrong += ids.ids()[i] != expected[i].id;
      CHECK(wrong == 0);
    }
  }
}
