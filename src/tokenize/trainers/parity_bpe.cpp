// Byte-level byte-pair encoding that is fair to several languages (parity_merges.h): the merges of Hugging Face's ParityBpeTrainer after a
// ByteLevel pre-tokenizer, with all bytes in the alphabet.
#include <cmath>
#include <set>

#include "tokenize/trainers/alphabet.h"
#include "tokenize/trainers/parity_merges.h"

namespace orrery::trainers {

namespace {

[[noreturn]] void refuse(const std::string& what) { throw Error{ErrorKind::bad_usage, what, "vocabulary training"}; }

void settle(VocabOptions& options) {
  settle_bytes(options);
  if (options.variant != "base" && options.variant != "window") refuse("variant is " + options.variant + ", expected base or window");
  if (options.window_size < 1) refuse("window_size is " + std::to_string(options.window_size) + ", expected 1 or more");
  if (!std::isfinite(options.alpha) || options.alpha <= 0) refuse("alpha is not a positive number");
  for (const double ratio : options.ratio)
    if (!std::isfinite(ratio) || ratio <= 0) refuse("a ratio is not a positive number");
}

int64_t tokens_to_begin_with(const VocabOptions& options) {
  std::set<std::string> known(options.special_tokens->begin(), options.special_tokens->end());
  byte_tokens([&](const std::string& token) { return known.insert(token), 0; });
  return static_cast<int64_t>(known.size());
}

Json learn(const VocabOptions& options, const LanguageWords& words, ThreadPool&, const TrainingProgress& progress) {
  const size_t languages = words.languages.size();
  if (!options.ratio.empty() && options.ratio.size() != languages)
    refuse(std::to_string(options.ratio.size()) + " ratios for " + std::to_string(languages) + " languages; each file is one");
  if (!words.held_out.empty() && words.held_out.size() != languages)
    refuse(std::to_string(words.held_out.size()) + " held-out files for " + std::to_string(languages) + " languages; there is one for each file, in their order");
  ParityRules rules;
  rules.vocab_size = options.num_merges ? INT64_MAX : options.vocab_size;
  if (options.num_merges) rules.num_merges = std::max<int64_t>(*options.num_merges - (options.total_symbols ? tokens_to_begin_with(options) : 0), 0);
  rules.min_frequency = options.min_frequency;
  rules.max_token_length = options.max_token_length.value_or(INT64_MAX);
  rules.global_merges = options.global_merges;
  rules.ratio = options.ratio;
  rules.window = options.variant == "window";
  rules.window_size = options.window_size;
  rules.alpha = options.alpha;
  ParityMerges learner(std::move(rules), languages);
  for (const std::string& token : *options.special_tokens) learner.token(token);
  const std::array<int32_t, 256> ids = byte_tokens([&](const std::string& token) { return learner.token(token); });
  const auto add = [&](const std::vector<WordList>& lists, auto&& one) {
    std::vector<int32_t> symbols;
    for (size_t language = 0; language < lists.size(); language++)
      for (const auto& [word, count] : lists[language]) {
        symbols.clear();
        for (const char c : word) symbols.push_back(ids[static_cast<unsigned char>(c)]);
        one(language, symbols, count);
      }
  };
  add(words.languages, [&](size_t language, std::span<const int32_t> symbols, int64_t count) { learner.add_word(language, symbols, count); });
  add(words.held_out, [&](size_t language, std::span<const int32_t> symbols, int64_t count) { learner.add_held_out_word(language, symbols, count); });
  learner.learn(progress);
  return bpe_model(options, learner.tokens(), learner.merges());
}

}  // namespace

const TrainerKind& parity_bpe() {
  static const TrainerKind kind = {.name = "parity-bpe", .reads_bytes = true, .settle = settle, .learn = nullptr, .roles = {{"pad_token", "<pad>"}}, .learn_languages = learn};
  return kind;
}

}  // namespace orrery::trainers
