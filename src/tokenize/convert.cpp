#include "tokenize/convert.h"

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "base/base64.h"
#include "base/file.h"
#include "base/utf8.h"
#include "tokenize/aligned_text.h"
#include "tokenize/rank_file.h"
#include "tokenize/scanners.h"
#include "tokenize/sentencepiece_json.h"
#include "tokenize/tokenizer_json_text.h"

namespace orrery {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void refuse(const std::string& why, const std::string& hint = {}) { throw Error{ErrorKind::unsupported, why, "", hint}; }

// What a format's writer works on: the tokenizer as a tokenizer.json and its tokenizer_config.json.
struct Conversion {
  const Tokenizer& tokenizer;
  Json json, config;
  fs::path folder;
  bool keeps_ends = true;                  // says which special tokens stand around a text
  std::optional<RankOptions> ranks = {};   // what a reader of the written files must be told
  std::vector<std::string> lost = {};
};

// ---- what ids and decoded texts depend on, each thing said in one way ----

// The steps of a step, those of sequences in sequences one after the other.
void flatten(const Json& step, std::vector<Json>& out) {
  if (step.is_null()) return;
  if (step.value("type", "") != "Sequence") return out.push_back(step);
  for (const char* list : {"normalizers", "pretokenizers", "processors", "decoders"})
    if (step.contains(list))
      for (const Json& one : step[list]) flatten(one, out);
}

Json split(std::string_view expression) { return {{"type", "Split"}, {"pattern", {{"Regex", expression}}}, {"behavior", "Isolated"}, {"invert", false}}; }

// Where every character is in a match, "the matches" and "the matches and what lies between" are the same pieces.
Json canonical_split(Json step) {
  const Json pattern = step.value("pattern", Json::object());
  const bool keeps_matches = step.value("behavior", "") == "Removed" && step.value("invert", false);
  if (keeps_matches && pattern.contains("Regex") && matches_everything(pattern["Regex"].get<std::string>())) return split(pattern["Regex"].get<std::string>());
  return step;
}

Json pre_tokenizers(const Json& json) {
  std::vector<Json> steps;
  flatten(json, steps);
  Json out = Json::array();
  for (Json& step : steps) {
    const std::string type = step.value("type", "");
    if (type == "Split") step = canonical_split(std::move(step));
    if (type == "ByteLevel") {
      const bool prefix = step.value("add_prefix_space", true), cuts = step.value("use_regex", true);
      if (cuts && !prefix) out.push_back(split(kGpt2Pattern));
      step = {{"type", "ByteLevel"}, {"add_prefix_space", prefix}, {"use_regex", cuts && prefix}};
    }
    out.push_back(std::move(step));
  }
  return out;
}

// [CLS] A [SEP] as a template.
Json bert_template(const Json& step) {
  const auto special = [](const Json& name, int type) { return Json{{"SpecialToken", {{"id", name}, {"type_id", type}}}}; };
  const auto text = [](const char* name, int type) { return Json{{"Sequence", {{"id", name}, {"type_id", type}}}}; };
  const Json &cls = step["cls"], &sep = step["sep"];
  Json tokens = Json::object();
  for (const Json* one : {&cls, &sep}) tokens[(*one)[0].get<std::string>()] = {{"id", (*one)[0]}, {"ids", Json::array({(*one)[1]})}, {"tokens", Json::array({(*one)[0]})}};
  return {{"type", "TemplateProcessing"},
          {"single", Json::array({special(cls[0], 0), text("A", 0), special(sep[0], 0)})},
          {"pair", Json::array({special(cls[0], 0), text("A", 0), special(sep[0], 0), text("B", 1), special(sep[0], 1)})},
          {"special_tokens", std::move(tokens)}};
}

Json post_processors(const Json& json) {
  std::vector<Json> steps;
  flatten(json, steps);
  Json out = Json::array();
  for (const Json& step : steps) {
    const std::string type = step.value("type", "");
    if (type == "BertProcessing") out.push_back(bert_template(step));
    else if (type != "ByteLevel") out.push_back(step);   // that one moves offsets alone
  }
  return out;
}

Json decoders(const Json& json) {
  std::vector<Json> steps;
  flatten(json, steps);
  Json out = Json::array();
  for (const Json& step : steps) out.push_back(step.value("type", "") == "ByteLevel" ? Json{{"type", "ByteLevel"}} : step);
  return out;
}

Json normalizers(const Json& json) {
  std::vector<Json> steps;
  flatten(json, steps);
  return Json(steps);
}

std::vector<std::pair<int32_t, std::string>> vocab_by_id(const Json& vocab) {
  std::vector<std::pair<int32_t, std::string>> list;
  for (const auto& [token, id] : vocab.items()) list.emplace_back(id.get<int32_t>(), token);
  std::sort(list.begin(), list.end());
  return list;
}

// The fields of a model that are not as they would be by default.
Json model_fields(const Json& model) {
  Json out = Json::object();
  for (const auto& [name, value] : model.items()) {
    const bool usual = value.is_null() || value == false || value == "" || name == "vocab" || name == "merges" || name == "ignore_merges";
    if (!usual) out[name] = value;
  }
  return out;
}

std::unordered_map<std::string, int32_t> added_ids(const Json& json) {
  std::unordered_map<std::string, int32_t> ids;
  for (const Json& token : json["added_tokens"]) ids.emplace(token["content"].get<std::string>(), token["id"].get<int32_t>());
  return ids;
}

Json added_tokens(const Json& json) {
  Json out = Json::object();
  for (const Json& token : json["added_tokens"]) {
    Json fields = {{"id", token["id"]}};
    for (const char* flag : {"single_word", "lstrip", "rstrip", "special"}) fields[flag] = token.value(flag, false);
    if (!json["normalizer"].is_null()) fields["normalized"] = token.value("normalized", false);
    out[token["content"].get<std::string>()] = std::move(fields);
  }
  return out;
}

std::string shortened(const Json& json) {
  std::string text = to_line(json);
  if (text.size() > 160) {
    size_t end = 160;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) end--;
    text = text.substr(0, end) + "…";
  }
  return text;
}

void expect_same(std::string_view what, const Json& ours, const Json& written) {
  if (ours == written) return;
  refuse("the format has no way to say the tokenizer's " + std::string(what) + ": it is " + shortened(ours) + ", and would be read as " + shortened(written));
}

// Both vocabularies without the added tokens, which are told apart.
void expect_same_vocab(const Json& ours, const Json& written) {
  const auto special = added_ids(ours);
  const auto read = [&](const Json& json) {
    std::vector<std::pair<int32_t, std::string>> list = vocab_by_id(json["model"]["vocab"]);
    std::erase_if(list, [&](const auto& entry) { return special.contains(entry.second); });
    return list;
  };
  const auto a = read(ours), b = read(written);
  const auto [at, other] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (at != a.end()) refuse("the format has no way to keep the token " + shortened(Json(at->second)) + " at the id " + std::to_string(at->first));
  if (other != b.end()) refuse("a reader of the format would find one more token, " + shortened(Json(other->second)) + " of id " + std::to_string(other->first));
}

// Ranks say merges by their products: neighbours join, the product of lowest rank first. A list of merges says the same where its products
// never fall, and where it has the last step of each token's own way, which is what a reader makes of the ranks: no other step ever arises.
void expect_same_ranks(const Json& ours, const Json& written) {
  std::unordered_map<std::string, int32_t> vocab;
  for (const auto& [token, id] : ours["model"]["vocab"].items()) vocab.emplace(token, id.get<int32_t>());
  int32_t last = -1;
  std::unordered_set<std::string> listed;
  for (const Json& merge : ours["model"]["merges"]) {
    const std::string left = merge[0].get<std::string>(), right = merge[1].get<std::string>();
    const auto product = vocab.find(left + right);
    const int32_t id = product == vocab.end() ? -1 : product->second;
    if (id < last) refuse("the merge of " + shortened(merge) + " comes after merges whose tokens have larger ids, and ranks are ids");
    last = id;
    listed.insert(left + " " + right);
  }
  for (const Json& merge : written["model"]["merges"])
    if (!listed.contains(merge[0].get<std::string>() + " " + merge[1].get<std::string>()))
      refuse("by ranks " + shortened(merge) + " would be joined, which the tokenizer does not");
  if (ours["model"].value("ignore_merges", false)) return;
  // A token without a way to it is found by its rank where it is a whole word, and never by merges.
  std::unordered_set<std::string> made;
  for (const Json& merge : written["model"]["merges"]) made.insert(merge[0].get<std::string>() + merge[1].get<std::string>());
  const auto special = added_ids(ours);
  for (const auto& [token, id] : vocab)
    if (count_code_points(token) > 1 && !made.contains(token) && !special.contains(token))
      refuse("no merges lead to the token " + shortened(Json(token)) + ", which a rank would make one wherever it is a word");
}

void expect_same_merges(const Json& ours, const Json& written) {
  const Json &a = ours["model"]["merges"], &b = written["model"]["merges"];
  for (size_t i = 0; i < std::max(a.size(), b.size()); i++)
    if (i >= a.size() || i >= b.size() || a[i] != b[i]) refuse("the format has no way to say merge " + std::to_string(i + 1) + ", " + shortened(i < a.size() ? a[i] : b[i]));
}

void expect_same_answers(Conversion& conversion, const Tokenizer& read) {
  const Json &ours = conversion.json, written = read.to_json();
  expect_same("model", model_fields(ours["model"]), model_fields(written["model"]));
  expect_same("normalizer", normalizers(ours["normalizer"]), normalizers(written["normalizer"]));
  expect_same("pre_tokenizer", pre_tokenizers(ours["pre_tokenizer"]), pre_tokenizers(written["pre_tokenizer"]));
  expect_same("decoder", decoders(ours["decoder"]), decoders(written["decoder"]));
  expect_same("added_tokens", added_tokens(ours), added_tokens(written));
  const Json ends = post_processors(ours["post_processor"]), read_ends = post_processors(written["post_processor"]);
  if (!conversion.keeps_ends && read_ends.empty() && !ends.empty()) conversion.lost.push_back("the special tokens around a text, which whoever reads these files adds");
  else expect_same("post_processor", ends, read_ends);
  if (ours["model"]["vocab"].is_object()) expect_same_vocab(ours, written);
  else expect_same("vocabulary", ours["model"].value("vocab", Json()), written["model"].value("vocab", Json()));
  if (!ours["model"].contains("merges")) return;
  if (conversion.ranks) expect_same_ranks(ours, written);
  else if (ours["model"].value("ignore_merges", false) != written["model"].value("ignore_merges", false)) refuse("the format has no way to say ignore_merges");
  else expect_same_merges(ours, written);
}

// ---- the formats ----

void put(const Conversion& conversion, const char* name, std::string_view bytes) { write_file(conversion.folder / name, bytes).value(); }

std::string type_of(const Json& step) { return step.is_object() ? step.value("type", "none") : "none"; }

void expect_model(const Conversion& conversion, const char* type, const char* format) {
  const std::string model = type_of(conversion.json["model"]);
  if (model != type) refuse(std::string(format) + " is a vocabulary of " + type + ", and the model is " + model);
}

void write_tokenizer_json(Conversion& conversion) { put(conversion, "tokenizer.json", tokenizer_json_text(conversion.json)); }

void write_vocab_json(Conversion& conversion) {
  expect_model(conversion, "BPE", "vocab.json with merges.txt");
  conversion.keeps_ends = false;
  Json added = Json::object();
  std::string vocab;
  for (const auto& [id, token] : vocab_by_id(conversion.json["model"]["vocab"])) vocab += (vocab.empty() ? "{" : ",\n ") + to_line(Json(token)) + ": " + std::to_string(id);
  std::string merges = "#version: 0.2\n";
  for (const Json& merge : conversion.json["model"]["merges"]) merges += merge[0].get<std::string>() + " " + merge[1].get<std::string>() + "\n";
  for (const Json& token : conversion.json["added_tokens"]) added[token["id"].dump()] = token;
  for (const Json& step : pre_tokenizers(conversion.json["pre_tokenizer"]))
    if (type_of(step) == "ByteLevel") conversion.config["add_prefix_space"] = step["add_prefix_space"];
  conversion.config["added_tokens_decoder"] = std::move(added);
  put(conversion, "vocab.json", (vocab.empty() ? "{" : vocab) + "}\n");
  put(conversion, "merges.txt", merges);
}

void write_vocab_txt(Conversion& conversion) {
  expect_model(conversion, "WordPiece", "vocab.txt");
  std::string lines;
  int32_t next = 0;
  for (const auto& [id, token] : vocab_by_id(conversion.json["model"]["vocab"])) {
    if (id != next++) refuse("no token has the id " + std::to_string(next - 1) + ", and in vocab.txt ids are the numbers of the lines");
    if (token.find('\n') != std::string::npos) refuse("the token " + shortened(Json(token)) + " has a line break, and vocab.txt has one token a line");
    lines += token + "\n";
  }
  const Json& normalizer = conversion.json["normalizer"];
  if (type_of(normalizer) == "BertNormalizer") {
    conversion.config["do_lower_case"] = normalizer.value("lowercase", true);
    conversion.config["strip_accents"] = normalizer.value("strip_accents", Json());
    conversion.config["tokenize_chinese_chars"] = normalizer.value("handle_chinese_chars", true);
  }
  put(conversion, "vocab.txt", lines);
}

std::string bytes_of(const std::string& token) {
  std::string bytes;
  for (size_t at = 0; at < token.size();) {
    const CodePoint c = decode_utf8(token, at);
    const int byte = char_to_byte(c.value);
    if (byte < 0) refuse("the token " + shortened(Json(token)) + " does not stand for bytes");
    bytes.push_back(static_cast<char>(byte));
    at += c.size;
  }
  return bytes;
}

void write_ranks(Conversion& conversion) {
  expect_model(conversion, "BPE", "a rank file");
  conversion.keeps_ends = false;
  const auto special = added_ids(conversion.json);
  std::string lines;
  for (const auto& [id, token] : vocab_by_id(conversion.json["model"]["vocab"]))
    if (!special.contains(token)) lines += encode_base64(bytes_of(token)) + " " + std::to_string(id) + "\n";
  conversion.ranks = RankOptions{};
  for (const Json& step : pre_tokenizers(conversion.json["pre_tokenizer"]))
    if (type_of(step) == "Split" && step["pattern"].contains("Regex")) conversion.ranks->pattern = step["pattern"]["Regex"].get<std::string>();
  Json tokens = Json::object();
  for (const Json& token : conversion.json["added_tokens"]) {
    conversion.ranks->special.emplace_back(token["content"].get<std::string>(), token["id"].get<int32_t>());
    tokens[token["content"].get<std::string>()] = token["id"];
  }
  put(conversion, "tokenizer.tiktoken", lines);
  put(conversion, "special_tokens.json", to_text(tokens));
  put(conversion, "pattern.txt", conversion.ranks->pattern);
  conversion.lost.push_back("how texts are cut and the special tokens, which stand beside it: --pattern \"$(cat pattern.txt)\" --special-tokens special_tokens.json");
}

void write_sentencepiece(Conversion& conversion) {
  if (type_of(conversion.json["model"]) != "SentencePiece")
    refuse("a .model has sentencepiece's own rules alone, and the steps of a tokenizer.json are others", "`orrery vocab train` learns one from text; tokenizer.json is read by most programs");
  put(conversion, "tokenizer.model", *decode_base64(conversion.json["model"]["proto"].get<std::string>()));
}

struct Format {
  std::string_view name;
  void (*write)(Conversion&);
  const char* file;   // by which the folder is read again
};

constexpr Format kFormats[] = {{"tokenizer.json", write_tokenizer_json, ""},
                               {"vocab.json", write_vocab_json, ""},
                               {"vocab.txt", write_vocab_txt, ""},
                               {"tiktoken", write_ranks, "tokenizer.tiktoken"},
                               {"tokenizer.model", write_sentencepiece, ""}};

Conversion begin(const Tokenizer& tokenizer, const fs::path& folder) {
  tokenizer.save(folder).value();   // for its tokenizer_config.json
  Conversion conversion{tokenizer, tokenizer.to_json(), parse_json(read_file(folder / "tokenizer_config.json").value(), "tokenizer_config.json").value(), folder};
  for (const char* name : {"tokenizer.json", "tokenizer.model"}) fs::remove(folder / name);
  return conversion;
}

// Replacing a folder deletes what it holds: only what was written here may go.
void check_target(const fs::path& folder) {
  constexpr std::array kOurs = {"tokenizer.json", "vocab.json", "merges.txt", "vocab.txt", "tokenizer.tiktoken", "special_tokens.json", "pattern.txt", "tokenizer.model", "tokenizer_config.json"};
  std::error_code ignored;
  if (!fs::exists(folder, ignored)) return;
  constexpr const char* kHint = "-o takes the name of another folder";
  if (!fs::is_directory(folder, ignored)) throw Error{ErrorKind::bad_usage, "this is a file, not a folder", "", kHint};
  for (const auto& entry : fs::directory_iterator(folder))
    if (std::find(kOurs.begin(), kOurs.end(), entry.path().filename().string()) == kOurs.end())
      throw Error{ErrorKind::bad_usage, "this folder holds something other than a tokenizer, and writing would replace it", "", kHint};
}

ConvertedTokenizer convert(const Tokenizer& tokenizer, const Format& format, const fs::path& folder) {
  check_target(folder);
  AtomicDirectory made(folder);
  made.ready().value();
  Conversion conversion = begin(tokenizer, made.path());
  const bool leaves_sentencepiece = type_of(conversion.json["model"]) == "SentencePiece" && format.write != write_sentencepiece;
  if (leaves_sentencepiece) conversion.json = sentencepiece_as_json(tokenizer);
  format.write(conversion);
  put(conversion, "tokenizer_config.json", to_text(conversion.config));
  const Tokenizer read = Tokenizer::load(made.path() / format.file, conversion.ranks).value();
  if (leaves_sentencepiece) expect_same_ids(tokenizer, read);
  else expect_same_answers(conversion, read);
  ConvertedTokenizer converted;
  converted.lost = std::move(conversion.lost);
  for (const auto& entry : fs::directory_iterator(made.path())) converted.files.push_back(entry.path().filename().string());
  std::sort(converted.files.begin(), converted.files.end());
  made.commit().value();
  return converted;
}

}  // namespace

std::vector<std::string_view> tokenizer_formats() {
  std::vector<std::string_view> names;
  for (const Format& format : kFormats) names.push_back(format.name);
  return names;
}

Result<ConvertedTokenizer> convert_tokenizer(const Tokenizer& tokenizer, std::string_view name, const fs::path& folder) {
  const auto format = std::find_if(std::begin(kFormats), std::end(kFormats), [&](const Format& one) { return one.name == name; });
  if (format == std::end(kFormats)) return Error{ErrorKind::bad_usage, "no format '" + std::string(name) + "'", ""};
  try {
    return convert(tokenizer, *format, folder);
  } catch (Error& error) {
    error.where = folder.string();
    return error;
  }
}

}  // namespace orrery
