// `orrery classify MODEL TEXT`: the class of a text, or of each of its tokens.
#include <cstdio>

#include "cli/command.h"
#include "cli/loading.h"
#include "cli/token_ids.h"
#include "generate/sentence.h"
#include "tokenize/check_vocabulary.h"

namespace orrery::cli::commands {
namespace {
struct ClassifyOptions {
  std::string model;
  std::optional<std::string> text, pair;
  std::filesystem::path file;
  std::vector<int64_t> ids;
  bool lines = false, all = false;
  static constexpr auto about =
      describe("classify", "", option(&ClassifyOptions::model, "model", kModelHelp, positional(), required()),
               option(&ClassifyOptions::text, "text", "The text.", positional()),
               option(&ClassifyOptions::pair, "pair", "A second text, for models that compare two.", unit("TEXT")),
               option(&ClassifyOptions::ids, "ids", "The text as token ids: 1,2,3.", unit("IDS")),
               option(&ClassifyOptions::file, "file", "Read the text from this file; - is standard input.", unit("FILE")),
               option(&ClassifyOptions::lines, "lines", "Each line of the file is a text."),
               option(&ClassifyOptions::all, "all", "Tell the scores of all classes."));
};

Json class_json(const std::vector<ClassScore>& scores, bool all) {
  const ClassScore& best = likeliest(scores);
  Json json = {{"label", best.label}, {"score", best.score}};
  if (!all) return json;
  json["scores"] = Json::object();
  for (const ClassScore& one : scores) json["scores"][one.label] = one.score;
  return json;
}

std::string class_text(const std::vector<ClassScore>& scores, bool all) {
  const auto text = [](const ClassScore& one) {
    char buffer[16];
    std::snprintf(buffer, sizeof buffer, " %.1f %%", 100 * one.score);
    return one.label + buffer;
  };
  if (!all) return text(likeliest(scores));
  std::string line;
  for (const ClassScore& one : scores) line += (line.empty() ? "" : ", ") + text(one);
  return line;
}

std::vector<TokenSequence> read_sequences(Context& context, const ClassifyOptions& options, const Tokenizer* tokenizer, int64_t limit) {
  std::vector<TokenSequence> sequences;
  if (context.options().given("ids")) {
    sequences.push_back({.ids = token_ids(options.ids, "--ids")});
    return sequences;
  }
  const std::vector<std::string> texts = given_texts(options.text, options.file, options.lines);
  if (!tokenizer) throw Error{ErrorKind::not_found, "the model has no tokenizer to read a text with", options.model, "give token ids as --ids 1,2,3"};
  for (const std::string& text : texts) {
    bool cut = false;
    sequences.push_back(encode_for_model(*tokenizer, text, options.pair, limit, &cut));
    if (cut) context.warn("a text was cut to " + std::to_string(limit) + " tokens");
  }
  return sequences;
}

void run(Context& context, ClassifyOptions& options) {
  Model model = load_model(context, options.model);
  const Config& config = model.config();
  if (config.head != Head::sequence_classification && config.head != Head::token_classification)
    throw Error{ErrorKind::unsupported, "a model of architecture " + config.architecture + " does not classify", model.folder().string()};
  const std::optional<Tokenizer> found = find_tokenizer(options.model);
  const Tokenizer* tokenizer = found ? &*found : nullptr;
  if (tokenizer) check_vocabulary(*tokenizer, config.vocab_size, model.folder().string());
  const std::vector<TokenSequence> sequences = read_sequences(context, options, tokenizer, config.max_positions);
  int64_t longest = 1;
  for (const TokenSequence& sequence : sequences) longest = std::max(longest, int64_t(sequence.ids.size()));
  Encoder encoder(model, context.pool(), "logits", {.max_rows = std::min(longest, config.max_positions), .kv_dtype = kv_dtype(context)});
  for (const TokenSequence& sequence : sequences) {
    const Tensor logits = encoder.run(std::span(&sequence, 1))[0];     // [tokens or 1, labels]
    const auto row = [&](int64_t i) { return class_scores(config, logits.values<float>().subspan(size_t(i * logits.dim(1)), size_t(logits.dim(1)))); };
    if (!encoder.per_token()) {
      if (context.json()) context.out().json(class_json(row(0), options.all));
      else context.out().line(class_text(row(0), options.all));
      continue;
    }
    Json json = {{"label", Json::array()}, {"score", Json::array()}, {"ids", sequence.ids}, {"tokens", Json::array()}};
    for (int64_t i = 0; i < logits.dim(0); ++i) {
      const int32_t id = sequence.ids[size_t(i)];
      const std::string token = tokenizer ? tokenizer->token_of(id).value_or("") : std::to_string(id);
      if (!context.json()) {
        context.out().line(printable(token) + "  " + class_text(row(i), options.all));
        continue;
      }
      const Json one = class_json(row(i), options.all);
      for (const auto& [key, value] : one.items()) json[key].push_back(value);
      json["tokens"].push_back(token);
    }
    if (context.json()) context.out().json(json);
  }
}
}  // namespace

const Command& classify() {
  static const Command command{"classify", "Tell the class of a text, or of each of its tokens.", {"orrery classify sorter --ids 7,1,3,3,0,9,2,5"}, run};
  return command;
}
}  // namespace orrery::cli::commands
