// Byte-pair encoding over bytes, each written as a character of GPT-2's alphabet: any text can be encoded.
// Radford et al. 2019; the same tokens and merges as Hugging Face's BpeTrainer after a ByteLevel pre-tokenizer.
#include "tokenize/trainers/alphabet.h"

namespace orrery::trainers {

namespace {

Json learn(const VocabOptions& options, const WordList& words, ThreadPool&, const TrainingProgress& progress) {
  PairMerges learner({options.vocab_size, options.min_frequency, options.max_token_length.value_or(INT64_MAX), {}});
  for (const std::string& token : *options.special_tokens) learner.token(token);
  const std::array<int32_t, 256> ids = byte_tokens([&](const std::string& token) { return learner.token(token); });
  std::vector<int32_t> symbols;
  for (const auto& [word, count] : words) {
    symbols.clear();
    for (const char c : word) symbols.push_back(ids[static_cast<unsigned char>(c)]);
    learner.add_word(symbols, count);
  }
  learner.learn(progress);
  return bpe_model(options, learner);
}

}  // namespace

const TrainerKind& byte_bpe() {
  static const TrainerKind kind = {.name = "byte-bpe", .reads_bytes = true, .settle = settle_bytes, .learn = learn, .roles = {{"pad_token", "<pad>"}}};
  return kind;
}

}  // namespace orrery::trainers
