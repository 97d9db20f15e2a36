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
  // Two neighbouring tokens in one number, which orders pairs as their ids do.
  using Pair = uint64_t;
  static constexpr Pair kNoPair = UINT64_MAX;
  static Pair pair_of(int32_t left, int32_t right) { return uint64_t(uint32_t(left)) << 32 | uint32_t(right); }

  // A word of the corpus as its present symbols, in one array for all words.
  struct Word {
    size_t begin;
    uint32_t size;
    int64_t count;
  };
  // How often each pair stands in the corpus: an open hash table. Since the last proposal, the pair got the place `list`.
  struct Count {
    Pair pair = kNoPair;
    int64_t count = 0;
    uint32_t list = 0, last_word = 0;   // one more than the list's number, 0: none; its last word
  };
  struct NewPair {
    Pair pair;
    uint32_t words;
  };
  struct Place {
    uint32_t list, word;
  };
  // A pair to merge, with its count when it was proposed and the words that may hold it: places_[begin …], or `begin` itself.
  struct Candidate {
    int64_t count;
    Pair pair;
    size_t begin;
    uint32_t words;
    bool operator<(const Candidate& o) const { return count != o.count ? count < o.count : pair > o.pair; }
  };

  Count& count_of(Pair pair);
  void change(Pair pair, int64_t by, uint32_t word);
  void propose();
  void merge(uint32_t index, int32_t left, int32_t right, int32_t product);

  MergeRules rules_;
  std::vector<std::string> tokens_;
  std::vector<int32_t> lengths_;   // of the tokens, in symbols at the start
  std::unordered_map<std::string, int32_t> ids_;
  std::vector<std::pair<std::string, std::string>> merges_;
  std::vector<int32_t> symbols_;
  std::vector<Word> words_;
  std::vector<Count> counts_;        // a power of two
  size_t pairs_ = 0;
  std::vector<NewPair> new_pairs_;   // since the last proposal,
  std::vector<Place> new_places_;    // and where they stand
  std::vector<uint32_t> places_;
  std::priority_queue<Candidate> queue_;
};

}  // namespace orrery
