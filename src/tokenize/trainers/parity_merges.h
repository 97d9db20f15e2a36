// Byte-pair learning that is fair to several languages: each merge is the pair that occurs most in the language whose text is longest
// so far, and is made in all of them. Foroutan et al. 2025, "Parity-Aware Byte-Pair Encoding"; in the details as Hugging Face's
// ParityBpeTrainer:
//
//   how long a text is: its tokens, in the held-out texts where there are some; with ratios, how little it has shrunk by its ratio
//   of equally frequent pairs the one whose texts are last in order is first
//   `window`: a language that had more than alpha / languages of the last window_size merges waits
//   the first global_merges are those of all texts together
//   a language without a pair as frequent as min_frequency is done
//
//   ParityMerges learner({.vocab_size = 4096}, languages);
//   learner.add_word(language, symbols, count);  learner.add_held_out_word(language, symbols, count);
//   learner.learn(progress);                      // then tokens(), merges()
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <queue>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace orrery {

struct ParityRules {
  int64_t vocab_size = INT64_MAX, num_merges = INT64_MAX;   // whichever is reached first
  int64_t min_frequency = 0;
  int64_t max_token_length = INT64_MAX;                     // symbols at the start: tokens stay below it
  int64_t global_merges = 0;
  std::vector<double> ratio = {};                           // how much each language is to shrink beside the others; empty: as much
  bool window = false;
  int64_t window_size = 100;
  double alpha = 2;
};

class ParityMerges {
 public:
  ParityMerges(ParityRules rules, size_t languages);

  int32_t token(const std::string& text);   // its id, a new one if need be
  void add_word(size_t language, std::span<const int32_t> symbols, int64_t count);
  void add_held_out_word(size_t language, std::span<const int32_t> symbols, int64_t count);
  void learn(const std::function<void(int64_t done, int64_t wanted)>& progress);

  const std::vector<std::string>& tokens() const { return tokens_; }                           // by id
  const std::vector<std::pair<std::string, std::string>>& merges() const { return merges_; }   // by rank

 private:
  using Pair = uint64_t;   // two ids
  static Pair pair_of(int32_t left, int32_t right) { return uint64_t(uint32_t(left)) << 32 | uint32_t(right); }
  static int32_t left_of(Pair pair) { return static_cast<int32_t>(pair >> 32); }
  static int32_t right_of(Pair pair) { return static_cast<int32_t>(pair & UINT32_MAX); }

  using Counts = std::unordered_map<Pair, int64_t>;

  // The words of one language as their present symbols.
  struct Corpus {
    struct Word {
      size_t begin;
      uint32_t size;
      int64_t count;
    };
    std::vector<int32_t> symbols;
    std::vector<Word> words;
    Counts counts;
    std::unordered_map<Pair, std::vector<uint32_t>> places;   // words that hold a pair, or did
    int64_t length = 0;                                       // tokens of all words

    void add(std::span<const int32_t> word, int64_t count);
    void change(Pair pair, int64_t by, uint32_t word);
  };

  // The pairs of a corpus, or of all: the largest count first. Counts may be old; see `best`.
  struct Proposal {
    int64_t count;
    Pair pair;
  };
  struct Order {
    const std::vector<std::string>* tokens;
    bool operator()(const Proposal& a, const Proposal& b) const;
  };
  using Queue = std::priority_queue<Proposal, std::vector<Proposal>, Order>;

  static std::optional<Proposal> best(Queue& queue, const Counts& counts);
  std::vector<Pair> merge(Corpus& corpus, Pair pair, int32_t product, int64_t longest) const;
  void propose(Queue& queue, const Counts& counts, std::span<const Pair> pairs) const;
  size_t choose(const std::vector<bool>& done);
  double need(size_t language) const;

  ParityRules rules_;
  std::vector<std::string> tokens_;
  std::vector<int32_t> lengths_;   // of the tokens, in symbols at the start
  std::unordered_map<std::string, int32_t> ids_;
  std::vector<std::pair<std::string, std::string>> merges_;
  std::vector<Corpus> corpora_, held_out_;
  std::vector<double> begun_;      // their lengths before the first merge
  std::deque<size_t> chosen_;      // the languages of the last merges
};

}  // namespace orrery
