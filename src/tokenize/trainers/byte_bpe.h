// Learns a byte-level BPE vocabulary from text: the same tokens and merges as Hugging Face's BpeTrainer with a ByteLevel
// pre-tokenizer learns, whatever the order of the texts.
//
//   ByteBpeTrainer trainer({.vocab_size = 4096, .special_tokens = {"<s>", "</s>"}, .bos_token = "<s>", .eos_token = "</s>"});
//   for (const std::string& story : stories) trainer.add(story);
//   Tokenizer tokenizer = trainer.train().tokenizer();
//
// Texts are cut into words (GPT-2's expression) and only the different words are kept, with 64-bit counts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "tokenize/tokenizer.h"

namespace orrery {

struct ByteBpeOptions {
  int64_t vocab_size = 30000;               // special tokens and alphabet included
  int64_t min_frequency = 0;                // of a pair, to be merged
  std::vector<std::string> special_tokens = {};  // the first ids, in this order
  bool whole_alphabet = true;               // all 256 bytes, not only those seen: then any text can be encoded
  bool add_prefix_space = false;
  int64_t max_token_length = INT64_MAX;     // bytes: tokens stay below it (a first merge makes two bytes even so)
  std::string bos_token = {}, eos_token = {}, pad_token = {};   // roles among the special tokens; may be empty
  bool add_bos = false;                     // encoding puts bos_token in front
};

// What was learned.
struct ByteBpe {
  ByteBpeOptions options;
  std::vector<std::string> tokens;                              // by id
  std::vector<std::pair<std::string, std::string>> merges;      // by rank

  Json tokenizer_json() const;
  Tokenizer tokenizer() const;
};

class ByteBpeTrainer {
 public:
  explicit ByteBpeTrainer(ByteBpeOptions options);   // throws Error for impossible options

  void add(std::string_view text);                          // one text; invalid UTF-8 is read as U+FFFD
  Status add_file(const std::filesystem::path& path);       // each line, with its newline, as a text
  int64_t different_words() const { return static_cast<int64_t>(words_.size()); }

  // progress(merges learned, merges wanted), now and then.
  ByteBpe train(const std::function<void(int64_t, int64_t)>& progress = {}) const;

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const;
  };

  ByteBpeOptions options_;
  std::unordered_map<std::string, int64_t, Hash, std::equal_to<>> words_;   // bytes → occurrences
};

}  // namespace orrery
