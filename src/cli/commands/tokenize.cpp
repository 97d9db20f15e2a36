// `orrery tokenize MODEL TEXT`: text to tokens and back.
#include <algorithm>

#include "base/base64.h"
#include "base/npy.h"
#include "cli/command.h"
#include "cli/loading.h"
#include "cli/tokenize_chat.h"
#include "cli/tokenize_lengths.h"
#include "cli/tokenize_print.h"
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
      option(&TokenizeOptions::jsonl, "jsonl", "Read a record a line: {\"text\": …} or {\"base64\": …}, and \"pair\" where there is one; lists of texts are words cut already.", unit("FILE")),
      option(&TokenizeOptions::pair, "pair", "A second text, after the first.", unit("TEXT")),
      option(&TokenizeOptions::special, "special", "Add the special tokens of the model; when decoding, show them."),
      option(&TokenizeOptions::allow_special, "allow_special", "Which special tokens are read where their names stand in the text.", one_of("all", "none")),
      option(&TokenizeOptions::offsets, "offsets", "What offsets count.", one_of("char", "byte", "utf16")),
      option(&TokenizeOptions::stages, "stages", "Show what each step does to the text, and how the model comes to its tokens."),
      option(&TokenizeOptions::pattern, "pattern", "Of a rank file: how texts are cut into words.", unit("REGEX")),
      option(&TokenizeOptions::special_tokens, "special_tokens", "Of a rank file: {\"<|name|>\": id, …} or [\"<|name|>\", …], or a file of it.", unit("JSON")),
      option(&TokenizeOptions::decode, "decode", "The text of these ids: 1,2,3.", unit("IDS")));
};

// A text, or words cut already; and a second one of the same kind.
struct Text {
  std::vector<std::string> text, pair = {};
  bool in_words = false, has_pair = false;
};

Text text_of_record(const Json& record, const std::string& where) {
  if (!record.is_object()) throw Error{ErrorKind::bad_file, "a record is not an object", where};
  Text made;
  const auto read = [&](const char* key, std::vector<std::string>& texts) {
    const auto found = record.find(key);
    if (found == record.end() || found->is_null()) return false;
    const bool in_words = found->is_array();
    const bool good = in_words ? std::all_of(found->begin(), found->end(), [](const Json& word) { return word.is_string(); }) : found->is_string();
    if (!good) throw Error{ErrorKind::bad_file, std::string("\"") + key + "\" is neither a text nor a list of words", where};
    if (in_words) texts = found->get<std::vector<std::string>>();
    else texts.push_back(found->get<std::string>());
    made.in_words = in_words;
    return true;
  };
  if (!read("text", made.text)) {
    const auto encoded = record.find("base64");
    if (encoded == record.end() || !encoded->is_string()) throw Error{ErrorKind::bad_file, "a record has neither \"text\" nor \"base64\"", where};
    std::optional<std::string> bytes = decode_base64(encoded->get<std::string>());
    if (!bytes) throw Error{ErrorKind::bad_file, "\"base64\" is not base64", where};
    made.text.push_back(*std::move(bytes));
  }
  const bool in_words = made.in_words;
  made.has_pair = read("pair", made.pair);
  if (made.in_words != in_words) throw Error{ErrorKind::bad_file, "of \"text\" and \"pair\" one is a text and the other a list of words", where};
  return made;
}

std::vector<Text> read_input(const TokenizeOptions& options) {
  std::vector<Text> texts;
  if (options.jsonl.empty()) {
    for (std::string& text : given_texts(options.text, options.file, options.lines)) {
      texts.push_back({.text = {std::move(text)}});
      if (options.pair) texts.back().has_pair = true, texts.back().pair = {*options.pair};
    }
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
    all.insert(all.end(), text.text.begin(), text.text.end());
    all.insert(all.end(), text.pair.begin(), text.pair.end());
  }
  return plain_tokenizer(options.model, all);
}

Encoding encode(const Tokenizer& tokenizer, const Text& text, EncodeOptions& how) {
  if (text.in_words) return text.has_pair ? tokenizer.encode_words(text.text, text.pair, how) : tokenizer.encode_words(text.text, how);
  if (text.has_pair) how.pair = text.pair[0];
  else how.pair.reset();
  return tokenizer.encode(text.text[0], how);
}


void show(Context& context, const Encoding& encoding, const Tokenizer& tokenizer, bool cuts, Json stages) {
  if (context.json()) {
    Json row = encoding_json(encoding, tokenizer, cuts);
    if (!stages.is_null()) row["stages"] = std::move(stages);
    context.out().json(row);
    return;
  }
  if (!stages.is_null()) print_stages(context.out(), stages);
  print_encoding(context.out(), encoding, tokenizer);
}

void encode_all(Context& context, const TokenizeOptions& options, const Tokenizer& tokenizer, const std::vector<Text>& texts, const Lengths& lengths) {
  EncodeOptions how;
  how.add_special = options.special;
  how.specials_as_text = options.allow_special == "none";
  how.unit = options.offsets == "byte" ? OffsetUnit::bytes : options.offsets == "utf16" ? OffsetUnit::utf16 : OffsetUnit::chars;
  how.truncation = lengths.truncation;
  how.seed = context.globals().seed;
  const auto size = [](const std::vector<std::string>& one) { return one.empty() ? 0 : one[0].size(); };
  const auto is_long = [&](const Text& text) { return std::max(size(text.text), size(text.pair)) >= 2 * how.least_share; };
  if (std::any_of(texts.begin(), texts.end(), is_long)) how.pool = &context.pool();
  const bool npy = context.globals().output.extension() == ".npy";
  const bool only_ids = npy && !lengths.truncation && !lengths.padding;
  std::vector<uint32_t> ids;
  std::vector<Encoding> batch;   // that waits for its length
  std::vector<Json> stages;
  int64_t too_long = 0;
  const auto give = [&](const Encoding& encoding, Json shown) {
    if (npy) ids.insert(ids.end(), encoding.ids.begin(), encoding.ids.end());
    else show(context, encoding, tokenizer, lengths.truncation.has_value(), std::move(shown));
  };
  const auto finish = [&](Encoding& encoding, Json shown) {
    if (lengths.truncation) too_long += encoding.size() > lengths.truncation->max_length;
    if (lengths.padding && !lengths.of_a_batch()) pad(std::span(&encoding, 1), *lengths.padding);
    if (lengths.of_a_batch()) batch.push_back(std::move(encoding)), stages.push_back(std::move(shown));
    else give(encoding, std::move(shown));
  };
  const bool plain = !options.stages && std::none_of(texts.begin(), texts.end(), [](const Text& text) { return text.in_words || text.has_pair; });
  if (plain) {
    std::vector<std::string_view> all;
    for (const Text& text : texts) all.push_back(text.text[0]);
    if (only_ids) {
      const IdLists made = tokenizer.encode_ids(all, how);
      ids.assign(made.ids.ids().begin(), made.ids.ids().end());
    } else {
      tokenizer.encode_each(all, how, [&](size_t, Encoding& encoding) { finish(encoding, {}); });
    }
  }
  for (const Text& text : plain ? std::span<const Text>() : std::span(texts)) {
    if (options.stages && text.in_words) throw Error{ErrorKind::bad_usage, "stages are shown of a text, not of words cut already", "--stages"};
    if (only_ids && !text.in_words) {
      if (text.has_pair) how.pair = text.pair[0];
      else how.pair.reset();
      for (const int32_t id : tokenizer.encode_ids(text.text[0], how)) ids.push_back(uint32_t(id));
    } else {
      Encoding encoding = encode(tokenizer, text, how);
      finish(encoding, options.stages ? tokenizer.explain(text.text[0], how) : Json());
    }
    ++how.seed;   // the same text again, where tokens are drawn by chance, is drawn for again
  }
  if (lengths.of_a_batch()) pad(batch, *lengths.padding);
  for (size_t i = 0; i < batch.size(); ++i) give(batch[i], std::move(stages[i]));
  if (too_long > 0) context.warn("nothing was cut: the special tokens alone are more than --max-length");
  if (!npy) return;
  const std::filesystem::path file = context.out().take_file();
  write_npy(file, {int64_t(ids.size())}, std::span<const uint32_t>(ids)).value();
  if (context.json()) context.out().json({{"tokens", ids.size()}, {"path", file.string()}});
}

void run(Context& context, TokenizeOptions& options, ChatOptions& chat, LengthOptions& length, WaysOptions& ways) {
  if (!chat.chat.empty()) return tokenize_chat(context, load_tokenizer(options.model, rank_options(options.pattern, options.special_tokens)), options.model, chat);
  const bool decodes = context.options().given("decode");
  const std::vector<Text> texts = decodes ? std::vector<Text>() : read_input(options);
  const Tokenizer tokenizer = open(options, texts);
  if (decodes) return decode(context, options, tokenizer);
  if (ways.nbest > 0 || ways.samples > 0) {
    for (const Text& text : texts)
      for (const std::string& one : text.text) tokenize_ways(context, tokenizer, one, ways);
    return;
  }
  encode_all(context, options, tokenizer, texts, lengths_of(length, tokenizer));
}
}  // namespace

const Command& tokenize() {
  static const Command command{"tokenize",
                               "Turn text into tokens, or tokens into text.",
                               {"orrery tokenize storyteller 'Once upon a time'", "orrery tokenize storyteller --decode 1,2,3",
                                "orrery tokenize storyteller 'Once upon a time' --max-length 4 --stride 1 --padding max_length --pad-token '<|endoftext|>'",
                                "orrery tokenize storyteller 'Once upon a time' -o ids.npy", "orrery tokenize storyteller 'Once upon a time' --stages",
                                "orrery tokenize storyteller --chat examples/chat/chat.json --chat-template examples/chat/plain.jinja"},
                               run};
  return command;
}
}  // namespace orrery::cli::commands
