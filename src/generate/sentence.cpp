#include "generate/sentence.h"

#include <algorithm>
#include <cmath>

#include "base/file.h"
#include "base/json.h"

namespace orrery {

const char* name_of(Pooling pooling) { return pooling == Pooling::mean ? "mean" : pooling == Pooling::cls ? "cls" : "last"; }

Pooling pooling_named(const std::string& name) {
  for (const Pooling pooling : {Pooling::mean, Pooling::cls, Pooling::last})
    if (name == name_of(pooling)) return pooling;
  throw Error{ErrorKind::bad_usage, "pooling '" + name + "' is not mean, cls or last", "--pooling"};
}

namespace {

// Null where the file does not exist.
Result<Json> optional_json(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return Json();
  Result<std::string> text = read_file(path);
  if (!text) return text.error();
  return parse_json(*text, path.string());
}

bool is_true(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

Status read_pooling(const std::filesystem::path& path, SentenceSettings& settings) {
  Result<Json> json = optional_json(path);
  if (!json) return json.error();
  if (!json->is_object()) return done();
  if (is_true(*json, "pooling_mode_cls_token")) settings.pooling = Pooling::cls;
  else if (is_true(*json, "pooling_mode_lasttoken")) settings.pooling = Pooling::last;
  else if (!is_true(*json, "pooling_mode_mean_tokens"))
    return Error{ErrorKind::unsupported, "this way of pooling is not known", path.string(), "choose one with --pooling mean, cls or last"};
  return done();
}

}  // namespace

Result<SentenceSettings> read_sentence_settings(const std::filesystem::path& folder) {
  SentenceSettings settings;
  Result<Json> modules = optional_json(folder / "modules.json");
  if (!modules) return modules.error();
  if (modules->is_array())
    for (const Json& module : *modules) {
      if (!module.is_object() || !module.contains("type") || !module["type"].is_string()) continue;
      const std::string type = module["type"].get<std::string>();
      if (type.ends_with(".Normalize")) settings.normalize = true;
      if (!type.ends_with(".Pooling")) continue;
      const bool has_path = module.contains("path") && module["path"].is_string();
      const std::filesystem::path path = has_path ? module["path"].get<std::string>() : "1_Pooling";
      if (path.is_absolute() || path.string().find("..") != std::string::npos)
        return Error{ErrorKind::bad_file, "the path '" + path.string() + "' leaves the model's folder", (folder / "modules.json").string()};
      if (Status status = read_pooling(folder / path / "config.json", settings); !status) return status.error();
    }
  Result<Json> limits = optional_json(folder / "sentence_bert_config.json");
  if (!limits) return limits.error();
  if (limits->is_object())
    if (const auto found = limits->find("max_seq_length"); found != limits->end() && found->is_number_integer() && found->get<int64_t>() > 0)
      settings.max_tokens = found->get<int64_t>();
  return settings;
}

std::vector<float> pooled(const Tensor& states, Pooling pooling) {
  const int64_t tokens = states.dim(0), hidden = states.dim(1);
  const float* values = states.data<float>();
  if (pooling == Pooling::cls) return {values, values + hidden};
  if (pooling == Pooling::last) return {values + (tokens - 1) * hidden, values + tokens * hidden};
  std::vector<float> mean(size_t(hidden), 0.0f);
  for (int64_t j = 0; j < hidden; ++j) {
    double sum = 0;
    for (int64_t i = 0; i < tokens; ++i) sum += double(values[i * hidden + j]);
    mean[size_t(j)] = float(sum / double(tokens));
  }
  return mean;
}

void normalize(std::vector<float>& vector) {
  double squares = 0;
  for (const float x : vector) squares += double(x) * double(x);
  if (squares <= 0) return;
  const double length = std::sqrt(squares);
  for (float& x : vector) x = float(double(x) / length);
}

TokenSequence encode_for_model(const Tokenizer& tokenizer, const std::string& text, const std::optional<std::string>& pair, int64_t limit, bool* cut) {
  EncodeOptions options;
  if (pair) options.pair = *pair;
  Encoding encoding = tokenizer.encode(text, options);
  if (cut) *cut = int64_t(encoding.size()) > limit;
  if (int64_t(encoding.size()) > limit) {
    int64_t tail = 0;        // special tokens at the end stay: [SEP]
    while (tail < limit && encoding.special[encoding.size() - 1 - size_t(tail)]) ++tail;
    const auto from = std::ptrdiff_t(limit - tail), to = std::ptrdiff_t(int64_t(encoding.size()) - tail);
    encoding.ids.erase(encoding.ids.begin() + from, encoding.ids.begin() + to);
    encoding.type_ids.erase(encoding.type_ids.begin() + from, encoding.type_ids.begin() + to);
  }
  return {std::move(encoding.ids), std::move(encoding.type_ids)};
}

std::vector<ClassScore> class_scores(const Config& config, std::span<const float> logits) {
  const double top = double(*std::max_element(logits.begin(), logits.end()));
  double sum = 0;
  for (const float x : logits) sum += std::exp(double(x) - top);
  std::vector<ClassScore> scores;
  for (size_t i = 0; i < logits.size(); ++i) {
    const bool named = i < config.labels.size() && !config.labels[i].empty();
    scores.push_back({named ? config.labels[i] : "LABEL_" + std::to_string(i), std::exp(double(logits[i]) - top) / sum});
  }
  return scores;
}

const ClassScore& likeliest(const std::vector<ClassScore>& scores) {
  return *std::max_element(scores.begin(), scores.end(), [](const ClassScore& a, const ClassScore& b) { return a.score < b.score; });
}

}  // namespace orrery
