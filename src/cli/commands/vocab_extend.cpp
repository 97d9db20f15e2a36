// `orrery vocab extend MODEL --corpus F --tokens N -o DIR`: a domain's tokens for a model, old ids unchanged.
#include <chrono>

#include "base/file.h"
#include "checkpoint/checkpoint.h"
#include "cli/command.h"
#include "cli/loading.h"
#include "cli/model_path.h"
#include "tokenize/tokenizer_json_text.h"
#include "tokenize/trainers/text_source.h"
#include "vocabulary/extended_model.h"
#include "vocabulary/extension.h"

namespace orrery::cli::commands {
namespace {
struct VocabExtendOptions {
  std::string model, method = "continue";
  std::vector<std::filesystem::path> corpus;
  int64_t tokens = 0, min_frequency = 2;
  std::filesystem::path output;
  static constexpr auto about = describe(
      "vocab extend", "", option(&VocabExtendOptions::model, "model", "A model, or a folder of a tokenizer alone, or its file.", positional(), required()),
      option(&VocabExtendOptions::corpus, "corpus", "The domain's texts, repeated: .txt, or .jsonl with a \"text\" in each line.", unit("FILE"), required()),
      option(&VocabExtendOptions::tokens, "tokens", "New tokens, at most.", in_range(1, 1 << 22), required()),
      option(&VocabExtendOptions::method, "method", "Learning goes on from the vocabulary's tokens; or the domain's own tokens are taken, where two old ones make them up (BPE).", one_of("continue", "append-merges")),
      option(&VocabExtendOptions::min_frequency, "min_frequency", "How often a pair of tokens must occur to become one.", at_least(1)),
      option(&VocabExtendOptions::output, "output", "Folder for the extended model, or its tokenizer alone.", short_flag('o'), unit("DIR"), required()));
};

// The texts in lines: a fifth of them is held back to see what was gained.
std::vector<std::string> read_lines(const std::vector<std::filesystem::path>& files) {
  std::vector<std::string> lines;
  for (const std::filesystem::path& file : files)
    read_texts(file, [&](std::string_view text, uint64_t) {
      for (const std::string& line : lines_of(std::string(text)))
        if (!line.empty()) lines.push_back(line);
    }).value();
  return lines;
}

// The files beside the weights that a model may have, the tokenizer's own replaced.
std::vector<std::pair<std::string, std::string>> other_files(const std::filesystem::path& folder) {
  std::vector<std::pair<std::string, std::string>> files;
  for (const char* name : {"tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"}) {
    std::error_code ignored;
    if (std::filesystem::exists(folder / name, ignored)) files.emplace_back(name, read_file(folder / name).value());
  }
  return files;
}

void run(Context& context, VocabExtendOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  const std::filesystem::path folder = model_path(options.model);
  const Tokenizer tokenizer = load_tokenizer(options.model);
  const std::vector<std::string> lines = read_lines(options.corpus);
  if (lines.empty()) throw Error{ErrorKind::bad_file, "there is no text to learn from", options.corpus.front().string()};
  const ExtensionMethod method = options.method == "append-merges" ? ExtensionMethod::append_merges : ExtensionMethod::continue_learning;
  const Gain gain = extension_gain(tokenizer, lines, options.tokens, method);
  VocabExtension extension(tokenizer);
  for (const std::string& line : lines) extension.add(line);
  const ExtendedVocab extended = extension.learn(options.tokens, options.min_frequency, method);
  if (extended.tokens.empty()) throw Error{ErrorKind::bad_usage, "the corpus gives no new token", options.corpus.front().string(), "it may be too short, or the vocabulary holds its words already"};
  const Tokenizer after = extended.tokenizer();

  Json told = {{"vocab_size", after.vocab_size()}, {"tokens_added", extended.tokens.size()}, {"tokens_unused", unused_tokens(extended, after, lines)}, {"method", options.method}};
  std::error_code ignored;
  if (std::filesystem::exists(folder / "config.json", ignored)) {
    const Checkpoint checkpoint = Checkpoint::open(folder).value();
    warn_of_code(context, checkpoint.config(), folder);
    ExtendedModel made = extend_model(checkpoint, extended.tokens).value();
    made.contents.files = other_files(folder);
    made.contents.files.emplace_back("tokenizer.json", tokenizer_json_text(after.to_json()));
    save_checkpoint(options.output, made.contents).value();
    told["rows_added"] = made.rows_added;
    told["tensors"] = made.tensors;
  } else {
    after.save(options.output).value();
  }
  told["held_out_tokens_before"] = gain.tokens_before;
  told["held_out_tokens_after"] = gain.tokens_after;
  told["held_out_shorter"] = gain.shorter();
  told["held_out_texts_longer"] = gain.texts_longer;
  told["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (context.json()) {
    Json tokens = Json::array();
    for (const NewToken& token : extended.tokens) tokens.push_back({{"id", token.id}, {"token", token.text}, {"parts", token.parts}});
    told["tokens"] = std::move(tokens);
    return context.out().json(told);
  }
  std::string examples;
  for (size_t i = 0; i < std::min<size_t>(8, extended.tokens.size()); i++) examples += (i > 0 ? "  " : "") + printable(after.token_bytes(extended.tokens[i].id));
  context.out().line(std::to_string(extended.tokens.size()) + " tokens added from id " + std::to_string(extended.tokens.front().id) + " on: " + examples);
  if (told["tokens_unused"] > 0) context.out().line(told["tokens_unused"].dump() + " of them the corpus never takes: they are steps on the way to longer ones");
  if (told.contains("rows_added")) context.out().line(told["rows_added"].dump() + " rows added, each the mean of its parts; old ids and rows are unchanged. The new rows want training.");
  const auto permille = static_cast<int64_t>(gain.shorter() * 1000 + 0.5);
  context.out().line("text held out: " + std::to_string(gain.tokens_before) + " tokens before, " + std::to_string(gain.tokens_after) + " after, " + std::to_string(permille / 10) + "." + std::to_string(permille % 10) + " % fewer");
  context.out().line(options.output.string());
}
}  // namespace

const Command& vocab_extend() {
  static const Command command{"vocab extend",
                               "Add a domain's tokens to a model; old ids stay.",
                               {"orrery corpus stories --format text --count 200 -o stories.txt && orrery vocab extend storyteller --corpus stories.txt --tokens 50 -o extended"},
                               run};
  return command;
}
}  // namespace orrery::cli::commands
