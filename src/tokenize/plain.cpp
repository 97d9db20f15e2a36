#include "tokenize/plain.h"

#include <unordered_set>

#include "base/unicode.h"
#include "base/utf8.h"
#include "tokenize/aligned_text.h"

namespace orrery {

namespace {

constexpr const char* kUnknown = "<unk>";

// The parts of the texts in the order of first use, as a vocabulary.
class WordList {
 public:
  WordList() { add(kUnknown); }
  void add(const std::string& word) {
    if (known_.insert(word).second) entries_.emplace_back(word, entries_.size());
  }
  Json json() const {
    Json out = Json::object();
    // Straight into the container: an ordered object's own insertion compares with every key before.
    auto& members = static_cast<Json::object_t::Container&>(out.get_ref<Json::object_t&>());
    for (const auto& [word, id] : entries_) members.emplace_back(word, id);
    return out;
  }

 private:
  std::unordered_set<std::string> known_;
  std::vector<std::pair<std::string, size_t>> entries_;
};

Json word_level(const WordList& words, Json pre_tokenizer, Json decoder) {
  return {{"version", "1.0"},
          {"added_tokens", Json::array({{{"id", 0}, {"content", kUnknown}, {"special", true}, {"normalized", false}}})},
          {"pre_tokenizer", std::move(pre_tokenizer)},
          {"decoder", std::move(decoder)},
          {"model", {{"type", "WordLevel"}, {"vocab", words.json()}, {"unk_token", kUnknown}}}};
}

Json bytes() {
  Json vocab = Json::object();
  for (unsigned b = 0; b < 256; b++) vocab[to_utf8(byte_to_char(static_cast<unsigned char>(b)))] = b;
  const Json level = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}};
  return {{"version", "1.0"}, {"pre_tokenizer", level}, {"decoder", level}, {"model", {{"type", "BPE"}, {"vocab", std::move(vocab)}, {"merges", Json::array()}}}};
}

Json characters(std::span<const std::string> texts) {
  WordList words;
  for (const std::string& text : texts)
    for (size_t at = 0; at < text.size();) {
      const CodePoint c = decode_utf8(text, at);
      words.add(to_utf8(c.value));
      at += c.size;
    }
  return word_level(words, {{"type", "FixedLength"}, {"length", 1}}, {{"type", "Fuse"}});
}

Json whitespace(std::span<const std::string> texts) {
  WordList words;
  for (const std::string& raw : texts) {
    const std::string text = repair_utf8(raw).text;
    std::string word;
    for (size_t at = 0; at <= text.size();) {
      const CodePoint c = at < text.size() ? decode_utf8(text, at) : CodePoint{};
      if (at == text.size() || is(c.value, kWhitespace)) {
        if (!word.empty()) words.add(word);
        word.clear();
        if (at == text.size()) break;
      } else {
        word += text.substr(at, c.size);
      }
      at += c.size;
    }
  }
  return word_level(words, {{"type", "WhitespaceSplit"}}, nullptr);
}

}  // namespace

Tokenizer plain_tokenizer(std::string_view name, std::span<const std::string> texts) {
  if (name == "bytes") return Tokenizer::from_json(bytes()).value();
  if (name == "characters") return Tokenizer::from_json(characters(texts)).value();
  if (name == "whitespace") return Tokenizer::from_json(whitespace(texts)).value();
  throw Error{ErrorKind::not_found, "there is no plain tokenizer '" + std::string(name) + "'", "", "there are bytes, characters and whitespace"};
}

}  // namespace orrery
