#include "tokenize/gguf_vocab.h"

#include <algorithm>

#include "base/base64.h"
#include "base/utf8.h"
#include "tokenize/protobuf.h"
#include "tokenize/scanners.h"

namespace orrery {

namespace {

constexpr std::string_view kSpace = "\xE2\x96\x81";   // ▁

enum TokenType : int { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };

[[noreturn]] void bad(const std::string& what) { throw Error{ErrorKind::bad_file, what, ""}; }

// The metadata's fields, by their names after "tokenizer.ggml.".
class Fields {
 public:
  explicit Fields(const Json& metadata) : metadata_(metadata) {}

  const Json* find(const std::string& name) const {
    const auto found = metadata_.find("tokenizer.ggml." + name);
    return found == metadata_.end() ? nullptr : &*found;
  }
  std::string text(const std::string& name, const std::string& fallback) const {
    const Json* value = find(name);
    return value && value->is_string() ? value->get<std::string>() : fallback;
  }
  bool flag(const std::string& name, bool fallback) const {
    const Json* value = find(name);
    return value && value->is_boolean() ? value->get<bool>() : fallback;
  }
  int64_t id(const std::string& name, int64_t fallback, size_t size) const {
    const Json* value = find(name);
    if (!value || !value->is_number_integer()) return fallback;
    const auto id = value->get<int64_t>();
    return id >= 0 && static_cast<size_t>(id) < size ? id : -1;
  }
  // A list of `count` values for which `is_one` holds; where it may be absent, empty.
  template <class IsOne>
  const Json& list(const std::string& name, size_t count, IsOne is_one, bool needed) const {
    static const Json kNone = Json::array();
    const Json* value = find(name);
    if (!value && !needed) return kNone;
    const bool good = value && value->is_array() && (count == 0 || value->size() == count) && std::all_of(value->begin(), value->end(), is_one);
    if (!good) bad("tokenizer.ggml." + name + " is no list as long as the vocabulary");
    return *value;
  }

 private:
  const Json& metadata_;
};

bool is_text(const Json& v) { return v.is_string() && is_valid_utf8(v.get_ref<const std::string&>()); }
bool is_number(const Json& v) { return v.is_number(); }
bool is_type(const Json& v) { return v.is_number_integer() && v >= 1 && v <= 6; }

struct Vocabulary {
  std::vector<std::string> tokens;
  std::vector<int> types;
};

Vocabulary read_vocabulary(const Fields& fields) {
  Vocabulary vocabulary;
  for (const Json& token : fields.list("tokens", 0, is_text, true)) vocabulary.tokens.push_back(token.get<std::string>());
  if (vocabulary.tokens.empty()) bad("tokenizer.ggml.tokens is empty");
  for (const Json& type : fields.list("token_type", vocabulary.tokens.size(), is_type, false)) vocabulary.types.push_back(type.get<int>());
  if (vocabulary.types.empty()) vocabulary.types.assign(vocabulary.tokens.size(), normal);
  return vocabulary;
}

Json added_token(const std::string& content, bool special) {
  return {{"content", content}, {"special", special}, {"normalized", false}};
}

// As the .model file that the converter read.
void describe_sentencepiece(const Fields& fields, const Vocabulary& vocabulary, bool is_unigram, TokenizerFile& file) {
  const size_t size = vocabulary.tokens.size();
  const Json& scores = fields.list("scores", size, is_number, true);
  ProtobufWriter proto, trainer, normalizer;
  for (size_t i = 0; i < size; i++) {
    ProtobufWriter piece;
    piece.bytes(1, vocabulary.tokens[i]);
    piece.real(2, scores[i].get<float>());
    piece.integer(3, static_cast<uint64_t>(vocabulary.types[i]));
    proto.bytes(1, piece.message());
  }
  const bool has_bytes = std::count(vocabulary.types.begin(), vocabulary.types.end(), byte) == 256;
  trainer.integer(3, is_unigram ? 1 : 2);
  trainer.integer(35, has_bytes);
  trainer.integer(40, static_cast<uint64_t>(fields.id("unknown_token_id", is_unigram ? 2 : 0, size)));
  trainer.integer(41, static_cast<uint64_t>(fields.id("bos_token_id", is_unigram ? -1 : 1, size)));
  trainer.integer(42, static_cast<uint64_t>(fields.id("eos_token_id", is_unigram ? 1 : 2, size)));
  trainer.integer(43, static_cast<uint64_t>(fields.id("padding_token_id", -1, size)));
  proto.bytes(2, trainer.message());
  if (const Json* map = fields.find("precompiled_charsmap"); map && map->is_array()) {
    std::string bytes;
    for (const Json& b : *map) bytes.push_back(b.is_number_integer() ? static_cast<char>(b.get<int64_t>() & 0xFF) : '\0');
    normalizer.bytes(2, bytes);
  }
  normalizer.integer(3, fields.flag("add_space_prefix", true));
  normalizer.integer(4, fields.flag("remove_extra_whitespaces", is_unigram));
  normalizer.integer(5, 1);
  proto.bytes(3, normalizer.message());
  file.model.fields = {{"type", "SentencePiece"}, {"proto", encode_base64(proto.message())}};
  // The library never finds these in a text; as the tokens that a model's config adds, which chats are written with, they are found.
  Json added = Json::array();
  for (size_t i = 0; i < size; i++)
    if (vocabulary.types[i] == control) added.push_back(added_token(vocabulary.tokens[i], true));
  file.json["added_tokens"] = std::move(added);
  file.add_bos = fields.flag("add_bos_token", !is_unigram);
  file.add_eos = fields.flag("add_eos_token", is_unigram);
}

// BERT's vocabulary with the ## of its continuations taken away and a ▁ put before its other tokens.
void describe_bert(const Fields& fields, const Vocabulary& vocabulary, TokenizerFile& file) {
  const size_t size = vocabulary.tokens.size();
  const bool has_types = std::any_of(vocabulary.types.begin(), vocabulary.types.end(), [](int type) { return type != normal; });
  Json added = Json::array();
  for (size_t i = 0; i < size; i++) {
    const std::string& token = vocabulary.tokens[i];
    // "[unused7]" is written like "[CLS]", and yet an ordinary token, which no word of a text is.
    const bool in_brackets = token.starts_with('[') && token.ends_with(']') && token.size() > 2;
    const bool is_special = vocabulary.types[i] == control || vocabulary.types[i] == unknown || (!has_types && in_brackets);
    std::string text = token.starts_with(kSpace) ? token.substr(kSpace.size()) : is_special || in_brackets ? token : "##" + token;
    if (is_special) added.push_back(added_token(text, true));
    file.model.vocab.emplace_back(text, static_cast<int32_t>(i));
  }
  const auto named = [&](const char* name, const char* usual) {
    const int64_t id = fields.id(name, -1, size);
    const auto found = std::find(vocabulary.tokens.begin(), vocabulary.tokens.end(), usual);
    return id >= 0 ? id : found == vocabulary.tokens.end() ? -1 : found - vocabulary.tokens.begin();
  };
  const int64_t cls = named("cls_token_id", "[CLS]"), sep = named("seperator_token_id", "[SEP]"), unk = named("unknown_token_id", "[UNK]");
  if (cls < 0 || sep < 0 || unk < 0) bad("a BERT vocabulary without [CLS], [SEP] or [UNK]");
  file.json["added_tokens"] = std::move(added);
  file.json["normalizer"] = {{"type", "BertNormalizer"}, {"clean_text", true}, {"handle_chinese_chars", true}, {"strip_accents", nullptr}, {"lowercase", true}};
  file.json["pre_tokenizer"] = {{"type", "BertPreTokenizer"}};
  const auto text_of = [&](int64_t id) { return std::string(file.model.vocab.text(static_cast<size_t>(id))); };
  file.json["post_processor"] = {{"type", "BertProcessing"}, {"sep", Json::array({text_of(sep), sep})}, {"cls", Json::array({text_of(cls), cls})}};
  file.json["decoder"] = {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}};
  file.model.fields = {{"type", "WordPiece"}, {"unk_token", text_of(unk)}, {"continuing_subword_prefix", "##"}, {"max_input_chars_per_word", 100}};
}

// How texts are cut, by the names that converters give: expressions, one after the other.
struct Cut {
  std::vector<std::string_view> names;
  std::vector<std::string_view> expressions;
};

const std::vector<Cut>& cuts() {
  static const std::vector<Cut> all = {
      {{"gpt-2", "gpt2", "phi-2", "jina-es", "jina-de", "mpt", "olmo", "roberta-bpe", "jina-v1-en", "jina-v2-es", "jina-v2-de", "gigachat", "exaone4"}, {kGpt2Pattern}},
      {{"llama3", "llama-v3", "llama-bpe", "falcon3", "pixtral", "dbrx", "smaug-bpe", "lfm2"}, {kLlama3Pattern}},
      {{"qwen2", "deepseek-r1-qwen", "stablelm2", "hunyuan", "megrez"}, {kQwen2Pattern}},
      {{"gpt-4o", "llama4"}, {kO200kPattern}},
      {{"falcon"}, {R"([\p{P}\$\+<=>\^~\|`]+)", R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S))", "[0-9][0-9][0-9]"}},
      {{"starcoder", "refact", "command-r", "smollm", "codeshell", "minerva-7b"}, {R"(\p{N})", kGpt2Pattern}}};
  return all;
}

void describe_byte_level(const Fields& fields, const Vocabulary& vocabulary, TokenizerFile& file) {
  const std::string pre = fields.text("pre", "gpt-2");
  const auto cut = std::find_if(cuts().begin(), cuts().end(), [&](const Cut& c) { return std::find(c.names.begin(), c.names.end(), pre) != c.names.end(); });
  if (cut == cuts().end())
    throw Error{ErrorKind::unsupported, "the way to cut texts '" + pre + "' (tokenizer.ggml.pre) is not known", "", "use the model's tokenizer.json"};
  for (size_t i = 0; i < vocabulary.tokens.size(); i++) file.model.vocab.emplace_back(vocabulary.tokens[i], static_cast<int32_t>(i));
  for (const Json& merge : fields.list("merges", 0, is_text, true)) {
    const std::string line = merge.get<std::string>();
    const size_t space = line.find(' ', 1);
    if (space == std::string::npos) bad("a merge of tokenizer.ggml.merges has no space: '" + line + "'");
    file.model.merges.emplace_back(std::string_view(line).substr(0, space), std::string_view(line).substr(space + 1));
  }
  file.model.fields = {{"type", "BPE"}, {"ignore_merges", pre == "llama3" || pre == "llama-v3" || pre == "llama-bpe"}};
  Json steps = Json::array(), added = Json::array();
  for (const std::string_view expression : cut->expressions)
    steps.push_back({{"type", "Split"}, {"pattern", {{"Regex", expression}}}, {"behavior", "Isolated"}, {"invert", false}});
  steps.push_back({{"type", "ByteLevel"}, {"add_prefix_space", fields.flag("add_space_prefix", false)}, {"trim_offsets", true}, {"use_regex", false}});
  file.json["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", std::move(steps)}};
  file.json["decoder"] = {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", true}};
  for (size_t i = 0; i < vocabulary.tokens.size(); i++)
    if (vocabulary.types[i] == control || vocabulary.types[i] == user_defined)
      added.push_back(added_token(vocabulary.tokens[i], vocabulary.types[i] == control));
  file.json["added_tokens"] = std::move(added);
  file.add_bos = fields.flag("add_bos_token", pre == "llama3" || pre == "llama-v3" || pre == "llama-bpe");
  file.add_eos = fields.flag("add_eos_token", false);
}

}  // namespace

std::string gguf_cut_named(std::span<const std::string> expressions) {
  for (const Cut& cut : cuts())
    if (std::equal(expressions.begin(), expressions.end(), cut.expressions.begin(), cut.expressions.end())) return std::string(cut.names.front());
  return {};
}

std::string gguf_byte_level_expression() { return std::string(kGpt2Pattern); }

Result<TokenizerFile> describe_gguf_vocab(const Json& metadata, std::string_view where) {
  try {
    TokenizerFile file;
    file.where = where;
    const Fields fields(metadata);
    const std::string kind = fields.text("model", "");
    if (kind.empty() || kind == "none" || kind == "no_vocab") return Error{ErrorKind::not_found, "the GGUF file has no tokenizer (tokenizer.ggml.model)", std::string(where)};
    const Vocabulary vocabulary = read_vocabulary(fields);
    if (kind == "llama" || kind == "t5")
      describe_sentencepiece(fields, vocabulary, kind == "t5", file);
    else if (kind == "bert")
      describe_bert(fields, vocabulary, file);
    else if (kind == "gpt2")
      describe_byte_level(fields, vocabulary, file);
    else
      throw Error{ErrorKind::unsupported, "the tokenizer '" + kind + "' of a GGUF file is not supported", ""};
    const auto role = [&](const char* name, const char* id_name) {
      const int64_t id = fields.id(id_name, -1, vocabulary.tokens.size());
      if (id >= 0) file.config[name] = kind == "bert" ? std::string(file.model.vocab.text(static_cast<size_t>(id))) : vocabulary.tokens[static_cast<size_t>(id)];
    };
    role("bos_token", "bos_token_id");
    role("eos_token", "eos_token_id");
    role("unk_token", "unknown_token_id");
    role("pad_token", "padding_token_id");
    if (const auto chat = metadata.find("tokenizer.chat_template"); chat != metadata.end() && chat->is_string() && is_valid_utf8(chat->get_ref<const std::string&>()))
      file.config["chat_template"] = *chat;
    return file;
  } catch (Error& error) {
    if (error.where.empty()) error.where = where;
    return error;
  }
}

}  // namespace orrery
