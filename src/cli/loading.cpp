#include "cli/loading.h"

#include <array>
#include <cstdio>
#include <iostream>
#include <iterator>

#include "base/file.h"
#include "base/utf8.h"
#include "checkpoint/gguf_metadata.h"
#include "cli/model_path.h"
#include "cli/packed_cache.h"
#include "tokenize/check_vocabulary.h"
#include "tokenize/rank_file.h"

namespace orrery::cli {

LoadOptions load_options(const Context& context) {
  LoadOptions options;
  if (const std::string& name = context.globals().dtype; !name.empty()) {
    options.int8 = name == "int8";
    options.blocks = block_format_named(name);
    if (!options.blocks && !options.int8) options.dtype = dtype_named(name);
  }
  if (const std::string& name = context.globals().compute_dtype; !name.empty()) options.products = *dtype_named(name);
  if (options.int8 && options.products != DType::f32)
    throw Error{ErrorKind::bad_usage, "products of int8 are of whole numbers, not of bf16", "--compute-dtype", "leave it out, or give --dtype q8_0, whose weights are multiplied in bf16 too"};
  options.panel_cache = panel_cache(context);
  return options;
}

DType kv_dtype(const Context& context) {
  const std::string& name = context.globals().kv_dtype;
  if (name == "q8_0") return DType::i8;
  return name.empty() ? DType::f32 : dtype_named(name).value_or(DType::f32);
}

void warn_of_code(const Context& context, const Json& config, const std::filesystem::path& folder) {
  if (config.is_object() && config.contains("auto_map")) context.warn("the code that auto_map names is neither fetched nor run (" + (folder / "config.json").string() + ")");
}

Model load_model(const Context& context, const std::string& model) {
  Model loaded = Model::load(model_path(model), load_options(context)).value();
  warn_of_code(context, loaded.config().json, loaded.folder());
  return loaded;
}

namespace {

Result<Tokenizer> open_tokenizer(const std::string& model, const std::optional<RankOptions>& ranks) {
  const std::filesystem::path path = model_path(model);
  if (!is_gguf_file(path)) return Tokenizer::load(path, ranks);
  const Result<MappedFile> file = MappedFile::open(path);
  if (!file) return file.error();
  const Result<Json> metadata = read_gguf_metadata(file->bytes(), path.string());
  if (!metadata) return metadata.error();
  return Tokenizer::from_gguf(*metadata, path.string());
}

}  // namespace

Tokenizer load_tokenizer(const std::string& model, const std::optional<RankOptions>& ranks) {
  return open_tokenizer(model, ranks).value();
}

std::optional<RankOptions> rank_options(const std::string& pattern, const std::string& special_tokens) {
  if (pattern.empty() && special_tokens.empty()) return std::nullopt;
  if (pattern.empty()) throw Error{ErrorKind::bad_usage, "special tokens of a rank file without its expression", "--special-tokens", "give --pattern REGEX too"};
  RankOptions ranks{.pattern = pattern};
  if (special_tokens.empty()) return ranks;
  const bool is_json = special_tokens.starts_with('{') || special_tokens.starts_with('[');
  ranks.special = special_tokens_of(parse_json(is_json ? special_tokens : read_text(special_tokens), is_json ? "--special-tokens" : special_tokens).value());
  return ranks;
}

Tokenizer load_tokenizer(const std::string& model, const Model& loaded) {
  Tokenizer tokenizer = load_tokenizer(model);
  check_vocabulary(tokenizer, loaded.config().vocab_size, loaded.folder().string());
  return tokenizer;
}

Result<chat::ChatFiles> chat_files(const std::filesystem::path& path) {
  if (!is_gguf_file(path)) return chat::read_chat_files(std::filesystem::is_directory(path) ? path : path.parent_path());
  const Result<MappedFile> file = MappedFile::open(path);
  if (!file) return file.error();
  const Result<Json> metadata = read_gguf_metadata(file->bytes(), path.string());
  if (!metadata) return metadata.error();
  chat::ChatFiles files;
  if (const auto found = metadata->find("tokenizer.chat_template"); found != metadata->end() && found->is_string())
    files.templates.push_back({"default", found->get<std::string>(), path.string()});
  return files;
}

std::optional<Tokenizer> find_tokenizer(const std::string& model) {
  Result<Tokenizer> tokenizer = open_tokenizer(model, {});
  if (!tokenizer && tokenizer.error().kind == ErrorKind::not_found) return std::nullopt;
  return std::move(tokenizer).value();
}

std::string read_text(const std::filesystem::path& file) {
  if (file == "-") return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
  return read_file(file).value();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    if (lines.back().ends_with('\r')) lines.back().pop_back();
    begin = end + 1;
  }
  return lines;
}

std::vector<std::string> given_texts(const std::optional<std::string>& text, const std::filesystem::path& file, bool lines) {
  if (text && !file.empty()) throw Error{ErrorKind::bad_usage, "a text and --file exclude each other", "--file " + file.string()};
  if (text) return lines ? lines_of(*text) : std::vector<std::string>{*text};
  if (file.empty()) throw Error{ErrorKind::bad_usage, "there is no text", "", "give a TEXT or --file FILE; `--file -` reads standard input"};
  std::string all = read_text(file);
  if (lines) return lines_of(all);
  return {std::move(all)};
}

std::string bytes_text(int64_t bytes) {
  constexpr std::array<const char*, 5> kUnits = {"B", "kB", "MB", "GB", "TB"};
  double value = double(bytes);
  size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < kUnits.size(); ++unit) value /= 1000;
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, value < 10 && unit > 0 ? "%.1f %s" : "%.0f %s", value, kUnits[unit]);
  return buffer;
}

std::string count_text(double count) {
  constexpr std::array<const char*, 5> kUnits = {"", " thousand", " million", " billion", " trillion"};
  size_t unit = 0;
  for (; count >= 999.5 && unit + 1 < kUnits.size(); ++unit) count /= 1000;
  char buffer[48];
  std::snprintf(buffer, sizeof buffer, count < 10 && unit > 0 ? "%.1f%s" : "%.0f%s", count, kUnits[unit]);
  return buffer;
}

std::string printable(std::string_view text) {
  std::string shown;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = decode_utf8(text, at);
    const std::string_view bytes = text.substr(at, c.size);
    at += c.size;
    char buffer[8];
    if (!c.valid) {
      for (const char byte : bytes) {
        std::snprintf(buffer, sizeof buffer, "\\x%02X", unsigned(static_cast<unsigned char>(byte)));
        shown += buffer;
      }
    } else if (c.value == '\n') {
      shown += "\\n";
    } else if (c.value == '\t') {
      shown += "\\t";
    } else if (c.value < 0x20 || c.value == 0x7f) {
      std::snprintf(buffer, sizeof buffer, "\\x%02X", unsigned(c.value));
      shown += buffer;
    } else {
      shown += bytes;
    }
  }
  return shown;
}

}  // namespace orrery::cli
