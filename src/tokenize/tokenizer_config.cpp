#include "tokenize/tokenizer_config.h"

#include <algorithm>
#include <array>

namespace orrery {

namespace {

constexpr std::array kRoles = {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};

std::string content_of(const Json& token) {
  if (token.is_string()) return token.get<std::string>();
  if (token.is_object() && token.contains("content") && token["content"].is_string()) return token["content"].get<std::string>();
  return {};
}

const Json* field(const Json& config, const char* name) {
  const auto found = config.find(name);
  return found == config.end() || found->is_null() ? nullptr : &*found;
}

bool flag(const Json& config, const char* name, bool fallback) {
  const Json* value = field(config, name);
  return value && value->is_boolean() ? value->get<bool>() : fallback;
}

// The added tokens of a file, and those that a config adds at their end.
class AddedList {
 public:
  explicit AddedList(TokenizerFile& file) : file_(file) {
    if (!file.json.contains("added_tokens") || !file.json["added_tokens"].is_array()) file.json["added_tokens"] = Json::array();
  }

  void add(const Json& token, bool special) {
    const std::string content = content_of(token);
    if (content.empty()) return;
    for (const Json& known : list())
      if (content_of(known) == content) return;
    Json entry = token.is_object() ? token : Json{{"content", content}};
    if (special || !entry.contains("special")) entry["special"] = true;
    file_.config_tokens.push_back(content);
    list().push_back(std::move(entry));
  }

 private:
  Json& list() { return file_.json["added_tokens"]; }
  TokenizerFile& file_;
};

// The steps of one type anywhere in a part of a tokenizer.json.
template <class Change>
void each_step(Json& part, std::string_view type, Change change) {
  if (!part.is_structured()) return;
  if (part.is_object() && part.contains("type") && part["type"] == type) change(part);
  for (Json& inner : part) each_step(inner, type, change);
}

// What some classes take from their config.
void apply_class(TokenizerFile& file) {
  const std::string name = class_of(file.config);
  constexpr std::array kByteLevel = {"GPT2Tokenizer", "GPTNeoXTokenizer", "WhisperTokenizer"};
  const Json* prefix = field(file.config, "add_prefix_space");
  if (prefix && prefix->is_boolean() && std::find(kByteLevel.begin(), kByteLevel.end(), name) != kByteLevel.end() && file.json.contains("pre_tokenizer"))
    each_step(file.json["pre_tokenizer"], "ByteLevel", [&](Json& step) { step["add_prefix_space"] = *prefix; });
  if (name != "BertTokenizer" || !file.json.contains("normalizer")) return;
  each_step(file.json["normalizer"], "BertNormalizer", [&](Json& step) {
    step["lowercase"] = flag(file.config, "do_lower_case", flag(step, "lowercase", true));
    step["handle_chinese_chars"] = flag(file.config, "tokenize_chinese_chars", flag(step, "handle_chinese_chars", true));
    if (file.config.contains("strip_accents")) step["strip_accents"] = file.config["strip_accents"];
  });
}

// What the class of a tokenizer adds around a text when its config does not say, and whether its ids are the model file's.
struct TokenizerClass {
  std::string_view name;
  bool bos, eos;
};
constexpr TokenizerClass kSentencePieceClasses[] = {
    {"CodeLlamaTokenizer", true, false}, {"GemmaTokenizer", true, false}, {"LlamaTokenizer", true, false}, {"T5Tokenizer", false, true}};

}  // namespace

std::string class_of(const Json& config) {
  const Json* name = field(config, "tokenizer_class");
  std::string text = name && name->is_string() ? name->get<std::string>() : "";
  if (text.ends_with("Fast")) text.resize(text.size() - 4);
  return text;
}

void apply_config(TokenizerFile& file) {
  AddedList added(file);
  const Json& config = file.config;
  if (const Json* decoder = field(config, "added_tokens_decoder"); decoder && decoder->is_object()) {
    std::vector<std::pair<long, const Json*>> tokens;
    for (const auto& [id, token] : decoder->items()) tokens.emplace_back(std::strtol(id.c_str(), nullptr, 10), &token);
    std::sort(tokens.begin(), tokens.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [id, token] : tokens) added.add(*token, false);
  }
  for (const char* role : kRoles)
    if (const Json* token = field(config, role)) added.add(*token, true);
  for (const char* name : {"extra_special_tokens", "additional_special_tokens"})
    if (const Json* list = field(config, name); list && (list->is_array() || list->is_object()))
      for (const Json& token : *list) added.add(token, true);

  const Json* type = field(file.model.fields, "type");
  if (!type || *type != "SentencePiece") return apply_class(file);
  const std::string name = class_of(config);
  const auto known = std::find_if(std::begin(kSentencePieceClasses), std::end(kSentencePieceClasses), [&](const auto& c) { return c.name == name; });
  const bool is_known = known != std::end(kSentencePieceClasses);
  if (!is_known && !name.empty() && name != "PreTrainedTokenizer")
    throw Error{ErrorKind::unsupported, "the ids of a " + name + " need not be those of its sentencepiece model", file.where, "save it with a tokenizer.json"};
  file.add_bos = flag(config, "add_bos_token", is_known && known->bos);
  file.add_eos = flag(config, "add_eos_token", is_known && known->eos);
}

}  // namespace orrery
