// Words of all lengths against the definition: the merge of the lowest rank, the leftmost of equals, one at a time.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "tokenize/tokenizer.h"

using namespace orrery;

namespace {

using Merges = std::vector<std::pair<std::string, std::string>>;

std::vector<std::string> merged(const std::string& word, const Merges& merges) {
  std::vector<std::string> tokens;
  for (const char c : word) tokens.emplace_back(1, c);
  for (;;) {
    size_t lowest = merges.size(), at = 0;
    for (size_t i = 0; i + 1 < tokens.size(); ++i) {
      const auto found = static_cast<size_t>(std::find(merges.begin(), merges.end(), std::pair(tokens[i], tokens[i + 1])) - merges.begin());
      if (found < lowest) lowest = found, at = i;
    }
    if (lowest == merges.size()) return tokens;
    tokens[at] += tokens[at + 1];
    tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
}

}  // namespace

TEST_CASE("words of all lengths merge by the lowest rank, in whatever order merges stand") {
  std::mt19937_64 random(4);
  for (int round = 0; round < 24; ++round) {
    std::vector<std::string> tokens = {"a", "b", "c"};
    Merges merges;
    while (merges.size() < 25) {
      const std::string left = tokens[random() % tokens.size()], right = tokens[random() % tokens.size()], joined = left + right;
      if (std::find(tokens.begin(), tokens.end(), joined) != tokens.end()) continue;
      tokens.push_back(joined);
      merges.emplace_back(left, right);
    }
    if (round % 2 == 1) std::shuffle(merges.begin(), merges.end(), random);
    Json vocab = Json::object(), list = Json::array();
    for (size_t i = 0; i < tokens.size(); ++i) vocab[tokens[i]] = i;
    for (const auto& [left, right] : merges) list.push_back(Json::array({left, right}));
    const Tokenizer tokenizer = Tokenizer::from_json({{"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", list}}}}).value();
    for (const size_t length : {1 + random() % 40, 1 + random() % 500, 513 + random() % 300}) {
      std::string word;
      const size_t letters = 1 + random() % 3;
      while (word.size() < length) word += static_cast<char>('a' + random() % letters);
      std::vector<int32_t> expected;
      for (const std::string& token : merged(word, merges)) expected.push_back(vocab[token].get<int32_t>());
      CAPTURE(word);
      REQUIRE(tokenizer.encode_ids(word) == expected);
    }
  }
}
