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
std::vector<ScoredPiece> seeds(const VocabOptions& options, const WordList& words, ThreadPool& pool) {
  struct Repeated {
    int64_t score;   // occurrences by characters
    std::string_view text;
    uint32_t characters;
    bool operator<(const Repeated& o) const { return score != o.score ? score > o.score : text < o.text; }
  };
  struct Character {
    int64_t count = 0;
    std::string_view text;
  };
  std::vector<Character> characters(0x110000);
  for (const auto& [word, count] : words)
    for (size_t at = 0; at < word.size();) {
      const CodePoint c = decode_utf8(word, at);
      Character& known = characters[c.value];
      if (known.count == 0) known.text = word.substr(at, c.size);
      known.count += count;
      at += c.size;
    }
  std::vector<ScoredPiece> pieces;
  double total = 0;
  const auto add = [&](std::string_view text, int64_t score, uint32_t length) {
    pieces.push_back({text, static_cast<double>(score), length});
    total += static_cast<double>(score);
  };
  for (const Character& c : characters)
    if (c.count > 0) add(c.text, c.count, 1);

  std::vector<Repeated> repeated;
  const auto room = static_cast<size_t>(std::max<int64_t>(options.seed_size - static_cast<int64_t>(pieces.size()), 0));
  const auto cut_to_room = [&] {
    if (repeated.size() <= room) return;
    std::nth_element(repeated.begin(), repeated.begin() + static_cast<ptrdiff_t>(room), repeated.end());
    repeated.resize(room);
  };
  const int64_t longest = std::min(options.max_token_length.value_or(kLongestPiece), PieceLattice::kLongest);
  repeated_substrings(words, longest, pool, [&](std::string_view text, int64_t count) {
    const auto length = static_cast<uint32_t>(count_code_points(text));
    repeated.push_back({count * length, text, length});
    if (repeated.size() > 2 * room + 1024) cut_to_room();
  });
  cut_to_room();
  std::sort(repeated.begin(), repeated.end());
  pieces.reserve(pieces.size() + repeated.size());
  for (const Repeated& one : repeated) add(one.text, one.score, one.characters);
  for (ScoredPiece& piece : pieces) piece.score = std::log(piece.score) - std::log(total);
  return pieces;
}

// The pieces of the final vocabulary: every character, the best of the others, by falling score.
std::vector<std::pair<std::string, double>> chosen(const VocabOptions& options, const WordList& words, const UnigramPieces& learned, size_t size) {
  std::vector<ScoredPiece> pieces = learned.all();
  std::sort(pieces.begin(), pieces.end(), [](const ScoredPiece& a, const ScoredPiece& b) { return a.score != b.score ? a.score > b.score : a.text < b.text; });
  std::set<std::string, std::less<>> required;
  for (const char32_t c : alphabet_of(options, words)) required.insert(to_utf8(c));
  const std::set<std::string, std::less<>> special(options.special_tokens->begin(), options.special_tokens->end());
  std::vector<std::pair<std::string, double>> kept;
  size_t others = size > required.size() ? size - required.size() : 0;
  for (const ScoredPiece& piece : pieces) {
    if (special.contains(piece.text)) continue;
    const auto character = required.find(piece.text);
    const bool needed = character != required.end();
    if (needed) required.erase(character);
    if (!needed && others == 0) continue;
    if (!needed) others--;
    kept.emplace_back(piece.text, piece.score);
  }
  double score = learned.lowest();
  for (const std::string& text : required) {   // characters that every round found better ways around
    kept.emplace_back(text, score);
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
    UnigramPieces pieces(seeds(options, words, pool), words, pool);
    const size_t begun = pieces.all().size(), target = wanted * 11 / 10;
    for (;;) {
      for (int64_t i = 0; i < options.sub_iterations; i++) pieces.improve();
      const auto dropped = [&](size_t left) { return static_cast<int64_t>(begun - std::min(begun, left)); };
      if (progress) progress(std::min(dropped(pieces.all().size()), dropped(target)), dropped(target));
      const size_t before = pieces.all().size();
      if (before <= target) break;
      pieces.prune(std::max(target, static_cast<size_t>(static_cast<double>(before) * options.shrinking_factor)));
      if (pieces.all().size() == before) break;
    }
    for (const auto& [text, score] : chosen(options, words, pieces, wanted - first.size())) vocab.push_back(Json::array({text, score}));
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
