#include "tokenize/trainers/alphabet.h"

#include <algorithm>

#include "base/utf8.h"

namespace orrery {

namespace {
template <class F>
void each_character(std::string_view text, F f) {
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = decode_utf8(text, at);
    f(c.value);
    at += c.size;
  }
}
}  // namespace

std::vector<char32_t> alphabet_of(const VocabOptions& options, const WordList& words) {
  std::vector<int64_t> counts(0x110000, 0);
  for (const auto& word : words)
    each_character(word.first, [&](char32_t c) { counts[c] += word.second; });
  each_character(options.initial_alphabet, [&](char32_t c) { counts[c] = INT64_MAX; });
  std::vector<std::pair<int64_t, char32_t>> ranked;
  for (char32_t c = 0; c < counts.size(); c++)
    if (counts[c] > 0) ranked.emplace_back(-counts[c], c);
  std::sort(ranked.begin(), ranked.end());
  if (options.limit_alphabet && static_cast<int64_t>(ranked.size()) > *options.limit_alphabet)
    ranked.resize(static_cast<size_t>(std::max<int64_t>(*options.limit_alphabet, 0)));
  std::vector<char32_t> kept;
  for (const auto& [rank, c] : ranked) kept.push_back(c);
  std::sort(kept.begin(), kept.end());
  return kept;
}

PairMerges learn_pairs(const VocabOptions& options, const WordList& words, const TrainingProgress& progress) {
  PairMerges learner({options.vocab_size, options.min_frequency, options.max_token_length.value_or(INT64_MAX), options.continuing_subword_prefix});
  for (const std::string& token : *options.special_tokens) learner.token(token);
  const std::vector<char32_t> alphabet = alphabet_of(options, words);
  for (const char32_t c : alphabet) learner.token(to_utf8(c));
  std::vector<int32_t> symbols;
  for (const auto& [word, count] : words) {
    symbols.clear();
    for (size_t at = 0; at < word.size();) {
      const CodePoint c = decode_utf8(word, at);
      const bool first = at == 0, last = at + c.size == word.size();
      at += c.size;
      if (!std::binary_search(alphabet.begin(), alphabet.end(), c.value)) continue;
      symbols.push_back(learner.token((first ? "" : options.continuing_subword_prefix) + to_utf8(c.value) + (last ? options.end_of_word_suffix : "")));
    }
    learner.add_word(symbols, count);
  }
  learner.learn(progress);
  return learner;
}

Json vocab_of(const std::vector<std::string>& tokens) {
  Json vocab = Json::object();
  auto& entries = static_cast<Json::object_t::Container&>(vocab.get_ref<Json::object_t&>());   // see vocab_json()
  for (size_t id = 0; id < tokens.size(); id++) entries.emplace_back(tokens[id], id);
  return vocab;
}

Json bpe_model(const VocabOptions& options, const PairMerges& learned) {
  Json merges = Json::array();
  for (const auto& [left, right] : learned.merges()) merges.push_back(Json::array({left, right}));
  const auto or_null = [](const std::string& text) { return text.empty() ? Json() : Json(text); };
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", or_null(options.unk_token.value_or(""))},
          {"continuing_subword_prefix", or_null(options.continuing_subword_prefix)},
          {"end_of_word_suffix", or_null(options.end_of_word_suffix)},
          {"fuse_unk", false},
          {"byte_fallback", options.byte_fallback},
          {"ignore_merges", false},
          {"vocab", vocab_of(learned.tokens())},
          {"merges", std::move(merges)}};
}

}  // namespace orrery
