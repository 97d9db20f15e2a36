#include "tokenize/vocab_files.h"

#include <algorithm>
#include <optional>
#include <span>

#include "base/utf8.h"
#include "tokenize/aligned_text.h"
#include "tokenize/scanners.h"
#include "tokenize/tokenizer_config.h"

namespace orrery {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void bad(std::string what) { throw Error{ErrorKind::bad_file, std::move(what), ""}; }

// A token given as "text" or as {"content": "text", …}.
std::optional<std::string> token_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_object() && value.contains("content") && value["content"].is_string()) return value["content"].get<std::string>();
  return std::nullopt;
}

bool flag(const Json& config, const char* name, bool fallback) {
  const auto found = config.find(name);
  return found != config.end() && found->is_boolean() ? found->get<bool>() : fallback;
}

Json special_token(const std::string& content) { return {{"content", content}, {"special", true}}; }

constexpr const char* kRoles[] = {"bos_token", "eos_token", "unk_token", "pad_token", "cls_token", "sep_token", "mask_token"};

// The special tokens of a tokenizer given by vocabulary files: those that the config names, then the usual ones, as
// far as the vocabulary has them; then tokens that the config adds to it, in the order of their ids.
Json special_tokens(const TokenizerFile& file, std::initializer_list<const char*> usual) {
  std::vector<std::string> names;
  for (const char* role : kRoles)
    if (file.config.contains(role))
      if (auto token = token_text(file.config[role])) names.push_back(*token);
  names.insert(names.end(), usual.begin(), usual.end());
  Json list = Json::array();
  for (const auto& [token, id] : file.model.vocab)
    if (std::find(names.begin(), names.end(), token) != names.end()) list.push_back(special_token(std::string(token)));
  if (const auto decoder = file.config.find("added_tokens_decoder"); decoder != file.config.end() && decoder->is_object())
    for (const auto& [id, token] : decoder->items())
      if (token_text(token)) list.push_back(token);
  return list;
}

std::optional<int32_t> id_in(const ModelConfig& model, const std::string& token) {
  for (const auto& [text, id] : model.vocab)
    if (text == token) return id;
  return std::nullopt;
}

// The classes of transformers whose vocabulary files mean the same.
constexpr std::string_view kBertClasses[] = {"BertTokenizer", "ConvBertTokenizer", "DistilBertTokenizer", "ElectraTokenizer", "LayoutLMTokenizer", "MobileBertTokenizer", "SqueezeBertTokenizer"};
constexpr std::string_view kGpt2Classes[] = {"CodeGenTokenizer", "GPT2Tokenizer"};
constexpr std::string_view kRobertaClasses[] = {"BartTokenizer", "LEDTokenizer", "LongformerTokenizer", "RobertaTokenizer"};
constexpr std::string_view kQwen2Classes[] = {"Qwen2Tokenizer"};

bool is_one_of(std::string_view name, std::span<const std::string_view> classes) { return std::find(classes.begin(), classes.end(), name) != classes.end(); }

void require_class(const std::string& name, std::span<const std::string_view> classes, const fs::path& path) {
  if (name.empty() || name == "PreTrainedTokenizer" || is_one_of(name, classes)) return;
  throw Error{ErrorKind::unsupported, "what a " + name + " makes of its vocabulary files is not known", path.string(), "save it with a tokenizer.json"};
}

// RoBERTa: GPT-2's words between <s> and </s>.
void describe_roberta(TokenizerFile& file, bool prefix) {
  const auto role = [&](const char* name, const char* usual) {
    const auto found = file.config.find(name);
    const std::string token = (found == file.config.end() ? std::nullopt : token_text(*found)).value_or(usual);
    if (found == file.config.end()) file.config[name] = token;
    return token;
  };
  const std::string cls = role("cls_token", "<s>"), sep = role("sep_token", "</s>");
  for (const auto& [name, usual] : {std::pair("bos_token", "<s>"), {"eos_token", "</s>"}, {"unk_token", "<unk>"}, {"pad_token", "<pad>"}, {"mask_token", "<mask>"}}) role(name, usual);
  const auto cls_id = id_in(file.model, cls), sep_id = id_in(file.model, sep);
  if (!cls_id || !sep_id) bad("the vocabulary has no " + (cls_id ? sep : cls) + ", which stands around each text");
  file.json["post_processor"] = {{"type", "RobertaProcessing"}, {"sep", Json::array({sep, *sep_id})}, {"cls", Json::array({cls, *cls_id})}, {"trim_offsets", true}, {"add_prefix_space", prefix}};
}

}  // namespace

// BERT, as its vocab.txt implies. Whether it is lower-cased is in the config; without one, told by the vocabulary itself.
void describe_bert(const fs::path& path, TokenizerFile& file) {
  const auto is_cased = [](std::string_view token) {
    return !token.starts_with('[') && std::any_of(token.begin(), token.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  };
  const std::string class_name = class_of(file.config);
  require_class(class_name, kBertClasses, path);
  bool lower = true;
  for (const auto& [token, id] : file.model.vocab) lower = lower && (!class_name.empty() || !is_cased(token));
  lower = flag(file.config, "do_lower_case", lower);
  const auto strip = file.config.find("strip_accents");
  const auto role = [&](const char* name, const char* fallback) {
    const auto found = file.config.find(name);
    return (found == file.config.end() ? std::nullopt : token_text(*found)).value_or(fallback);
  };
  const std::string cls = role("cls_token", "[CLS]"), sep = role("sep_token", "[SEP]"), unk = role("unk_token", "[UNK]");
  if (!id_in(file.model, unk))
    throw Error{ErrorKind::bad_file, "this is no vocabulary: none of its lines is the unknown token " + unk, path.string(), kWanted};
  file.json["added_tokens"] = special_tokens(file, {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"});
  file.json["normalizer"] = {{"type", "BertNormalizer"},
                             {"clean_text", true},
                             {"handle_chinese_chars", flag(file.config, "tokenize_chinese_chars", true)},
                             {"strip_accents", strip == file.config.end() ? Json() : *strip},
                             {"lowercase", lower}};
  file.json["pre_tokenizer"] = {{"type", "BertPreTokenizer"}};
  const auto cls_id = id_in(file.model, cls), sep_id = id_in(file.model, sep);
  if (cls_id && sep_id) {
    const auto special = [](const std::string& id, int type) { return Json{{"SpecialToken", {{"id", id}, {"type_id", type}}}}; };
    const auto text = [](const char* id, int type) { return Json{{"Sequence", {{"id", id}, {"type_id", type}}}}; };
    const auto entry = [](const std::string& token, int32_t id) {
      return Json{{"id", token}, {"ids", Json::array({id})}, {"tokens", Json::array({token})}};
    };
    file.json["post_processor"] = {
        {"type", "TemplateProcessing"},
        {"single", Json::array({special(cls, 0), text("A", 0), special(sep, 0)})},
        {"pair", Json::array({special(cls, 0), text("A", 0), special(sep, 0), text("B", 1), special(sep, 1)})},
        {"special_tokens", {{cls, entry(cls, *cls_id)}, {sep, entry(sep, *sep_id)}}}};
  }
  file.json["decoder"] = {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}};
  file.model.fields = {{"type", "WordPiece"}, {"unk_token", unk}, {"continuing_subword_prefix", "##"}, {"max_input_chars_per_word", 100}};
}

// GPT-2 and its kin: byte-level BPE.
void describe_byte_level(const fs::path& path, TokenizerFile& file) {
  const std::string name = class_of(file.config);
  const bool roberta = is_one_of(name, kRobertaClasses), qwen2 = is_one_of(name, kQwen2Classes);
  if (!roberta && !qwen2) require_class(name, kGpt2Classes, path);
  for (const auto& [left, right] : file.model.merges)
    for (const std::string_view token : {left, right})
      for (size_t at = 0; at < token.size();) {
        const CodePoint c = decode_utf8(token, at);
        if (char_to_byte(c.value) < 0)
          throw Error{ErrorKind::unsupported, "merges that are not byte-level ('" + std::string(token) + "') say too little without a tokenizer.json", ""};
        at += c.size;
      }
  const bool prefix = flag(file.config, "add_prefix_space", false);
  file.json["added_tokens"] = special_tokens(file, {"<|endoftext|>"});
  file.json["pre_tokenizer"] = {{"type", "ByteLevel"}, {"add_prefix_space", prefix}, {"trim_offsets", true}, {"use_regex", true}};
  // The classes leave the space before a word in its offsets; files without one are read as the package tokenizers alone reads them.
  file.json["post_processor"] = {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", name.empty()}, {"use_regex", true}};
  file.json["decoder"] = {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", true}};
  file.model.fields = {{"type", "BPE"}};
  if (roberta) describe_roberta(file, prefix);
  if (qwen2) {
    file.json["normalizer"] = {{"type", "NFC"}};
    file.json["pre_tokenizer"] = {{"type", "Sequence"},
                                  {"pretokenizers", Json::array({{{"type", "Split"}, {"pattern", {{"Regex", kQwen2Pattern}}}, {"behavior", "Isolated"}, {"invert", false}},
                                                                 {{"type", "ByteLevel"}, {"add_prefix_space", prefix}, {"trim_offsets", true}, {"use_regex", false}}})}};
  }
}

}  // namespace orrery
