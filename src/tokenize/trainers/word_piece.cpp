// WordPiece as Hugging Face's WordPieceTrainer learns it: byte-pair merges of characters, those inside a word marked "##".
// Schuster and Nakajima 2012 chose merges by likelihood; the trainers in use count. Symbols get their ids in the order of
// the sorted words, so that the result is repeatable.
#include "tokenize/trainers/alphabet.h"

namespace orrery::trainers {

namespace {

void settle(VocabOptions& options) {
  if (!options.special_tokens) options.special_tokens = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
  if (!options.unk_token) options.unk_token = "[UNK]";
  if (options.continuing_subword_prefix.empty()) options.continuing_subword_prefix = "##";
  if (!options.normalizer) options.normalizer = normalizer_named("bert");
  if (!options.pre_tokenizer) options.pre_tokenizer = pre_tokenizer_named("bert");
  if (!options.decoder) options.decoder = Json{{"type", "WordPiece"}, {"prefix", options.continuing_subword_prefix}, {"cleanup", true}};
  if (options.byte_fallback || !options.end_of_word_suffix.empty())
    throw Error{ErrorKind::bad_usage, "wordpiece has neither byte_fallback nor end_of_word_suffix", "vocabulary training"};
}

Json learn(const VocabOptions& options, const WordList& words, ThreadPool&, const TrainingProgress& progress) {
  return {{"type", "WordPiece"},
          {"unk_token", options.unk_token.value_or("")},
          {"continuing_subword_prefix", options.continuing_subword_prefix},
          {"max_input_chars_per_word", 100},
          {"vocab", vocab_of(learn_pairs(options, words, progress).tokens())}};
}

}  // namespace

const TrainerKind& word_piece() {
  static const TrainerKind kind = {
      .name = "wordpiece",
      .reads_bytes = false,
      .settle = settle,
      .learn = learn,
      .roles = {{"unk_token", "[UNK]"}, {"pad_token", "[PAD]"}, {"cls_token", "[CLS]"}, {"sep_token", "[SEP]"}, {"mask_token", "[MASK]"}},
      .before = {"[CLS]"},
      .after = {"[SEP]"}};
  return kind;
}

}  // namespace orrery::trainers
