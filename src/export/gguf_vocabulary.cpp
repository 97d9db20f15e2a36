// A tokenizer as the keys tokenizer.ggml.…: the four kinds that llama.cpp reads, each read back here and compared.
#include <algorithm>
#include <unordered_map>

#include "base/base64.h"
#include "base/random.h"
#include "export/gguf_parts.h"
#include "tokenize/gguf_vocab.h"
#include "tokenize/sentencepiece.h"

namespace orrery {

namespace {

constexpr std::string_view kSpace = "\xE2\x96\x81";   // ▁
constexpr const char* kHint = "`--no-tokenizer` writes the weights alone";

enum TokenType : int32_t { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };

[[noreturn]] void refuse(const std::string& why) { throw Error{ErrorKind::unsupported, "GGUF files have no form for this tokenizer: " + why, "", kHint}; }

struct Vocabulary {
  std::string model, pre = "default";
  std::vector<std::string> tokens, merges;
  std::vector<int32_t> types;
  std::vector<float> scores;   // of sentencepiece's kinds
  GgufKeys keys = {};          // others of this kind

  void put(int64_t id, std::string token, TokenType type, float score = 0) {
    if (id < 0 || id >= int64_t(tokens.size())) refuse("token '" + token + "' has the id " + std::to_string(id) + ", and the model has " + std::to_string(tokens.size()));
    tokens[size_t(id)] = std::move(token);
    types[size_t(id)] = type;
    scores[size_t(id)] = score;
  }
};

std::string type_of(const Json& step) { return step.is_object() ? step.value("type", "") : ""; }

// Whether a step of this type is among them, sequences included.
const Json* step_of(const Json& step, std::string_view type) {
  if (type_of(step) == type) return &step;
  for (const char* list : {"normalizers", "pretokenizers"})
    if (step.is_object() && step.contains(list))
      for (const Json& one : step[list])
        if (const Json* found = step_of(one, type)) return found;
  return nullptr;
}

bool adds_space(const Json& json) {
  if (step_of(json["normalizer"], "Prepend")) return true;
  const Json* metaspace = step_of(json["pre_tokenizer"], "Metaspace");
  return metaspace && metaspace->value("prepend_scheme", metaspace->value("add_prefix_space", true) ? "always" : "never") != "never";
}

bool is_byte(std::string_view token) { return token.size() == 6 && token.starts_with("<0x") && token.ends_with('>'); }

void describe_sentencepiece(const SentencePiece& spm, Vocabulary& out) {
  if (spm.model() != SentencePiece::Model::bpe && spm.model() != SentencePiece::Model::unigram) refuse("sentencepiece's words and characters are none of llama.cpp's kinds");
  out.model = spm.model() == SentencePiece::Model::bpe ? "llama" : "t5";
  for (size_t i = 0; i < spm.pieces().size(); ++i) out.put(int64_t(i), spm.pieces()[i].text, TokenType(spm.pieces()[i].type), spm.pieces()[i].score);
  out.keys = {{"tokenizer.ggml.add_space_prefix", spm.rules().add_dummy_prefix}, {"tokenizer.ggml.remove_extra_whitespaces", spm.rules().remove_extra_whitespaces}};
  const std::string& map = spm.rules().charsmap;
  if (!map.empty()) out.keys.emplace_back("tokenizer.ggml.precompiled_charsmap", std::vector<uint8_t>(map.begin(), map.end()));
}

// Merges by the scores of what they make, as sentencepiece has them: the first merge the highest.
void describe_fallback_bpe(const Json& json, Vocabulary& out) {
  out.model = "llama";
  const Json& model = json["model"];
  std::unordered_map<std::string, float> scores;
  for (const Json& merge : model["merges"]) scores.emplace(merge[0].get<std::string>() + merge[1].get<std::string>(), -float(scores.size()));
  const std::string unk = model.value("unk_token", Json()).is_string() ? model["unk_token"].get<std::string>() : "";
  for (const auto& [token, id] : model["vocab"].items()) {
    const auto score = scores.find(token);
    out.put(id.get<int64_t>(), token, token == unk ? unknown : is_byte(token) ? byte : normal, score == scores.end() ? -float(scores.size()) : score->second);
  }
  out.keys = {{"tokenizer.ggml.add_space_prefix", adds_space(json)}, {"tokenizer.ggml.remove_extra_whitespaces", false}};
}

void describe_unigram(const Json& json, Vocabulary& out) {
  out.model = "t5";
  const Json &model = json["model"], &vocab = model["vocab"];
  const int64_t unk = model.value("unk_id", Json()).is_number_integer() ? model["unk_id"].get<int64_t>() : -1;
  for (size_t i = 0; i < vocab.size(); ++i) {
    const std::string token = vocab[i][0].get<std::string>();
    out.put(int64_t(i), token, int64_t(i) == unk ? unknown : is_byte(token) && model.value("byte_fallback", false) ? byte : normal, vocab[i][1].get<float>());
  }
  out.keys = {{"tokenizer.ggml.add_space_prefix", adds_space(json)}, {"tokenizer.ggml.remove_extra_whitespaces", step_of(json["normalizer"], "Replace") != nullptr || step_of(json["pre_tokenizer"], "WhitespaceSplit") != nullptr}};
  if (const Json* map = step_of(json["normalizer"], "Precompiled"); map && (*map)["precompiled_charsmap"].is_string()) {
    const auto bytes = decode_base64((*map)["precompiled_charsmap"].get<std::string>());
    if (bytes) out.keys.emplace_back("tokenizer.ggml.precompiled_charsmap", std::vector<uint8_t>(bytes->begin(), bytes->end()));
  }
}

// "##s" is "s" there, and a token that begins a word has a ▁ before it.
void describe_wordpiece(const Json& json, Vocabulary& out) {
  out.model = "bert";
  const Json* normalizer = step_of(json["normalizer"], "BertNormalizer");
  if (!normalizer || !normalizer->value("lowercase", false)) refuse("llama.cpp reads lower-cased WordPiece alone");
  for (const auto& [token, id] : json["model"]["vocab"].items()) out.put(id.get<int64_t>(), token.starts_with("##") ? token.substr(2) : std::string(kSpace) + token, normal);
  for (const auto& [key, token] : {std::pair{"cls_token_id", "[CLS]"}, {"seperator_token_id", "[SEP]"}, {"mask_token_id", "[MASK]"}})
    if (const auto found = json["model"]["vocab"].find(token); found != json["model"]["vocab"].end()) out.keys.emplace_back(std::string("tokenizer.ggml.") + key, found->get<uint32_t>());
}

// The expressions that cut a text into words, in order.
void expressions_of(const Json& step, std::vector<std::string>& out) {
  if (step.is_null()) return;
  const std::string type = type_of(step);
  if (type == "Sequence") {
    for (const Json& one : step["pretokenizers"]) expressions_of(one, out);
  } else if (type == "Split" && step["pattern"].contains("Regex")) {
    out.push_back(step["pattern"]["Regex"].get<std::string>());
  } else if (type == "ByteLevel") {
    if (step.value("use_regex", true)) out.push_back(gguf_byte_level_expression());
  } else if (type == "Digits" && step.value("individual_digits", false)) {
    out.push_back(R"(\p{N})");
  } else {
    refuse("a " + type + " step is none that llama.cpp has");
  }
}

void describe_byte_level(const Json& json, Vocabulary& out) {
  out.model = "gpt2";
  std::vector<std::string> expressions;
  expressions_of(json["pre_tokenizer"], expressions);
  out.pre = gguf_cut_named(expressions);
  if (out.pre.empty()) refuse("the way it cuts texts is none that llama.cpp has a name for");
  if (!json["normalizer"].is_null()) refuse("llama.cpp's byte-level BPE has no normaliser");
  for (const auto& [token, id] : json["model"]["vocab"].items()) out.put(id.get<int64_t>(), token, normal);
  for (const Json& merge : json["model"]["merges"]) out.merges.push_back(merge[0].get<std::string>() + " " + merge[1].get<std::string>());
  if (const Json* step = step_of(json["pre_tokenizer"], "ByteLevel")) out.keys = {{"tokenizer.ggml.add_space_prefix", step->value("add_prefix_space", true)}};
}

Vocabulary describe(const Tokenizer& tokenizer, const Json& json, int64_t size) {
  Vocabulary out;
  for (int64_t i = 0; i < size; ++i) out.tokens.push_back("[PAD" + std::to_string(i) + "]");
  out.types.assign(size_t(size), unused);
  out.scores.assign(size_t(size), -10000);
  const std::string type = type_of(json["model"]);
  if (const SentencePiece* spm = tokenizer.sentencepiece()) describe_sentencepiece(*spm, out);
  else if (type == "BPE" && json["model"].value("byte_fallback", false)) describe_fallback_bpe(json, out);
  else if (type == "BPE" && step_of(json["pre_tokenizer"], "ByteLevel")) describe_byte_level(json, out);
  else if (type == "Unigram") describe_unigram(json, out);
  else if (type == "WordPiece") describe_wordpiece(json, out);
  else refuse("it is none of llama.cpp's four kinds");
  for (const Json& token : json["added_tokens"]) {
    const auto id = token["id"].get<int64_t>();
    const bool special = token.value("special", false);
    const bool is_unknown = id < size && out.types[size_t(id)] == unknown;
    out.put(id, token["content"].get<std::string>(), is_unknown ? unknown : special ? control : user_defined, out.model == "t5" && id < size ? out.scores[size_t(id)] : -1000);
  }
  return out;
}

// Texts that a comparison reads: what random tokens decode to, and odd characters. Not the unknown token's own text, which llama.cpp
// does not look for.
void expect_same_ids(const Tokenizer& ours, const Tokenizer& read) {
  constexpr std::string_view kOdd[] = {" ", "  ", "\n", "\t", "é", "ﬁ", "Ａ", "…", "中", "🙂", "1234", "don't"};
  for (uint64_t number = 0; number < 2000; ++number) {
    Random random(0, number);
    std::string text;
    for (uint64_t part = 1 + random.below(6); part > 0; --part) {
      if (random.below(4) == 0) text += std::string(kOdd[random.below(std::size(kOdd))]) + " ";   // what joins with it is each library's own
      const int32_t id[] = {int32_t(random.below(uint64_t(ours.id_limit())))};
      if (id[0] != ours.roles().unk) text += (random.below(2) == 0 ? " " : "") + ours.decode(id, true);
    }
    if (ours.encode_ids(text) != read.encode_ids(text)) refuse("read back, the text " + to_line(Json(text)) + " would have other ids");
  }
}

}  // namespace

GgufKeys gguf_vocabulary_keys(const Tokenizer& tokenizer, int64_t size) {
  const Json json = tokenizer.to_json();
  Vocabulary vocabulary = describe(tokenizer, json, size);
  GgufKeys keys = {{"tokenizer.ggml.model", vocabulary.model}, {"tokenizer.ggml.pre", vocabulary.pre}, {"tokenizer.ggml.tokens", vocabulary.tokens}, {"tokenizer.ggml.token_type", vocabulary.types}};
  if (vocabulary.model == "llama" || vocabulary.model == "t5") keys.emplace_back("tokenizer.ggml.scores", vocabulary.scores);
  if (vocabulary.model == "gpt2") keys.emplace_back("tokenizer.ggml.merges", vocabulary.merges);
  keys.insert(keys.end(), vocabulary.keys.begin(), vocabulary.keys.end());
  const SpecialRoles& roles = tokenizer.roles();
  const auto role = [&](const char* name, std::optional<int32_t> id) {
    if (id && *id >= 0 && *id < size) keys.emplace_back(std::string("tokenizer.ggml.") + name, uint32_t(*id));
  };
  role("bos_token_id", roles.bos);
  role("eos_token_id", roles.eos);
  role("unknown_token_id", roles.unk);
  role("padding_token_id", roles.pad);
  if (vocabulary.model != "bert") {
    const std::vector<int32_t> bare = tokenizer.encode_ids("a", {.add_special = false}), whole = tokenizer.encode_ids("a");
    keys.emplace_back("tokenizer.ggml.add_bos_token", roles.bos && whole.size() > bare.size() && whole.front() == *roles.bos);
    keys.emplace_back("tokenizer.ggml.add_eos_token", roles.eos && whole.size() > bare.size() && whole.back() == *roles.eos);
  }
  expect_same_ids(tokenizer, Tokenizer::from_gguf(gguf_metadata(keys), "the keys of the GGUF file").value());
  return keys;
}

}  // namespace orrery
