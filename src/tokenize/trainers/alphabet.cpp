#include "tokenize/trainers/alphabet.h"

#include <algorithm>

#include "base/utf8.h"
#include "tokenize/aligned_text.h"

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

void settle_bytes(VocabOptions& options) {
  if (!options.special_tokens) options.special_tokens = {"<|endoftext|>"};
  options.unk_token = "";
  if (!options.pre_tokenizer) options.pre_tokenizer = pre_tokenizer_named("byte-level");
  if (!options.decoder) options.decoder = pre_tokenizer_named("byte-level");
  if (options.limit_alphabet || options.byte_fallback || !options.continuing_subword_prefix.empty() || !options.end_of_word_suffix.empty())
    throw Error{ErrorKind::bad_usage, options.algorithm + " has all 256 bytes and no decoration: no limit_alphabet, byte_fallback, prefix or suffix", "vocabulary training"};
}

std::array<int32_t, 256> byte_tokens(const std::function<int32_t(const std::string&)>& token) {
  std::vector<std::pair<char32_t, unsigned>> alphabet;
  for (unsigned byte = 0; byte < 256; byte++) alphabet.emplace_back(byte_to_char(static_cast<unsigned char>(byte)), byte);
  std::sort(alphabet.begin(), alphabet.end());
  std::array<int32_t, 256> ids{};
  for (const auto& [character, byte] : alphabet) ids[byte] = token(to_utf8(character));
  return ids;
}

Json bpe_model(const VocabOptions& options, const std::vector<std::string>& tokens, const std::vector<std::pair<std::string, std::string>>& merges) {
  Json list = Json::array();
  for (const auto& [left, right] : merges) list.push_back(Json::array({left, right}));
  const auto or_null = [](const std::string& text) { return text.empty() ? Json() : Json(text); };
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", or_null(options.unk_token.value_or(""))},
          {"continuing_subword_prefix", or_null(options.continuing_subword_prefix)},
          {"end_of_word_suffix", or_null(options.end_of_word_suffix)},
          {"fuse_unk", false},
          {"byte_fallback", options.byte_fallback},
          {"ignore_merges", false},
          {"vocab", vocab_of(tokens)},
          {"merges", std::move(list)}};
}

}  // namespace orrery
