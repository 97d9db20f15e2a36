// WordLevel: the most frequent words, of equals the first by their bytes; what is no word of the list is unknown.
#include <algorithm>
#include <set>

#include "tokenize/trainers/alphabet.h"

namespace orrery::trainers {

namespace {

void settle(VocabOptions& options) {
  if (!options.special_tokens) options.special_tokens = {"[UNK]"};
  if (!options.unk_token) options.unk_token = options.special_tokens->empty() ? "" : options.special_tokens->front();
  if (!options.pre_tokenizer) options.pre_tokenizer = pre_tokenizer_named("whitespace");
  if (options.byte_fallback || options.limit_alphabet || !options.continuing_subword_prefix.empty() || !options.end_of_word_suffix.empty())
    throw Error{ErrorKind::bad_usage, "wordlevel knows whole words only: no alphabet, byte_fallback, prefix or suffix", "vocabulary training"};
}

Json learn(const VocabOptions& options, const WordList& words, ThreadPool&, const TrainingProgress&) {
  std::vector<std::string> tokens = *options.special_tokens;
  const std::set<std::string_view> special(options.special_tokens->begin(), options.special_tokens->end());
  WordList ranked;
  for (const auto& [word, count] : words)
    if (count >= options.min_frequency && !special.contains(word)) ranked.emplace_back(word, count);
  std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  for (const auto& [word, count] : ranked) {
    if (static_cast<int64_t>(tokens.size()) >= options.vocab_size) break;
    tokens.emplace_back(word);
  }
  return {{"type", "WordLevel"}, {"vocab", vocab_of(tokens)}, {"unk_token", options.unk_token.value_or("")}};
}

}  // namespace

const TrainerKind& word_level() {
  static const TrainerKind kind = {.name = "wordlevel", .reads_bytes = false, .settle = settle, .learn = learn, .roles = {{"unk_token", "[UNK]"}}};
  return kind;
}

}  // namespace orrery::trainers
