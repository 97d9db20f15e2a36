#include "tokenize/tokenizer_file.h"

#include <algorithm>
#include <array>

#include "base/base64.h"
#include "base/file.h"
#include "base/unicode.h"
#include "base/utf8.h"
#include "tokenize/aligned_text.h"
#include "tokenize/long_lists.h"
#include "tokenize/rank_file.h"
#include "tokenize/tokenizer_config.h"
#include "tokenize/vocab_files.h"

namespace orrery {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void bad(std::string what) { throw Error{ErrorKind::bad_file, std::move(what), ""}; }

int32_t checked_id(const std::string& token, bool is_id, uint64_t id) {
  if (!is_id || id > INT32_MAX) bad("the id of the token '" + token + "' is no whole number from 0 to 2147483647");
  return static_cast<int32_t>(id);
}

// "left right", as merges were written before tokens could hold a space.
void add_merge(MergeList& merges, std::string_view line) {
  const std::optional<MergeList::Entry> merge = split_merge(line);
  if (!merge) bad("merge " + std::to_string(merges.size() + 1) + " is not two tokens with one space between: '" + std::string(line) + "'");
  merges.emplace_back(merge->left, merge->right);
}

[[noreturn]] void refuse_piece(const ModelConfig& model) {
  bad("piece " + std::to_string(model.vocab.size()) + " of the vocabulary is no [token, score]");
}

void add_piece(ModelConfig& model, std::string_view piece, double score) {
  model.vocab.emplace_back(piece, static_cast<int32_t>(model.vocab.size()));
  model.scores.push_back(score);
}

// Builds JSON as it is parsed, all but the two long lists of the model, which go to ModelConfig.
class Reader : public nlohmann::json_sax<Json> {
 public:
  // `vocab_only`: the text is a vocab.json.
  Reader(ModelConfig& model, bool vocab_only) : model_(model), vocab_only_(vocab_only) {}

  Json root;
  std::string error;

  bool null() override { return value(Json()); }
  bool boolean(bool v) override { return value(Json(v)); }
  bool number_integer(number_integer_t v) override { return list_ == List::pieces ? score(static_cast<double>(v)) : value(Json(v)); }
  bool number_unsigned(number_unsigned_t v) override {
    if (list_ == List::pieces) return score(static_cast<double>(v));
    if (list_ != List::vocab) return value(Json(v));
    model_.vocab.emplace_back(key_, checked_id(key_, true, v));
    return true;
  }
  bool number_float(number_float_t v, const string_t& text) override { return list_ == List::pieces ? score(score_of(text)) : value(Json(v)); }
  bool binary(binary_t&) override { return false; }
  bool string(string_t& v) override {
    if (list_ == List::pieces) {
      if (pair_size_ != 0) bad_piece();
      pair_[0] = std::move(v);
      pair_size_ = 1;
      return true;
    }
    if (list_ != List::merges) return value(Json(std::move(v)));
    if (pair_size_ >= 0) {
      if (pair_size_ > 1) bad_merge();
      pair_[static_cast<size_t>(pair_size_++)] = std::move(v);
    } else if (!v.starts_with("#version")) {
      add_merge(model_.merges, v);
    }
    return true;
  }

  bool start_object(size_t) override {
    if (list_ == List::none && (vocab_only_ ? open_.empty() : at_model_field("vocab"))) return begin(List::vocab);
    return open(Json::object());
  }
  bool start_array(size_t) override {
    if (list_ == List::none && !vocab_only_ && at_model_field("merges")) return begin(List::merges);
    if (list_ == List::none && !vocab_only_ && at_model_field("vocab")) return begin(List::pieces);
    if ((list_ == List::merges || list_ == List::pieces) && pair_size_ < 0) {
      pair_size_ = 0;
      return true;
    }
    return open(Json::array());
  }
  bool key(string_t& k) override {
    key_ = std::move(k);
    if (open_.size() == 1) field_ = key_;
    return true;
  }
  bool end_object() override {
    if (list_ == List::vocab) return end();
    open_.pop_back();
    return true;
  }
  bool end_array() override {
    if (list_ == List::merges && pair_size_ >= 0) {
      if (pair_size_ != 2) bad_merge();
      model_.merges.emplace_back(pair_[0], pair_[1]);
      pair_size_ = -1;
      return true;
    }
    if (list_ == List::pieces && pair_size_ >= 0) {
      if (pair_size_ != 2) bad_piece();
      add_piece(model_, pair_[0], score_);
      pair_size_ = -1;
      return true;
    }
    if (list_ == List::merges || list_ == List::pieces) return end();
    open_.pop_back();
    return true;
  }
  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception& e) override {
    error = e.what();
    // "[json.exception.parse_error.101] parse error at line 1, column 2: …": the last part is for people.
    if (const size_t column = error.find("column"); column != std::string::npos)
      error = "byte " + std::to_string(position) + ": " + error.substr(std::min(error.find(": ", column) + 2, error.size()));
    std::replace(error.begin(), error.end(), '\n', ' ');
    return false;
  }

 private:
  enum class List { none, vocab, pieces, merges };
  static constexpr size_t kMaxDepth = 512;

  bool at_model_field(std::string_view name) const { return open_.size() == 2 && field_ == "model" && key_ == name; }
  [[noreturn]] void bad_merge() const { bad("merge " + std::to_string(model_.merges.size() + 1) + " is no pair of tokens"); }

  [[noreturn]] void bad_piece() const { refuse_piece(model_); }

  bool score(double v) {
    if (pair_size_ != 1) bad_piece();
    score_ = v;
    pair_size_ = 2;
    return true;
  }
  bool begin(List list) {
    list_ = list;
    return true;
  }
  bool end() {
    list_ = List::none;
    return true;
  }

  // Straight into the containers: an ordered object's own insertion compares with every key before.
  Json& place(Json v) {
    if (open_.empty()) return root = std::move(v);
    Json& parent = *open_.back();
    if (parent.is_array()) return parent.get_ref<Json::array_t&>().emplace_back(std::move(v));
    auto& members = static_cast<Json::object_t::Container&>(parent.get_ref<Json::object_t&>());
    return members.emplace_back(key_, std::move(v)).second;
  }
  bool value(Json v) {
    if (list_ == List::vocab) checked_id(key_, false, 0);
    if (list_ == List::merges) bad_merge();
    if (list_ == List::pieces) bad_piece();
    place(std::move(v));
    return true;
  }
  bool open(Json v) {
    if (list_ == List::vocab) checked_id(key_, false, 0);
    if (list_ == List::merges) bad_merge();
    if (list_ == List::pieces) bad_piece();
    if (open_.size() >= kMaxDepth) bad("JSON nested deeper than 512");
    open_.push_back(&place(std::move(v)));
    return true;
  }

  ModelConfig& model_;
  bool vocab_only_;
  std::vector<Json*> open_;       // the containers around what comes next; a parent does not grow while a child is open
  std::string key_, field_;       // the last key; the last key of the outermost object
  List list_ = List::none;        // the list being read
  std::array<std::string, 2> pair_;
  double score_ = 0;              // of the piece being read
  int pair_size_ = -1;            // of the merge or piece being read as a pair, -1 outside one
};

Json parse(std::string_view text, ModelConfig& model, bool vocab_only) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (std::string rest; take_long_lists(text, vocab_only, model, rest)) {
    Reader reader(model, vocab_only);
    if (Json::sax_parse(rest, &reader)) return std::move(reader.root);
  }
  model = ModelConfig();
  Reader reader(model, vocab_only);
  if (!Json::sax_parse(text, &reader)) bad("not valid JSON: " + reader.error);
  return std::move(reader.root);
}

Json take_model(Json& json) {
  if (!json.is_object()) bad("a tokenizer.json is an object");
  const auto model = json.find("model");
  if (model == json.end() || !model->is_object()) bad("\"model\" is missing or no object");
  Json fields = std::move(*model);
  json.erase("model");
  return fields;
}

std::string read(const fs::path& path) {
  Result<std::string> bytes = read_file(path);
  if (!bytes) throw bytes.error();
  return std::move(*bytes);
}

// A file's bytes: of a large one without a copy.
class Contents {
 public:
  explicit Contents(const fs::path& path) {
    constexpr uintmax_t kLarge = uintmax_t(1) << 20;
    std::error_code failed;
    if (fs::is_regular_file(path, failed) && fs::file_size(path, failed) >= kLarge) mapped_ = MappedFile::open(path).value();
    else copied_ = read(path);
  }
  std::string_view bytes() const {
    if (mapped_.bytes().empty()) return copied_;
    return {reinterpret_cast<const char*>(mapped_.bytes().data()), mapped_.bytes().size()};
  }

 private:
  MappedFile mapped_;
  std::string copied_;
};

template <class F>
void each_line(const std::string& text, const fs::path& path, F f) {
  size_t number = 1;
  for (size_t at = text.starts_with("\xEF\xBB\xBF") ? 3 : 0; at < text.size(); number++) {
    const size_t newline = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, newline - at);
    if (line.ends_with('\r')) line.pop_back();
    if (!is_valid_utf8(line))
      throw Error{ErrorKind::bad_file, "not valid UTF-8", path.string() + ", line " + std::to_string(number)};
    f(line, number);
    at = newline + 1;
  }
}

void read_vocab_txt(const fs::path& path, ModelConfig& model) {
  each_line(read(path), path, [&](std::string& line, size_t number) {
    while (!line.empty()) {
      const size_t last = previous_utf8(line, line.size());
      if (!is(decode_utf8(line, last).value, kWhitespace)) break;
      line.resize(last);
    }
    model.vocab.emplace_back(line, checked_id(line, true, number - 1));
  });
  if (model.vocab.empty()) throw Error{ErrorKind::bad_file, "the vocabulary is empty", path.string()};
}

void read_merges_txt(const fs::path& path, ModelConfig& model) {
  each_line(read(path), path, [&](const std::string& line, size_t) {
    if (!line.empty() && !line.starts_with("#version")) add_merge(model.merges, line);
  });
}

Json read_optional_json(const fs::path& path) {
  if (!fs::exists(path)) return Json::object();
  Result<Json> json = parse_json(read(path), path.string());
  if (!json) throw json.error();
  if (!json->is_object()) throw Error{ErrorKind::bad_file, "no JSON object", path.string()};
  return std::move(*json);
}

// A file that begins neither as JSON nor as a rank file is taken for sentencepiece's.
void read_by_content(const fs::path& path, const std::optional<RankOptions>& ranks, TokenizerFile& file) {
  const Contents contents(path);
  const std::string_view bytes = contents.bytes();
  if (is_rank_file(bytes)) {
    const auto options = ranks ? ranks : known_ranks(path.filename().string());
    if (!options)
      throw Error{ErrorKind::bad_usage, "a rank file says neither how texts are cut into words nor which tokens are special", path.string(),
                  "give both: --pattern REGEX --special-tokens JSON"};
    return describe_ranks(bytes, *options, file);
  }
  const std::string_view text = bytes.substr(bytes.starts_with("\xEF\xBB\xBF") ? 3 : 0);
  const size_t first = text.find_first_not_of(" \t\r\n");
  const bool is_json = path.extension() == ".json" || first == std::string_view::npos || text[first] == '{' || text[first] == '[';
  if (is_json) {
    file.json = parse(bytes, file.model, false);
    file.model.fields = take_model(file.json);
    return;
  }
  // Its fields, of a number and of length-delimited kind, are 1 to 5: a text begins otherwise.
  if (std::string_view("\x0A\x12\x1A\x22\x2A").find(bytes.front()) == std::string_view::npos)
    throw Error{ErrorKind::bad_file, "this is no tokenizer: neither JSON, nor ranks, nor a sentencepiece model", path.string(), kWanted};
  file.model.fields = {{"type", "SentencePiece"}, {"proto", encode_base64(bytes)}};
}

// Reads one of the files that can describe a tokenizer, without its companions.
void read_main_file(const fs::path& path, const std::optional<RankOptions>& ranks, TokenizerFile& file) {
  const std::string name = path.filename().string();
  if (name.ends_with(".txt") && name != "merges.txt") {
    read_vocab_txt(path, file.model);
    describe_bert(path, file);
  } else if (name == "merges.txt" || name == "vocab.json") {
    parse(read(path.parent_path() / "vocab.json"), file.model, true);
    read_merges_txt(path.parent_path() / "merges.txt", file.model);
    describe_byte_level(path, file);
  } else {
    read_by_content(path, ranks, file);
  }
}

// The file that describes the tokenizer of a folder; empty for none.
fs::path main_file(const fs::path& folder) {
  const auto has = [&](const char* name) { return fs::exists(folder / name); };
  if (has("tokenizer.json")) return folder / "tokenizer.json";
  if (has("vocab.json") && has("merges.txt")) return folder / "vocab.json";
  for (const char* name : {"vocab.txt", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "spm.model", "sentencepiece.model"})
    if (has(name)) return folder / name;
  std::vector<fs::path> others;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".tiktoken" || entry.path().extension() == ".model") others.push_back(entry.path());
  std::sort(others.begin(), others.end());
  return others.empty() ? fs::path() : others.front();
}

// Moves the model's lists from JSON values to where Reader puts them.
void take_lists(ModelConfig& model) {
  Json& fields = model.fields;
  if (const auto vocab = fields.find("vocab"); vocab != fields.end() && vocab->is_object()) {
    for (const auto& [token, id] : vocab->items()) {
      const bool is_id = id.is_number_unsigned() || (id.is_number_integer() && id >= 0);
      model.vocab.emplace_back(token, checked_id(token, is_id, is_id ? id.get<uint64_t>() : 0));
    }
    fields.erase("vocab");
  } else if (vocab != fields.end() && vocab->is_array()) {
    for (const Json& piece : *vocab) {
      if (!piece.is_array() || piece.size() != 2 || !piece[0].is_string() || !piece[1].is_number()) refuse_piece(model);
      add_piece(model, piece[0].get<std::string>(), piece[1].get<double>());
    }
    fields.erase("vocab");
  }
  if (const auto merges = fields.find("merges"); merges != fields.end() && merges->is_array()) {
    for (const Json& merge : *merges) {
      const size_t number = model.merges.size() + 1;
      const bool is_pair = merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string();
      if (!is_pair && !merge.is_string()) bad("merge " + std::to_string(number) + " is no pair of tokens");
      if (is_pair)
        model.merges.emplace_back(merge[0].get_ref<const std::string&>(), merge[1].get_ref<const std::string&>());
      else
        add_merge(model.merges, merge.get_ref<const std::string&>());
    }
    fields.erase("merges");
  }
}

}  // namespace

std::vector<fs::path> tokenizer_files(const fs::path& path) {
  std::error_code ignored;
  const bool is_folder = fs::is_directory(path, ignored);
  const fs::path folder = is_folder ? path : path.parent_path(), main = is_folder ? main_file(path) : path;
  if (main.empty()) return {};
  std::vector<fs::path> files = {main};
  const auto add = [&](std::initializer_list<const char*> names) {
    for (const char* name : names)
      if (folder / name != main && fs::exists(folder / name, ignored)) files.push_back(folder / name);
  };
  if (is_folder || main.filename() == "vocab.json" || main.filename() == "merges.txt") add({"vocab.json", "merges.txt"});
  if (is_folder) add({"tokenizer_config.json", "special_tokens_map.json", "vocab.txt", "tokenizer.model", "spiece.model", "chat_template.jinja", "chat_template.json"});
  return files;
}

Result<TokenizerFile> parse_tokenizer_json(std::string_view text, std::string_view where) {
  try {
    TokenizerFile file;
    file.where = where;
    file.json = parse(text, file.model, false);
    file.model.fields = take_model(file.json);
    return file;
  } catch (Error& error) {
    if (error.where.empty()) error.where = where;
    return error;
  }
}

Result<TokenizerFile> split_tokenizer_json(const Json& json, const Json& config) {
  try {
    TokenizerFile file;
    file.where = "tokenizer.json";
    file.json = json;
    file.model.fields = take_model(file.json);
    take_lists(file.model);
    if (config.is_object()) file.config = config;
    return file;
  } catch (Error& error) {
    error.where = "tokenizer.json";
    return error;
  }
}

Result<TokenizerFile> read_tokenizer_files(const fs::path& path, const std::optional<RankOptions>& ranks) {
  TokenizerFile file;
  file.where = path.string();
  try {
    fs::path main = path;
    const bool is_folder = fs::is_directory(path);
    if (is_folder) {
      main = main_file(path);
      if (main.empty())
        return Error{ErrorKind::not_found, "no tokenizer: neither tokenizer.json, nor vocab.json with merges.txt, nor vocab.txt, nor a .model or .tiktoken file", path.string()};
    }
    file.where = main.string();
    if (is_folder) {
      file.config = read_optional_json(path / "tokenizer_config.json");
      const Json roles = read_optional_json(path / "special_tokens_map.json");
      for (const auto& [name, token] : roles.items())
        if (!file.config.contains(name)) file.config[name] = token;
    }
    read_main_file(main, ranks, file);
    if (is_folder) apply_config(file);
    return file;
  } catch (Error& error) {
    if (error.where.empty()) error.where = file.where;
    return error;
  } catch (const fs::filesystem_error& error) {
    return Error{ErrorKind::io, error.code().message(), path.string()};
  }
}

}  // namespace orrery
