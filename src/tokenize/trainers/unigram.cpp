// Unigram: begins with the strings that occur most, weighted by their length, fits their probabilities, and drops those whose
// loss costs least, until there are as many as wanted. Kudo 2018; as Hugging Face's UnigramTrainer, but counting words as
// often as they occur, and repeatable.
#include <algorithm>
#include <cmath>
#include <set>

#include "base/utf8.h"
#include "tokenize/trainers/alphabet.h"
#include "tokenize/trainers/substrings.h"
#include "tokenize/trainers/unigram_em.h"

namespace orrery::trainers {

namespace {

constexpr int64_t kLongestPiece = 16;

void settle(VocabOptions& options) {
  if (!options.special_tokens) options.special_tokens = {"<unk>", "<s>", "</s>"};
  if (!options.unk_token) options.unk_token = options.special_tokens->empty() ? "" : options.special_tokens->front();
  if (!options.normalizer) options.normalizer = normalizer_named("nfkc");
  if (!options.pre_tokenizer) options.pre_tokenizer = pre_tokenizer_named("metaspace");
  if (!options.decoder && options.pre_tokenizer->is_object() && (*options.pre_tokenizer)["type"] == "Metaspace")
    options.decoder = options.byte_fallback ? Json{{"type", "Sequence"}, {"decoders", Json::array({Json{{"type", "ByteFallback"}}, *options.pre_tokenizer})}}
                                            : *options.pre_tokenizer;
  if (options.limit_alphabet || !options.continuing_subword_prefix.empty() || !options.end_of_word_suffix.empty())
    throw Error{ErrorKind::bad_usage, "unigram keeps every character and decorates none: no limit_alphabet, prefix or suffix", "vocabulary training"};
}

// All characters, then the best of the strings that repeat; scores are the logarithms of their shares.
std::vector<ScoredPiece> seeds(const VocabOptions& options, const WordList& words) {
  std::vector<std::pair<int64_t, std::string_view>> repeated;
  repeated_substrings(words, options.max_token_length.value_or(kLongestPiece), [&](std::string_view text, int64_t count) {
    int64_t characters = 0;
    for (const char c : text) characters += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    repeated.emplace_back(-count * characters, text);
  });
  std::sort(repeated.begin(), repeated.end());

  std::vector<int64_t> counts(0x110000, 0);
  for (const auto& [word, count] : words)
    for (size_t at = 0; at < word.size();) {
      const CodePoint c = decode_utf8(word, at);
      counts[c.value] += count;
      at += c.size;
    }
  std::vector<ScoredPiece> pieces;
  double total = 0;
  const auto add = [&](std::string text, int64_t score) {
    pieces.push_back({std::move(text), static_cast<double>(score)});
    total += static_cast<double>(score);
  };
  for (char32_t c = 0; c < counts.size(); c++)
    if (counts[c] > 0) add(to_utf8(c), counts[c]);
  for (const auto& [score, text] : repeated) {
    if (static_cast<int64_t>(pieces.size()) >= options.seed_size) break;
    add(std::string(text), -score);
  }
  for (ScoredPiece& piece : pieces) piece.score = std::log(piece.score) - std::log(total);
  return pieces;
}

// The pieces of the final vocabulary: every character, the best of the others, by falling score.
std::vector<ScoredPiece> chosen(const VocabOptions& options, const WordList& words, const UnigramPieces& learned, size_t size) {
  std::vector<ScoredPiece> pieces = learned.all();
  std::sort(pieces.begin(), pieces.end(), [](const ScoredPiece& a, const ScoredPiece& b) { return a.score != b.score ? a.score > b.score : a.text < b.text; });
  std::set<std::string> required;
  for (const char32_t c : alphabet_of(options, words)) required.insert(to_utf8(c));
  const std::set<std::string> special(options.special_tokens->begin(), options.special_tokens->end());
  std::vector<ScoredPiece> kept;
  size_t others = size > required.size() ? size - required.size() : 0;
  for (ScoredPiece& piece : pieces) {
    if (special.contains(piece.text)) continue;
    const bool needed = required.erase(piece.text) > 0;
    if (!needed && others == 0) continue;
    if (!needed) others--;
    kept.push_back(std::move(piece));
  }
  double score = learned.lowest();
  for (const std::string& text : required) {   // characters that every round found better ways around
    kept.push_back({text, score});
    score -= 1e-4;
  }
  return kept;
}

Json learn(const VocabOptions& options, const WordList& words, ThreadPool& pool, const TrainingProgress& progress) {
  std::vector<std::string> first = *options.special_tokens;
  constexpr char kHex[] = "0123456789ABCDEF";
  for (unsigned b = 0; options.byte_fallback && b < 256; b++) first.push_back(std::string("<0x") + kHex[b / 16] + kHex[b % 16] + ">");
  const auto wanted = static_cast<size_t>(options.vocab_size);
  const size_t characters = alphabet_of(options, words).size();
  if (characters + first.size() > wanted)
    throw Error{ErrorKind::bad_usage, "a vocabulary of " + std::to_string(wanted) + " has no room for the corpus's " + std::to_string(characters) + " characters and " + std::to_string(first.size()) + " special tokens", "vocabulary training"};

  Json vocab = Json::array();
  for (const std::string& token : first) vocab.push_back(Json::array({token, 0.0}));
  if (!words.empty()) {
    UnigramPieces pieces(seeds(options, words), words, pool);
    const size_t begun = pieces.all().size(), target = wanted * 11 / 10;
    for (;;) {
      for (int64_t i = 0; i < options.sub_iterations; i++) pieces.improve();
      if (progress) progress(static_cast<int64_t>(begun - std::min(begun, pieces.all().size())), static_cast<int64_t>(begun - std::min(begun, target)));
      const size_t before = pieces.all().size();
      if (before <= target) break;
      pieces.prune(std::max(target, static_cast<size_t>(static_cast<double>(before) * options.shrinking_factor)));
      if (pieces.all().size() == before) break;
    }
    for (const ScoredPiece& piece : chosen(options, words, pieces, wanted - first.size())) vocab.push_back(Json::array({piece.text, piece.score}));
  }
  Json unknown;
  for (size_t id = 0; id < first.size(); id++)
    if (first[id] == options.unk_token.value_or("")) unknown = id;
  return {{"type", "Unigram"}, {"unk_id", unknown}, {"vocab", std::move(vocab)}, {"byte_fallback", options.byte_fallback}};
}

}  // namespace

const TrainerKind& unigram() {
  static const TrainerKind kind = {.name = "unigram",
                                   .reads_bytes = false,
                                   .settle = settle,
                                   .learn = learn,
                                   .roles = {{"bos_token", "<s>"}, {"eos_token", "</s>"}, {"unk_token", "<unk>"}, {"pad_token", "<pad>"}},
                                   .before = {},
                                   .after = {"</s>"}};
  return kind;
}

}  // namespace orrery::trainers
