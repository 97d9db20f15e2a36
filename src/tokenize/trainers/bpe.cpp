// Byte-pair encoding over characters, as Hugging Face's BpeTrainer learns it; with --end-of-word-suffix as in Sennrich et al. 2016.
#include <algorithm>

#include "tokenize/trainers/alphabet.h"

namespace orrery::trainers {

namespace {

void settle(VocabOptions& options) {
  const bool suffixed = !options.end_of_word_suffix.empty() || !options.continuing_subword_prefix.empty();
  if (!options.special_tokens) options.special_tokens = {"<unk>", "<s>", "</s>"};
  if (!options.unk_token) {
    const auto& special = *options.special_tokens;
    options.unk_token = std::find(special.begin(), special.end(), "<unk>") != special.end() ? "<unk>" : "";
  }
  if (!options.pre_tokenizer) options.pre_tokenizer = pre_tokenizer_named(suffixed ? "whitespace-split" : "metaspace");
  if (options.decoder) return;
  const Json& cut = *options.pre_tokenizer;
  if (!options.end_of_word_suffix.empty())
    options.decoder = Json{{"type", "BPEDecoder"}, {"suffix", options.end_of_word_suffix}};
  else if (!options.continuing_subword_prefix.empty())
    options.decoder = Json{{"type", "WordPiece"}, {"prefix", options.continuing_subword_prefix}, {"cleanup", false}};
  else if (cut.is_object() && cut["type"] == "Metaspace")
    options.decoder = options.byte_fallback ? Json{{"type", "Sequence"}, {"decoders", Json::array({Json{{"type", "ByteFallback"}}, cut})}} : cut;
}

Json learn(const VocabOptions& options, const WordList& words, ThreadPool&, const TrainingProgress& progress) {
  if (!options.byte_fallback) return bpe_model(options, learn_pairs(options, words, progress));
  VocabOptions with_bytes = options;   // their tokens come after the special ones, and are none themselves
  constexpr char kHex[] = "0123456789ABCDEF";
  for (unsigned b = 0; b < 256; b++) with_bytes.special_tokens->push_back(std::string("<0x") + kHex[b / 16] + kHex[b % 16] + ">");
  return bpe_model(options, learn_pairs(with_bytes, words, progress));
}

}  // namespace

const TrainerKind& bpe() {
  static const TrainerKind kind = {.name = "bpe",
                                   .reads_bytes = false,
                                   .settle = settle,
                                   .learn = learn,
                                   .roles = {{"bos_token", "<s>"}, {"eos_token", "</s>"}, {"unk_token", "<unk>"}, {"pad_token", "<pad>"}},
                                   .before = {"<s>"}};
  return kind;
}

}  // namespace orrery::trainers
