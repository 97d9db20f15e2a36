// The loop of byte-pair learning: of all neighbouring symbols, the pair that occurs most often becomes a symbol of its own,
// until there are as many as wanted. Gage 1994; Sennrich et al. 2016, in the details as Hugging Face does it:
//
//   of equally frequent pairs the one of lower ids is first       a pair rarer than min_frequency ends the learning
//   a merge drops the prefix of its right half                    a product that exists already keeps its id
//
//   PairMerges learner({.vocab_size = 4096});
//   for (const auto& [word, count] : words) learner.add_word(symbols_of(word), count);
//   learner.learn(progress);                                      // then tokens(), merges()
//
// Ids depend on the order of token() and add_word() alone.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace orrery {

struct MergeRules {
  int64_t vocab_size = 30000;
  int64_t min_frequency = 0;              // of a pair, to be merged
  int64_t max_token_length = INT64_MAX;   // symbols at the start: tokens stay below it (a first merge makes two even so)
  std::string prefix = {};                // of symbols that do not begin a word
};

class PairMerges {
 public:
  explicit PairMerges(MergeRules rules) : rules_(std::move(rules)) {}

  int32_t token(const std::string& text);   // its id, a new one if need be
  void add_word(std::span<const int32_t> symbols, int64_t count);
  void learn(const std::function<void(int64_t done, int64_t wanted)>& progress);

  const std::vector<std::string>& tokens() const { return tokens_; }                                   // by id
  const std::vector<std::pair<std::string, std::string>>& merges() const { return merges_; }           // by rank

 private:
  using Pair = std::pair<int32_t, int32_t>;
  struct PairHash {
    size_t operator()(const Pair& pair) const {
      const uint64_t key = uint64_t(uint32_t(pair.first)) << 32 | uint32_t(pair.second);
      return static_cast<size_t>((key ^ key >> 29) * 0x9E3779B97F4A7C15u);
    }
  };
  struct Symbol {
    int32_t id;
    int32_t length;
  };
  // A word of the corpus as its present symbols, in one array for all words.
  struct Word {
    size_t begin;
    uint32_t size;
    int64_t count;
  };
  // A pair to merge, with its count when it was proposed and the words that may hold it.
  struct Candidate {
    int64_t count;
    Pair pair;
    size_t words;   // index of the list
    bool operator<(const Candidate& o) const { return count != o.count ? count < o.count : pair > o.pair; }
  };

  void change(const Pair& pair, int64_t by, uint32_t word);
  void propose();
  void merge(uint32_t index, const Pair& pair, int32_t product);

  MergeRules rules_;
  std::vector<std::string> tokens_;
  std::unordered_map<std::string, int32_t> ids_;
  std::vector<std::pair<std::string, std::string>> merges_;
  std::vector<Symbol> symbols_;
  std::vector<Word> words_;
  std::unordered_map<Pair, int64_t, PairHash> counts_;
  std::unordered_map<Pair, std::vector<uint32_t>, PairHash> new_places_;
  std::vector<std::vector<uint32_t>> lists_;   // words of the candidates
  std::priority_queue<Candidate> queue_;
};

}  // namespace orrery
