// `orrery tokenize MODEL TEXT`: text to tokens and back.
#include <algorithm>

#include "base/base64.h"
#include "base/npy.h"
#include "base/utf8.h"
#include "cli/command.h"
#include "cli/loading.h"
#include "cli/tokenize_chat.h"

namespace orrery::cli::commands {
namespace {
struct TokenizeOptions {
  std::string model;
  std::optional<std::string> text, pair;
  std::filesystem::path file, jsonl;
  bool lines = false, special = true;
  std::string allow_special = "all", offsets = "char";
  std::vector<int64_t> decode;
  static constexpr auto about = describe(
      "tokenize", "",
      option(&TokenizeOptions::model, "model", "A model, a folder of a tokenizer alone, or its file: tokenizer.json, vocab.txt.", positional(), required()),
      option(&TokenizeOptions::text, "text", "The text.", positional()),
      option(&TokenizeOptions::file, "file", "Read the text from this file; - is standard input.", unit("FILE")),
      option(&TokenizeOptions::lines, "lines", "Each line of the file is a text."),
      option(&TokenizeOptions::jsonl, "jsonl", "Read a record a line: {\"text\": …} or {\"base64\": …}, and \"pair\" where there is one.", unit("FILE")),
      option(&TokenizeOptions::pair, "pair", "A second text, after the first.", unit("TEXT")),
      option(&TokenizeOptions::special, "special", "Add the special tokens of the model; when decoding, show them."),
      option(&TokenizeOptions::allow_special, "allow_special", "Which special tokens are read where their names stand in the text.", one_of("all", "none")),
      option(&TokenizeOptions::offsets, "offsets", "What offsets count.", one_of("char", "byte", "utf16")),
      option(&TokenizeOptions::decode, "decode", "The text of these ids: 1,2,3.", unit("IDS")));
};

struct Text {
  std::string text;
  std::optional<std::string> pair;
};

Text text_of_record(const Json& record, const std::string& where) {
  const auto string = [&](const char* key) -> std::optional<std::string> {
    const auto found = record.find(key);
    return found != record.end() && found->is_string() ? std::optional(found->get<std::string>()) : std::nullopt;
  };
  if (!record.is_object()) throw Error{ErrorKind::bad_file, "a record is not an object", where};
  if (const auto text = string("text")) return {*text, string("pair")};
  const auto encoded = string("base64");
  if (!encoded) throw Error{ErrorKind::bad_file, "a record has neither \"text\" nor \"base64\"", where};
  const std::optional<std::string> bytes = decode_base64(*encoded);
  if (!bytes) throw Error{ErrorKind::bad_file, "\"base64\" is not base64", where};
  return {*bytes, string("pair")};
}

std::vector<Text> read_input(const TokenizeOptions& options) {
  std::vector<Text> texts;
  if (options.jsonl.empty()) {
    for (std::string& text : given_texts(options.text, options.file, options.lines)) texts.push_back({std::move(text), options.pair});
    return texts;
  }
  if (options.text || !options.file.empty()) throw Error{ErrorKind::bad_usage, "a text, --file and --jsonl exclude each other", "orrery tokenize"};
  int64_t number = 0;
  for (const std::string& line : lines_of(read_text(options.jsonl))) {
    const std::string where = options.jsonl.string() + ", line " + std::to_string(++number);
    if (line.find_first_not_of(" \t") != std::string::npos) texts.push_back(text_of_record(parse_json(line, where).value(), where));
  }
  return texts;
}

Json encoding_json(const Encoding& e, const Tokenizer& tokenizer) {
  Json offsets = Json::array(), words = Json::array();
  for (const Offsets& at : e.offsets) offsets.push_back({at.begin, at.end});
  for (const int32_t word : e.words) words.push_back(word == Encoding::kNone ? Json() : Json(word));
  return {{"ids", e.ids}, {"tokens", e.tokens}, {"offsets", offsets}, {"type_ids", e.type_ids}, {"special", e.special}, {"words", words}, {"decoded", tokenizer.decode(e.ids, true)}};
}

// On a terminal the text with its tokens on two backgrounds in turn, then a row for each token.
void print_encoding(Output& out, const Encoding& e, const Tokenizer& tokenizer) {
  if (out.is_terminal()) {
    std::string line;
    for (size_t i = 0; i < e.size(); ++i) {
      const std::string bytes = tokenizer.token_bytes(e.ids[i]);
      line += (i % 2 ? "\033[48;5;153;30m" : "\033[48;5;223;30m") + printable(e.special[i] ? e.tokens[i] : bytes) + "\033[0m";
    }
    out.line(line);
  }
  size_t width = 5;
  for (const std::string& token : e.tokens) width = std::max(width, count_code_points(printable(token)));
  width = std::min<size_t>(width, 30);
  out.line("     id  token" + std::string(width - 5, ' ') + "  offsets");
  for (size_t i = 0; i < e.size(); ++i) {
    const std::string id = std::to_string(e.ids[i]), token = printable(e.tokens[i]);
    const size_t columns = count_code_points(token);
    out.line(std::string(7 - std::min<size_t>(7, id.size()), ' ') + id + "  " + token + std::string(width - std::min(width, columns), ' ') + "  " +
             std::to_string(e.offsets[i].begin) + " to " + std::to_string(e.offsets[i].end));
  }
  out.line(std::to_string(e.size()) + (e.size() == 1 ? " token" : " tokens"));
}

void decode(Context& context, const TokenizeOptions& options, const Tokenizer& tokenizer) {
  std::vector<int32_t> ids;
  for (const int64_t id : options.decode) {
    if (id < 0 || id >= tokenizer.id_limit())
      throw Error{ErrorKind::out_of_range, "token id " + std::to_string(id) + " at position " + std::to_string(ids.size()) + ": the tokenizer knows 0 to " + std::to_string(tokenizer.id_limit() - 1), "--decode"};
    ids.push_back(int32_t(id));
  }
  const std::string text = tokenizer.decode(ids, !options.special);
  if (context.json()) context.out().json({{"text", text}});
  else context.out().line(text);
}

void run(Context& context, TokenizeOptions& options, ChatOptions& chat) {
  const Tokenizer tokenizer = load_tokenizer(options.model);
  if (!chat.chat.empty()) return tokenize_chat(context, tokenizer, options.model, chat);
  if (context.options().given("decode")) return decode(context, options, tokenizer);
  EncodeOptions how;
  how.add_special = options.special;
  how.specials_as_text = options.allow_special == "none";
  how.unit = options.offsets == "byte" ? OffsetUnit::bytes : options.offsets == "utf16" ? OffsetUnit::utf16 : OffsetUnit::chars;
  const std::vector<Text> texts = read_input(options);
  const bool npy = context.globals().output.extension() == ".npy";
  std::vector<uint32_t> all;
  for (const Text& text : texts) {
    if (text.pair) how.pair = *text.pair;
    else how.pair.reset();
    if (npy) {
      for (const int32_t id : tokenizer.encode_ids(text.text, how)) all.push_back(uint32_t(id));
      continue;
    }
    const Encoding encoding = tokenizer.encode(text.text, how);
    if (context.json()) context.out().json(encoding_json(encoding, tokenizer));
    else print_encoding(context.out(), encoding, tokenizer);
  }
  if (!npy) return;
  const std::filesystem::path file = context.out().take_file();
  write_npy(file, {int64_t(all.size())}, std::span<const uint32_t>(all)).value();
  if (context.json()) context.out().json({{"tokens", all.size()}, {"path", file.string()}});
}
}  // namespace

const Command& tokenize() {
  static const Command command{"tokenize",
                               "Turn text into tokens, or tokens into text.",
                               {"orrery tokenize storyteller 'Once upon a time'", "orrery tokenize storyteller --decode 1,2,3",
                                "orrery tokenize storyteller 'Once upon a time' -o ids.npy", "orrery tokenize storyteller --chat examples/chat/chat.json --chat-template examples/chat/plain.jinja"},
                               run};
  return command;
}
}  // namespace orrery::cli::commands
