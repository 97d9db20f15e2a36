// `orrery vocab train`: learns a tokenizer from text.
#include <algorithm>
#include <chrono>

#include "base/file.h"
#include "cli/command.h"
#include "tokenize/trainers/byte_bpe.h"
#include "train/documents.h"

namespace orrery::cli::commands {
namespace {
struct VocabTrainOptions {
  std::string algorithm;
  int64_t size = 30000, min_frequency = 0;
  std::filesystem::path output;
  std::vector<std::string> special_tokens = {"<|endoftext|>"};
  bool add_bos = true;
  std::vector<std::filesystem::path> files;
  static constexpr auto about = describe(
      "vocab train", "", option(&VocabTrainOptions::algorithm, "algorithm", "How it is learned.", one_of("byte-bpe", "bpe", "wordpiece", "unigram"), required()),
      option(&VocabTrainOptions::size, "size", "Tokens to learn, special ones and the 256 bytes included.", in_range(1, 1 << 24)),
      option(&VocabTrainOptions::output, "output", "Folder for tokenizer.json.", short_flag('o'), unit("DIR"), required()),
      option(&VocabTrainOptions::min_frequency, "min_frequency", "How often a pair must occur to be merged.", at_least(0)),
      option(&VocabTrainOptions::special_tokens, "special_tokens", "Special tokens, repeated; the first begins and ends each text.", unit("TOKEN")),
      option(&VocabTrainOptions::add_bos, "add_bos", "Encoding puts the first special token in front of a text."),
      option(&VocabTrainOptions::files, "file", "Texts: .txt, or .jsonl with a \"text\" in each line.", positional(), required()));
};

void add_file(ByteBpeTrainer& trainer, const std::filesystem::path& path) {
  const std::string bytes = read_file(path).value();
  if (path.extension() != ".jsonl") {
    for (const std::string_view text : texts_of(bytes)) trainer.add(text);
    return;
  }
  int64_t number = 0;
  for (size_t begin = 0; begin < bytes.size();) {
    const size_t end = std::min(bytes.find('\n', begin), bytes.size());
    const std::string where = path.string() + ", line " + std::to_string(++number);
    if (end > begin) {
      const Json record = parse_json(std::string_view(bytes).substr(begin, end - begin), where).value();
      if (!record.is_object() || !record.contains("text") || !record["text"].is_string()) throw Error{ErrorKind::bad_file, "a record has no \"text\"", where};
      trainer.add(record["text"].get_ref<const std::string&>());
    }
    begin = end + 1;
  }
}

void run(Context& context, VocabTrainOptions& options) {
  if (options.algorithm != "byte-bpe") throw Error{ErrorKind::unsupported, "--algorithm " + options.algorithm + " cannot be trained", "vocab train", "byte-bpe can"};
  const auto begin = std::chrono::steady_clock::now();
  ByteBpeOptions learn;
  learn.vocab_size = options.size;
  learn.min_frequency = options.min_frequency;
  learn.special_tokens = options.special_tokens;
  if (!options.special_tokens.empty()) {
    learn.bos_token = learn.eos_token = options.special_tokens[0];
    learn.add_bos = options.add_bos;
  }
  ByteBpeTrainer trainer(learn);
  uint64_t bytes = 0;
  for (const std::filesystem::path& file : options.files) {
    add_file(trainer, file);
    bytes += std::filesystem::file_size(file);
  }
  Progress progress = context.progress("learning", options.size, "tokens");
  const Tokenizer tokenizer = trainer.train([&](int64_t done, int64_t) { progress.update(done); }).tokenizer();
  progress.clear();
  if (const Status saved = tokenizer.save(options.output); !saved) throw saved.error();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (context.json()) return context.out().json({{"vocab_size", tokenizer.vocab_size()}, {"seconds", seconds}, {"bytes", bytes}});
  context.out().line(std::to_string(tokenizer.vocab_size()) + " tokens learned from " + std::to_string(bytes) + " bytes in " + duration_text(seconds) + ": " + options.output.string());
}
}  // namespace

const Command& vocab_train() {
  static const Command command{"vocab train",
                               "Learn a tokenizer from text.",
                               {"orrery corpus stories --format text --count 200 -o stories.txt && orrery vocab train --algorithm byte-bpe --size 1000 -o vocab stories.txt"},
                               run};
  return command;
}
}  // namespace orrery::cli::commands
