// `orrery vocab convert MODEL --to FORMAT -o DIR`: a tokenizer in another of the formats they are kept in, with the same ids or not at all.
#include "cli/command.h"
#include "cli/loading.h"
#include "tokenize/convert.h"

namespace orrery::cli::commands {
namespace {
struct VocabConvertOptions {
  std::string model, to, pattern, special_tokens;
  std::filesystem::path output;
  static constexpr auto about =
      describe("vocab convert", "", option(&VocabConvertOptions::model, "model", "A model, a folder of a tokenizer alone, or its file.", positional(), required()),
               option(&VocabConvertOptions::to, "to", "The format: vocab.json with merges.txt, tiktoken's rank file, sentencepiece's tokenizer.model, or another.",
                      one_of("tokenizer.json", "vocab.json", "vocab.txt", "tiktoken", "tokenizer.model"), required()),
               option(&VocabConvertOptions::output, "output", "Folder for the files; an older one is replaced.", short_flag('o'), unit("DIR"), required()),
               option(&VocabConvertOptions::pattern, "pattern", "Of a rank file: how texts are cut into words.", unit("REGEX")),
               option(&VocabConvertOptions::special_tokens, "special_tokens", "Of a rank file: {\"<|name|>\": id, …} or [\"<|name|>\", …], or a file of it.", unit("JSON")));
};

void run(Context& context, VocabConvertOptions& options) {
  const Tokenizer tokenizer = load_tokenizer(options.model, rank_options(options.pattern, options.special_tokens));
  const ConvertedTokenizer made = convert_tokenizer(tokenizer, options.to, options.output).value();
  for (const std::string& lost : made.lost) context.warn("not in the file: " + lost);
  if (context.json()) return context.out().json({{"vocab_size", tokenizer.vocab_size()}, {"files", made.files}, {"lost", made.lost}});
  for (const std::string& file : made.files) context.out().line((options.output / file).string());
}
}  // namespace

const Command& vocab_convert() {
  static const Command command{"vocab convert",
                               "Write a tokenizer in another format, with the same ids or not at all.",
                               {"orrery vocab convert storyteller --to vocab.json -o files", "orrery vocab convert storyteller --to tiktoken -o ranks"},
                               run};
  return command;
}
}  // namespace orrery::cli::commands
