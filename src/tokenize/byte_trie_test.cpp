#include "tokenize/byte_trie.h"

#include <doctest/doctest.h>

#include <map>
#include <string>

namespace orrery {

TEST_CASE("a byte trie finds every member that begins a text, the shortest first") {
  const ByteTrie trie({{"a", 1}, {"abc", 2}, {"ab", 3}, {"b", 4}, {"", 5}, {"ab", 6}, {std::string_view("\0x", 2), 7}});
  const auto found = [&](std::string_view text, size_t from) {
    std::vector<std::pair<size_t, int32_t>> all;
    trie.each_prefix(text, from, [&](size_t end, int32_t value) { all.emplace_back(end, value); });
    return all;
  };
  using All = std::vector<std::pair<size_t, int32_t>>;
  CHECK(found("abcd", 0) == All{{1, 1}, {2, 6}, {3, 2}});
  CHECK(found("abcd", 1) == All{{2, 4}});
  CHECK(found("abcd", 2).empty());
  CHECK(found("", 0).empty());
  CHECK(found(std::string_view("\0xy", 3), 0) == All{{2, 7}});
  bool any = false;
  ByteTrie().each_prefix("a", 0, [&](size_t, int32_t) { any = true; });
  CHECK_FALSE(any);
}

TEST_CASE("a byte trie agrees with a map on random strings") {
  uint64_t state = 5;
  const auto next = [&](uint64_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % below;
  };
  const auto random_text = [&](size_t size) {
    std::string text;
    for (size_t i = 0; i < size; i++) text.push_back(static_cast<char>(next(4) == 0 ? next(256) : next(3)));
    return text;
  };
  std::map<std::string, int32_t> members;
  for (int32_t i = 0; i < 3000; i++) members.emplace(random_text(1 + next(6)), i);
  std::vector<std::pair<std::string_view, int32_t>> list(members.begin(), members.end());
  const ByteTrie trie(list);
  for (int i = 0; i < 2000; i++) {
    const std::string text = random_text(8);
    std::vector<std::pair<size_t, int32_t>> expected, found;
    for (size_t size = 1; size <= text.size(); size++)
      if (const auto member = members.find(text.substr(0, size)); member != members.end()) expected.emplace_back(size, member->second);
    trie.each_prefix(text, 0, [&](size_t end, int32_t value) { found.emplace_back(end, value); });
    CHECK(found == expected);
  }
}

}  // namespace orrery
