// Byte-pair encoding over bytes, each written as a character of GPT-2's alphabet: any text can be encoded.
// Radford et al. 2019; the same tokens and merges as Hugging Face's BpeTrainer after a ByteLevel pre-tokenizer.
#include <algorithm>
#include <array>

#include "base/utf8.h"
#include "tokenize/aligned_text.h"
#include "tokenize/trainers/alphabet.h"

namespace orrery::trainers {

namespace {

void settle(VocabOptions& options) {
  if (!options.special_tokens) options.special_tokens = {"<|endoftext|>"};
  options.unk_token = "";
  if (!options.pre_tokenizer) options.pre_tokenizer = pre_tokenizer_named("byte-level");
  if (!options.decoder) options.decoder = pre_tokenizer_named("byte-level");
  if (options.limit_alphabet || options.byte_fallback || !options.continuing_subword_prefix.empty() || !options.end_of_word_suffix.empty())
    throw Error{ErrorKind::bad_usage, "byte-bpe has all 256 bytes and no decoration: no limit_alphabet, byte_fallback, prefix or suffix", "vocabulary training"};
}

Json learn(const VocabOptions& options, const WordList& words, ThreadPool&, const TrainingProgress& progress) {
  PairMerges learner({options.vocab_size, options.min_frequency, options.max_token_length.value_or(INT64_MAX), {}});
  for (const std::string& token : *options.special_tokens) learner.token(token);
  std::vector<std::pair<char32_t, unsigned>> alphabet;   // in the order of the characters that stand for the bytes
  for (unsigned byte = 0; byte < 256; byte++) alphabet.emplace_back(byte_to_char(static_cast<unsigned char>(byte)), byte);
  std::sort(alphabet.begin(), alphabet.end());
  std::array<int32_t, 256> ids{};
  for (const auto& [character, byte] : alphabet) ids[byte] = learner.token(to_utf8(character));
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
  static const TrainerKind kind = {.name = "byte-bpe", .reads_bytes = true, .settle = settle, .learn = learn, .roles = {{"pad_token", "<pad>"}}};
  return kind;
}

}  // namespace orrery::trainers
