// Learns a vocabulary from text, and gives a whole tokenizer.
//
//   VocabTrainer trainer({.algorithm = "byte-bpe", .vocab_size = 4096});
//   for (const std::string& story : stories) trainer.add(story);
//   Tokenizer tokenizer = trainer.train(pool).tokenizer();
//
// Texts are normalised and cut into words by the steps of the tokenizer to be; only the different words are kept. The same
// texts give the same vocabulary, in any order and with any number of threads; what Hugging Face's trainers give where theirs
// is repeatable (byte-level BPE, BPE without prefix and suffix, parity BPE, WordLevel).
//
// An algorithm is one file, trainers/NAME.cpp, and one line in trainers.inc.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/threads.h"
#include "tokenize/step.h"
#include "tokenize/tokenizer.h"
#include "tokenize/trainers/word_counts.h"

namespace orrery {

struct VocabOptions {
  std::string algorithm = {};
  int64_t vocab_size = 30000;                                      // special tokens and alphabet included
  int64_t min_frequency = 0;                                       // of a pair to be merged, of a word to be kept
  std::optional<std::vector<std::string>> special_tokens = {};     // the first ids, in this order; the algorithm's usual ones
  std::optional<std::string> unk_token = {};                       // "" is none; the algorithm's usual one
  bool add_special = true;                                         // encoding adds the algorithm's usual special tokens
  std::optional<int64_t> limit_alphabet = {};                      // at most so many characters, the most frequent ones
  std::string initial_alphabet = {};                               // characters that are in it, seen or not
  std::string continuing_subword_prefix = {}, end_of_word_suffix = {};
  std::optional<int64_t> max_token_length = {};
  bool byte_fallback = false;                                      // 256 tokens <0x00> … for characters that are no tokens
  double shrinking_factor = 0.75;                                  // Unigram: what a pruning keeps,
  int64_t sub_iterations = 2, seed_size = 1000000;                 // rounds of EM before each, and pieces to begin with
  // Parity: merges in place of vocab_size; the first that all languages choose together; the others as parity_merges.h says.
  std::optional<int64_t> num_merges = {};
  int64_t global_merges = 0, window_size = 100;
  std::string variant = "base";                                    // or "window"
  double alpha = 2;
  std::vector<double> ratio = {};                                  // of each language
  bool total_symbols = false;                                      // the tokens there are before count as merges
  std::optional<Json> normalizer = {}, pre_tokenizer = {}, decoder = {};   // as in tokenizer.json; the algorithm's usual ones
  int64_t memory = INT64_MAX;                                      // bytes for the different words
  bool lines = false;                                              // each line of a file is a text, and its end no part of it
};

// The steps by short names: nfc nfkc lowercase bert bert-cased none; byte-level metaspace whitespace whitespace-split bert none.
Json normalizer_named(std::string_view name);
Json pre_tokenizer_named(std::string_view name);

struct LearnedVocab {
  Json tokenizer_json, config;   // of tokenizer.json and tokenizer_config.json
  Tokenizer tokenizer() const;
};

using WordList = std::vector<std::pair<std::string_view, int64_t>>;
struct LanguageWords {
  std::vector<WordList> languages, held_out;   // held out: none, or one of each language
};
using TrainingProgress = std::function<void(int64_t done, int64_t wanted)>;

// An algorithm. `settle` fills in what the options leave to it, and refuses what it cannot do; `learn` gives "model" of
// tokenizer.json; `roles` names special tokens by role, "bos_token": "<s>", as far as they are there.
struct TrainerKind {
  std::string_view name;
  bool reads_bytes;                                               // words are bytes, each for its character
  void (*settle)(VocabOptions& options);
  Json (*learn)(const VocabOptions& options, const WordList& words, ThreadPool& pool, const TrainingProgress& progress);
  std::vector<std::pair<std::string, std::string>> roles;
  std::vector<std::string> before = {}, after = {};               // special tokens that encoding adds to a text
  // In place of `learn`: each file is a language.
  Json (*learn_languages)(const VocabOptions& options, const LanguageWords& words, ThreadPool& pool, const TrainingProgress& progress) = nullptr;
};
const TrainerKind& trainer_named(std::string_view name);          // throws Error

class VocabTrainer {
 public:
  explicit VocabTrainer(VocabOptions options);                    // throws Error for impossible options

  const VocabOptions& options() const { return options_; }        // with what the algorithm filled in
  void add(std::string_view text);                                // one text; invalid UTF-8 is read as U+FFFD
  // Each text of a file (text_source.h); read(bytes) now and then. Tokens of characters do not run over the end of a line:
  // there each line is a text, and the line's end, where the steps keep it, a word.
  Status add_file(const std::filesystem::path& path, ThreadPool& pool, const std::function<void(uint64_t)>& read = {});
  // The same for a text of the next language that is not learned from, where languages are told apart.
  Status add_held_out_file(const std::filesystem::path& path, ThreadPool& pool);
  const std::vector<WordCounts>& words() const { return words_; }         // of all texts, or of each language

  LearnedVocab train(ThreadPool& pool, const TrainingProgress& progress = {}) const;

 private:
  template <class F>
  void each_word(std::string_view text, F f) const;
  void count(std::string_view text, WordCounts& counts) const;             // one text
  void count_file_text(std::string_view text, WordCounts& counts) const;   // one of a file, or its lines
  Status count_file(const std::filesystem::path& path, WordCounts& counts, ThreadPool& pool, const std::function<void(uint64_t)>& read) const;

  const TrainerKind* kind_;
  VocabOptions options_;
  std::unique_ptr<Normalizer> normalizer_;
  std::unique_ptr<PreTokenizer> pre_tokenizer_;
  WordScanner scan_ = nullptr;   // where the steps do no more than cut bytes
  bool keeps_line_ends_ = false;
  std::vector<WordCounts> words_, held_out_;
};

}  // namespace orrery
