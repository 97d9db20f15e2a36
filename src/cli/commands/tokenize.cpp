// `orrery tokenize MODEL TEXT`: text to tokens and back.
#include <algorithm>
#include <cstdio>

#include "base/base64.h"
#include "base/npy.h"
#include "base/utf8.h"
#include "cli/command.h"
#include "cli/loading.h"
#include "cli/tokenize_chat.h"
#include "cli/tokenize_ways.h"
#include "tokenize/plain.h"

namespace orrery::cli::commands {
namespace {
struct TokenizeOptions {
  std::string model;
  std::optional<std::string> text, pair;
  std::filesystem::path file, jsonl;
  bool lines = false, special = true, stages = false;
  std::string pattern, special_tokens;
  std::string allow_special = "all", offsets = "char";
  std::vector<int64_t> decode;
  static constexpr auto about = describe(
      "tokenize", "",
      option(&TokenizeOptions::model, "model", "A model, a folder of a tokenizer alone, or its file: tokenizer.json, vocab.txt, a sentencepiece .model, a rank file, a .gguf; or bytes, characters, whitespace.", positional(), required()),
      option(&TokenizeOptions::text, "text", "The text.", positional()),
      option(&TokenizeOptions::file, "file", "Read the text from this file; - is standard input.", unit("FILE")),
      option(&TokenizeOptions::lines, "lines", "Each line of the file is a text."),
      option(&TokenizeOptions::jsonl, "jsonl", "Read a record a line: {\"text\": …} or {\"base64\": …}, and \"pair\" where there is one.", unit("FILE")),
      option(&TokenizeOptions::pair, "pair", "A second text, after the first.", unit("TEXT")),
      option(&TokenizeOptions::special, "special", "Add the special tokens of the model; when decoding, show them."),
      option(&TokenizeOptions::allow_special, "allow_special", "Which special tokens are read where their names stand in the text.", one_of("all", "none")),
      option(&TokenizeOptions::offsets, "offsets", "What offsets count.", one_of("char", "byte", "utf16")),
      option(&TokenizeOptions::stages, "stages", "Show what each step does to the text, and how the model comes to its tokens."),
      option(&TokenizeOptions::pattern, "pattern", "Of a rank file: how texts are cut into words.", unit("REGEX")),
      option(&TokenizeOptions::special_tokens, "special_tokens", "Of a rank file: {\"<|name|>\": id, …} or [\"<|name|>\", …], or a file of it.", unit("JSON")),
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
  return {{"ids", e.ids}, {"tokens", e.tokens()}, {"offsets", offsets}, {"type_ids", e.type_ids}, {"special", e.special}, {"words", words}, {"decoded", tokenizer.decode(e.ids, true)}};
}

std::string number(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.4g", value);
  return buffer;
}

// Why a piece became its tokens, as Tokenizer::explain has it, in lines.
std::vector<std::string> reasons(const Json& why) {
  std::vector<std::string> lines;
  const auto text = [](const Json& v) { return printable(v.get<std::string>()); };
  const auto joined = [&](const Json& list) {
    std::string all;
    for (const Json& token : list) all += (all.empty() ? "" : " ") + text(token);
    return all;
  };
  if (why.value("whole", false)) lines.push_back("a token as a whole");
  if (why.contains("normalized")) lines.push_back("read as " + text(why["normalized"]));
  if (why.contains("dropout")) lines.push_back("each merge is passed over with a probability of " + number(why["dropout"].get<double>()) + "; without that:");
  if (why.contains("start")) lines.push_back("begins as " + joined(why["start"]));
  if (why.contains("merges"))
    for (const Json& merge : why["merges"])
      lines.push_back((merge.contains("rank") ? "rank " + std::to_string(merge["rank"].get<int64_t>()) : "score " + number(merge["score"].get<double>())) + ": " + text(merge["left"]) + " + " +
                      text(merge["right"]) + " = " + text(merge["token"]));
  if (why.contains("best")) lines.push_back("best, " + number(why["best"]["score"].get<double>()) + ": " + joined(why["best"]["tokens"]));
  if (why.contains("runner_up")) lines.push_back("next, " + number(why["runner_up"]["score"].get<double>()) + ": " + joined(why["runner_up"]["tokens"]));
  if (why.contains("matches"))
    for (const Json& match : why["matches"]) lines.push_back("longest match " + text(match["token"]) + ", after " + std::to_string(match["longer_tried"].get<int64_t>()) + " longer");
  if (why.value("too_long", false)) lines.push_back("unknown: more characters than a word may have");
  if (why.contains("stuck_at")) lines.push_back("unknown: no token begins " + text(why["stuck_at"]));
  if (why.contains("known") && !why["known"].get<bool>()) lines.push_back("unknown: not in the vocabulary");
  if (why["model"] == "added token") lines.push_back("an added token, found before the model saw the text");
  return lines;
}

// On a terminal the text with its tokens on two backgrounds in turn, then a row for each token.
void print_encoding(Output& out, const Encoding& e, const Tokenizer& tokenizer) {
  if (out.colours()) {
    std::string line;
    for (size_t i = 0; i < e.size(); ++i) {
      const std::string bytes = tokenizer.token_bytes(e.ids[i]);
      line += (i % 2 ? "\033[48;5;153;30m" : "\033[48;5;223;30m") + printable(e.special[i] ? e.token(i) : bytes) + "\033[0m";
    }
    out.line(line);
  }
  size_t width = 5;
  for (const std::string& token : e.tokens()) width = std::max(width, count_code_points(printable(token)));
  width = std::min<size_t>(width, 30);
  out.line("     id  token" + std::string(width - 5, ' ') + "  offsets");
  for (size_t i = 0; i < e.size(); ++i) {
    const std::string id = std::to_string(e.ids[i]), token = printable(e.token(i));
    const size_t columns = count_code_points(token);
    out.line(std::string(7 - std::min<size_t>(7, id.size()), ' ') + id + "  " + token + std::string(width - std::min(width, columns), ' ') + "  " +
             std::to_string(e.offsets[i].begin) + " to " + std::to_string(e.offsets[i].end));
  }
  out.line(std::to_string(e.size()) + (e.size() == 1 ? " token" : " tokens"));
}

// A line for each step, its pieces on two backgrounds in turn; then why each piece became its tokens.
void print_stages(Output& out, const Json& stages) {
  const bool colours = out.colours();
  const auto pieces_text = [&](const Json& pieces) {
    std::string line;
    for (size_t i = 0; i < pieces.size(); ++i) {
      const std::string piece = printable(pieces[i].get<std::string>());
      if (colours) line += (i % 2 ? "\033[48;5;153;30m" : "\033[48;5;223;30m") + piece + "\033[0m";
      else line += (i ? "|" : "") + piece;
    }
    return line;
  };
  size_t width = 0;
  for (const Json& step : stages["steps"]) width = std::max(width, step["step"].get<std::string>().size());
  for (const Json& step : stages["steps"]) {
    std::string name = step["step"].get<std::string>();
    name.resize(width, ' ');
    out.line(name + "  " + pieces_text(step["pieces"]));
  }
  for (const Json& piece : stages["pieces"]) {
    out.line("");
    out.line(printable(piece["text"].get<std::string>()) + " -> " + pieces_text(piece["tokens"]));
    for (const std::string& line : reasons(piece["why"])) out.line("  " + line);
  }
  out.line("");
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

Tokenizer open(const TokenizeOptions& options, const std::vector<Text>& texts) {
  const bool is_plain = std::find(std::begin(kPlainTokenizers), std::end(kPlainTokenizers), options.model) != std::end(kPlainTokenizers);
  if (!is_plain || std::filesystem::exists(options.model)) return load_tokenizer(options.model, rank_options(options.pattern, options.special_tokens));
  std::vector<std::string> all;
  for (const Text& text : texts) {
    all.push_back(text.text);
    if (text.pair) all.push_back(*text.pair);
  }
  return plain_tokenizer(options.model, all);
}

void run(Context& context, TokenizeOptions& options, ChatOptions& chat, WaysOptions& ways) {
  if (!chat.chat.empty()) return tokenize_chat(context, load_tokenizer(options.model, rank_options(options.pattern, options.special_tokens)), options.model, chat);
  const bool decodes = context.options().given("decode");
  const std::vector<Text> texts = decodes ? std::vector<Text>() : read_input(options);
  const Tokenizer tokenizer = open(options, texts);
  if (decodes) return decode(context, options, tokenizer);
  if (ways.nbest > 0 || ways.samples > 0) {
    for (const Text& text : texts) tokenize_ways(context, tokenizer, text.text, ways);
    return;
  }
  EncodeOptions how;
  how.add_special = options.special;
  how.specials_as_text = options.allow_special == "none";
  how.unit = options.offsets == "byte" ? OffsetUnit::bytes : options.offsets == "utf16" ? OffsetUnit::utf16 : OffsetUnit::chars;
  const bool npy = context.globals().output.extension() == ".npy";
  how.seed = context.globals().seed;
  const auto is_long = [&](const Text& text) { return std::max(text.text.size(), text.pair ? text.pair->size() : 0) >= 2 * how.least_share; };
  if (std::any_of(texts.begin(), texts.end(), is_long)) how.pool = &context.pool();
  std::vector<uint32_t> all;
  for (const Text& text : texts) {
    if (text.pair) how.pair = *text.pair;
    else how.pair.reset();
    if (npy) {
      for (const int32_t id : tokenizer.encode_ids(text.text, how)) all.push_back(uint32_t(id));
      ++how.seed;
      continue;
    }
    const Encoding encoding = tokenizer.encode(text.text, how);
    Json shown = options.stages ? tokenizer.explain(text.text, how) : Json();
    if (context.json()) {
      Json row = encoding_json(encoding, tokenizer);
      if (options.stages) row["stages"] = std::move(shown);
      context.out().json(row);
    } else {
      if (options.stages) print_stages(context.out(), shown);
      print_encoding(context.out(), encoding, tokenizer);
    }
    ++how.seed;   // the same text again, where tokens are drawn by chance, is drawn for again
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
                                "orrery tokenize storyteller 'Once upon a time' -o ids.npy", "orrery tokenize storyteller 'Once upon a time' --stages",
                                "orrery tokenize storyteller --chat examples/chat/chat.json --chat-template examples/chat/plain.jinja"},
                               run};
  return command;
}
}  // namespace orrery::cli::commands
