#include "train/documents.h"

#include <algorithm>
#include <optional>

#include "base/file.h"
#include "base/json.h"
#include "corpora/corpus.h"

namespace orrery {

namespace {

constexpr std::string_view kEndOfText = "<|endoftext|>";

struct Reading {
  std::string objective;
  const Tokenizer* tokenizer = nullptr;

  Document text(std::string_view text) const {
    if (!tokenizer) throw Error{ErrorKind::bad_usage, "text needs a tokenizer", "train", "--tokenizer names its folder"};
    if (objective == "token" || objective == "seq2seq") throw Error{ErrorKind::bad_usage, "the " + objective + " objective needs records with \"input\" and \"target\"", "train"};
    Document document;
    document.ids = tokenizer->encode_ids(text, {.add_special = false, .specials_as_text = true});
    if (objective == "causal") {
      if (const auto bos = tokenizer->bos_id()) document.ids.insert(document.ids.begin(), *bos);
      if (const auto eos = tokenizer->eos_id()) document.ids.push_back(*eos);
    }
    return document;
  }

  Document record(const Json& json, const std::string& where) const {
    if (objective == "seq2seq") {
      Document document;
      document.source = text_or_ids(json, "input", /*special=*/true, where);
      document.ids = text_or_ids(json, "target", /*special=*/false, where);
      return document;
    }
    if (objective != "token") {
      if (!json.is_object() || !json.contains("text") || !json["text"].is_string()) throw Error{ErrorKind::bad_file, "a record has no \"text\"", where};
      return text(json["text"].get_ref<const std::string&>());
    }
    Document document;
    document.ids = integers(json, "input", where);
    document.labels = integers(json, "target", where);
    if (document.ids.size() != document.labels.size())
      throw Error{ErrorKind::bad_file, "\"input\" has " + std::to_string(document.ids.size()) + " ids and \"target\" " + std::to_string(document.labels.size()) + " labels", where};
    return document;
  }

 private:
  // special: with the tokens that the tokenizer adds to a text.
  std::vector<int32_t> text_or_ids(const Json& json, const char* key, bool special, const std::string& where) const {
    if (!json.is_object() || !json.contains(key) || !json[key].is_string()) return integers(json, key, where);
    if (!tokenizer) throw Error{ErrorKind::bad_usage, "text needs a tokenizer", where, "--tokenizer names its folder"};
    return tokenizer->encode_ids(json[key].get_ref<const std::string&>(), {.add_special = special, .specials_as_text = true});
  }
  static std::vector<int32_t> integers(const Json& json, const char* key, const std::string& where) {
    if (!json.is_object() || !json.contains(key) || !json[key].is_array()) throw Error{ErrorKind::bad_file, "a record has no list \"" + std::string(key) + "\"", where};
    std::vector<int32_t> values;
    for (const Json& value : json[key]) {
      if (!value.is_number_integer() || value.get<int64_t>() < INT32_MIN || value.get<int64_t>() > INT32_MAX)
        throw Error{ErrorKind::bad_file, "\"" + std::string(key) + "\" holds something other than ids", where};
      values.push_back(value.get<int32_t>());
    }
    return values;
  }
};

// Documents that were read once, end to end.
class HeldDocuments : public Documents {
 public:
  void add(Document document) {
    if (document.ids.empty()) return;
    ids_.insert(ids_.end(), document.ids.begin(), document.ids.end());
    labels_.insert(labels_.end(), document.labels.begin(), document.labels.end());
    sources_.insert(sources_.end(), document.source.begin(), document.source.end());
    source_ends_.push_back(sources_.size());
    ends_.push_back(ids_.size());
  }
  uint64_t count() const override { return ends_.size(); }
  Document at(uint64_t index) const override {
    const auto begin = std::ptrdiff_t(index == 0 ? 0 : ends_[index - 1]), end = std::ptrdiff_t(ends_[index]);
    Document document;
    document.ids.assign(ids_.begin() + begin, ids_.begin() + end);
    document.source.assign(sources_.begin() + std::ptrdiff_t(index == 0 ? 0 : source_ends_[index - 1]), sources_.begin() + std::ptrdiff_t(source_ends_[index]));
    if (!labels_.empty()) document.labels.assign(labels_.begin() + begin, labels_.begin() + end);
    return document;
  }

 private:
  std::vector<int32_t> ids_, labels_, sources_;
  std::vector<uint64_t> ends_, source_ends_;
};

// Records made when asked for.
class CorpusDocuments : public Documents {
 public:
  CorpusDocuments(const Corpus& corpus, Json options, uint64_t seed, uint64_t first, uint64_t count, Reading reading)
      : corpus_(corpus), options_(std::move(options)), seed_(seed), first_(first), count_(count), reading_(std::move(reading)) {}
  uint64_t count() const override { return count_; }
  Document at(uint64_t index) const override { return reading_.record(corpus_.generate(options_, seed_, first_ + index), corpus_.name); }

 private:
  const Corpus& corpus_;
  Json options_;
  uint64_t seed_, first_, count_;
  Reading reading_;
};

class JoinedDocuments : public Documents {
 public:
  explicit JoinedDocuments(std::vector<std::unique_ptr<Documents>> parts) : parts_(std::move(parts)) {}
  uint64_t count() const override {
    uint64_t total = 0;
    for (const auto& part : parts_) total += part->count();
    return total;
  }
  Document at(uint64_t index) const override {
    for (const auto& part : parts_) {
      if (index < part->count()) return part->at(index);
      index -= part->count();
    }
    throw Error{ErrorKind::out_of_range, "there is no document " + std::to_string(index), "train"};
  }

 private:
  std::vector<std::unique_ptr<Documents>> parts_;
};

uint64_t take_number(Json& json, const char* key, uint64_t otherwise, const std::string& where) {
  if (!json.contains(key)) return otherwise;
  if (!json[key].is_number_unsigned() && !(json[key].is_number_integer() && json[key].get<int64_t>() >= 0))
    throw Error{ErrorKind::bad_usage, "\"" + std::string(key) + "\" is not a whole number", where};
  const uint64_t value = json[key].get<uint64_t>();
  json.erase(key);
  return value;
}

std::unique_ptr<Documents> open_corpus(const std::string& text, const Reading& reading) {
  Json json = parse_json(text, "data").value();
  if (!json.contains("corpus") || !json["corpus"].is_string()) throw Error{ErrorKind::bad_usage, "data has no \"corpus\"", text};
  const Corpus& corpus = find_corpus(json["corpus"].get<std::string>());
  json.erase("corpus");
  const uint64_t seed = take_number(json, "seed", 0, text), first = take_number(json, "first", 0, text), count = take_number(json, "count", 1'000'000, text);
  return std::make_unique<CorpusDocuments>(corpus, resolve_options(corpus, json), seed, first, count, reading);
}

std::unique_ptr<Documents> open_lines(const std::string& path, const Reading& reading) {
  const std::string bytes = read_file(path).value();
  auto held = std::make_unique<HeldDocuments>();
  int64_t line = 0;
  for (size_t begin = 0; begin < bytes.size();) {
    const size_t end = std::min(bytes.find('\n', begin), bytes.size());
    ++line;
    const std::string_view text = std::string_view(bytes).substr(begin, end - begin);
    begin = end + 1;
    if (text.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string where = path + ", line " + std::to_string(line);
    held->add(reading.record(parse_json(text, where).value(), where));
  }
  return held;
}

std::unique_ptr<Documents> open_text(const std::string& path, const Reading& reading) {
  const std::string bytes = read_file(path).value();
  auto held = std::make_unique<HeldDocuments>();
  for (const std::string_view text : texts_of(bytes)) held->add(reading.text(text));
  return held;
}

// Parts between separators that stand alone on a line, without the line ends around them; empty ones are left out.
void split_at_lines(std::string_view bytes, std::string_view separator, std::vector<std::string_view>& parts) {
  size_t begin = 0;
  const auto take = [&](size_t end) {
    std::string_view part = bytes.substr(begin, end - begin);
    while (part.ends_with('\n') || part.ends_with('\r')) part.remove_suffix(1);
    while (part.starts_with('\n') || part.starts_with('\r')) part.remove_prefix(1);
    if (!part.empty()) parts.push_back(part);
  };
  for (size_t line = 0; line < bytes.size();) {
    const size_t end = std::min(bytes.find('\n', line), bytes.size());
    std::string_view text = bytes.substr(line, end - line);
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (text == separator) {
      take(line);
      begin = std::min(end + 1, bytes.size());
    }
    line = end + 1;
  }
  take(bytes.size());
}

}  // namespace

std::vector<std::string_view> texts_of(std::string_view bytes) {
  std::vector<std::string_view> parts;
  split_at_lines(bytes, bytes.find(kEndOfText) != std::string_view::npos ? kEndOfText : std::string_view(), parts);
  return parts;
}

Result<std::unique_ptr<Documents>> open_documents(const std::vector<std::string>& data, const std::string& objective, const Tokenizer* tokenizer) {
  const Reading reading{objective, tokenizer};
  try {
    std::vector<std::unique_ptr<Documents>> parts;
    for (const std::string& one : data) {
      if (one.starts_with("{")) parts.push_back(open_corpus(one, reading));
      else if (one.ends_with(".jsonl")) parts.push_back(open_lines(one, reading));
      else parts.push_back(open_text(one, reading));
      if (parts.back()->count() == 0) return Error{ErrorKind::bad_file, "there is nothing to learn from", one};
    }
    if (parts.size() == 1) return std::move(parts[0]);
    return std::unique_ptr<Documents>(std::make_unique<JoinedDocuments>(std::move(parts)));
  } catch (const Error& error) {
    return error;
  }
}

std::unique_ptr<Documents> documents_of(std::vector<Document> documents) {
  auto held = std::make_unique<HeldDocuments>();
  for (Document& document : documents) held->add(std::move(document));
  return held;
}

}  // namespace orrery
