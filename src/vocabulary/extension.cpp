#include "vocabulary/extension.h"

#include <algorithm>
#include <cmath>

#include "tokenize/trainers/pair_merges.h"
#include "vocabulary/append_merges.h"
#include "vocabulary/measure.h"

namespace orrery {

namespace {

const EncodeOptions kPlain{.add_special = false, .specials_as_text = true};

Json::object_t::Container& entries_of(Json& object) {   // appending here does not look for the key from the front
  return static_cast<Json::object_t::Container&>(object.get_ref<Json::object_t&>());
}

// Added tokens beyond the model's own get entries of their own ids in it: a reader that numbers them after the model's
// tokens would number them anew.
void settle_added(Json& json) {
  Json& vocab = json["model"]["vocab"];
  for (const Json& added : json["added_tokens"]) {
    const auto id = added["id"].get<int64_t>();
    const auto& content = added["content"];
    if (vocab.is_array()) {
      while (static_cast<int64_t>(vocab.size()) < id) vocab.push_back(Json::array({"<unused" + std::to_string(vocab.size()) + ">", vocab.back()[1]}));
      if (static_cast<int64_t>(vocab.size()) == id) vocab.push_back(Json::array({content, vocab.back()[1]}));
    } else if (!vocab.contains(content.get_ref<const std::string&>())) {
      entries_of(vocab).emplace_back(content.get<std::string>(), id);
    }
  }
}

}  // namespace

Tokenizer ExtendedVocab::tokenizer(const Json& config) const { return Tokenizer::from_json(tokenizer_json, config).value(); }

VocabExtension::VocabExtension(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {
  const Json model = tokenizer.to_json()["model"];
  type_ = model.value("type", "");
  if (type_ != "BPE" && type_ != "Unigram" && type_ != "WordPiece")
    throw Error{ErrorKind::unsupported, "a vocabulary of type '" + type_ + "' cannot be extended by pairs of its tokens", "vocabulary extension", "BPE, Unigram and WordPiece can"};
  if (const auto prefix = model.find("continuing_subword_prefix"); prefix != model.end() && prefix->is_string()) prefix_ = prefix->get<std::string>();
}

void VocabExtension::add(std::string_view text) {
  const Encoding e = tokenizer_.encode(text, kPlain);
  std::vector<int32_t> word;
  const auto close = [&] {
    if (word.size() > 1) words_[word]++;
    word.clear();
  };
  for (size_t i = 0; i < e.size(); i++) {
    if (i > 0 && e.words[i] != e.words[i - 1]) close();
    const bool joins = e.ids[i] != tokenizer_.roles().unk && !tokenizer_.is_special(e.ids[i]) && !is_byte_token(tokenizer_.token_of(e.ids[i]).value_or(""));
    if (joins)
      word.push_back(e.ids[i]);
    else
      close();
  }
  close();
}

// The learner knows old tokens by their ids; special ones under names that no product can have.
VocabExtension::Merges VocabExtension::continued(int64_t tokens, int64_t min_frequency) const {
  const int32_t first = tokenizer_.id_limit();
  PairMerges learner({.vocab_size = first + tokens, .min_frequency = min_frequency, .max_token_length = INT64_MAX, .prefix = prefix_});
  for (int32_t id = 0; id < first; id++) {
    const auto token = tokenizer_.token_of(id);
    const bool product = token && !tokenizer_.is_special(id);
    learner.token(product ? *token : std::string("\xFF") + std::to_string(id));
  }
  for (const auto& [word, count] : words_) learner.add_word(word, count);
  learner.learn({});
  return learner.merges();
}

VocabExtension::Merges VocabExtension::appended(int64_t tokens, int64_t min_frequency) const {
  if (type_ != "BPE")
    throw Error{ErrorKind::unsupported, "a vocabulary of type '" + type_ + "' has no merges to append to", "vocabulary extension", "it can be extended by continued learning"};
  std::map<std::vector<std::string>, int64_t> words;
  for (const auto& [ids, count] : words_) {
    std::vector<std::string> word;
    for (const int32_t id : ids) word.push_back(tokenizer_.token_of(id).value());
    words[word] += count;
  }
  return append_merges(tokenizer_.to_json()["model"], words, tokens, min_frequency);
}

ExtendedVocab VocabExtension::learn(int64_t tokens, int64_t min_frequency, ExtensionMethod method) const {
  const int64_t least = std::max<int64_t>(min_frequency, 1);
  const Merges merges = method == ExtensionMethod::append_merges ? appended(tokens, least) : continued(tokens, least);

  ExtendedVocab extended{tokenizer_.to_json(), {}};
  Json& json = extended.tokenizer_json;
  settle_added(json);
  Json& vocab = json["model"]["vocab"];
  std::map<std::string, std::vector<int32_t>> parts;   // of products, in old tokens
  double total = 0;
  if (type_ == "Unigram")
    for (const auto& [word, count] : words_) total += static_cast<double>(count) * static_cast<double>(word.size());
  const auto parts_of = [&](const std::string& token) {
    if (const auto known = parts.find(token); known != parts.end()) return known->second;
    return std::vector<int32_t>{tokenizer_.id_of(token).value_or(0)};
  };
  int32_t next = tokenizer_.id_limit();
  for (const auto& merge : merges) {
    const std::string &left = merge.first, &right = merge.second;
    const bool drops = !prefix_.empty() && right.starts_with(prefix_);
    const std::string product = left + (drops ? right.substr(prefix_.size()) : right);
    if (const auto old = tokenizer_.id_of(product); old && tokenizer_.is_special(*old)) break;   // text must not become a control token
    if (type_ == "BPE") json["model"]["merges"].push_back(Json::array({left, right}));
    if (tokenizer_.id_of(product) || parts.contains(product)) continue;
    std::vector<int32_t> both = parts_of(left);
    for (const int32_t id : parts_of(right)) both.push_back(id);
    if (type_ == "Unigram") {
      double sum = 0;
      for (const int32_t id : both) sum += vocab[static_cast<size_t>(id)][1].get<double>();
      int64_t times = 0;
      for (const auto& [word, count] : words_) times += count * (std::search(word.begin(), word.end(), both.begin(), both.end()) != word.end());
      vocab.push_back(Json::array({product, std::max(sum + 1e-3, std::log(std::max<double>(static_cast<double>(times), 1) / std::max(total, 1.0)))}));
    } else {
      entries_of(vocab).emplace_back(product, next);
    }
    parts.emplace(product, both);
    extended.tokens.push_back({next++, product, std::move(both)});
  }
  return extended;
}

int64_t unused_tokens(const ExtendedVocab& extended, const Tokenizer& after, const std::vector<std::string>& texts) {
  std::vector<bool> used(static_cast<size_t>(after.id_limit()));
  for (const std::string& text : texts)
    for (const int32_t id : after.encode_ids(text, kPlain)) used[static_cast<size_t>(id)] = true;
  return std::count_if(extended.tokens.begin(), extended.tokens.end(), [&](const NewToken& token) { return !used[static_cast<size_t>(token.id)]; });
}

Gain extension_gain(const Tokenizer& tokenizer, const std::vector<std::string>& texts, int64_t tokens, ExtensionMethod method) {
  VocabExtension learner(tokenizer);
  for (size_t i = 0; i < texts.size(); i++)
    if (i % 5 != 4) learner.add(texts[i]);
  const ExtendedVocab extended = learner.learn(tokens, 2, method);
  const Tokenizer after = extended.tokenizer();
  Gain gain;
  gain.added = static_cast<int64_t>(extended.tokens.size());
  for (size_t i = 4; i < texts.size(); i += 5) {
    const auto old_size = static_cast<int64_t>(tokenizer.encode_ids(texts[i], kPlain).size()), new_size = static_cast<int64_t>(after.encode_ids(texts[i], kPlain).size());
    gain.texts++;
    gain.tokens_before += old_size;
    gain.tokens_after += new_size;
    gain.texts_longer += new_size > old_size;
  }
  return gain;
}

}  // namespace orrery
