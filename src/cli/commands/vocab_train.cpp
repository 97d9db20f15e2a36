// `orrery vocab train`: learns a tokenizer from text.
#include <algorithm>
#include <chrono>

#include "cli/command.h"
#include "cli/loading.h"
#include "tokenize/trainers/vocab_trainer.h"

namespace orrery::cli::commands {
namespace {
struct VocabTrainOptions {
  std::string algorithm, normalizer, pre_tokenizer, initial_alphabet, continuing_subword_prefix, end_of_word_suffix;
  int64_t size = 30000, min_frequency = 0;
  std::filesystem::path output;
  std::vector<std::string> special_tokens;
  std::optional<std::string> unk_token;
  std::optional<int64_t> limit_alphabet, max_token_length, memory, num_merges;
  double shrinking_factor = 0.75, alpha = 2;
  int64_t n_sub_iterations = 2, seed_size = 1000000, global_merges = 0, window_size = 100;
  std::string variant = "base";
  std::vector<double> ratio;
  bool add_bos = true, byte_fallback = false, lines = false, total_symbols = false;
  std::vector<std::filesystem::path> files, held_out;
  static constexpr auto about = describe(
      "vocab train", "", option(&VocabTrainOptions::algorithm, "algorithm", "How it is learned.", one_of("byte-bpe", "bpe", "wordpiece", "unigram", "wordlevel", "parity-bpe"), required()),
      option(&VocabTrainOptions::size, "size", "Tokens to learn, special ones and the alphabet included.", in_range(1, 1 << 24)),
      option(&VocabTrainOptions::output, "output", "Folder for tokenizer.json.", short_flag('o'), unit("DIR"), required()),
      option(&VocabTrainOptions::min_frequency, "min_frequency", "How often a pair must occur to be merged, a word to be kept (wordlevel).", at_least(0)),
      option(&VocabTrainOptions::special_tokens, "special_tokens", "Special tokens, repeated; the algorithm's usual ones where none is given.", unit("TOKEN")),
      option(&VocabTrainOptions::unk_token, "unk_token", "The one of them that stands for unknown text.", unit("TOKEN")),
      option(&VocabTrainOptions::add_bos, "add_bos", "Encoding adds the special tokens that are usual: <s>, [CLS] and [SEP], for byte-bpe the first one."),
      option(&VocabTrainOptions::normalizer, "normalizer", "What is done to a text first; the algorithm's usual step where not given.", one_of("none", "nfc", "nfkc", "lowercase", "bert", "bert-cased")),
      option(&VocabTrainOptions::pre_tokenizer, "pre_tokenizer", "How a text is cut into words.", one_of("byte-level", "metaspace", "whitespace", "whitespace-split", "bert", "none")),
      option(&VocabTrainOptions::limit_alphabet, "limit_alphabet", "At most so many different characters, the most frequent ones.", at_least(0)),
      option(&VocabTrainOptions::initial_alphabet, "initial_alphabet", "Characters to have, seen or not.", unit("TEXT")),
      option(&VocabTrainOptions::continuing_subword_prefix, "continuing_subword_prefix", "Marks tokens inside a word.", unit("TEXT")),
      option(&VocabTrainOptions::end_of_word_suffix, "end_of_word_suffix", "Marks tokens that end a word.", unit("TEXT")),
      option(&VocabTrainOptions::max_token_length, "max_token_length", "Longest token, in characters.", at_least(1)),
      option(&VocabTrainOptions::byte_fallback, "byte_fallback", "Tokens <0x00> to <0xFF> for characters that are none (bpe, unigram)."),
      option(&VocabTrainOptions::shrinking_factor, "shrinking_factor", "Unigram: what each pruning keeps.", in_range(0.01, 0.99)),
      option(&VocabTrainOptions::n_sub_iterations, "n_sub_iterations", "Unigram: rounds of EM before each pruning.", in_range(1, 1000)),
      option(&VocabTrainOptions::seed_size, "seed_size", "Unigram: pieces to begin with.", in_range(1, 1 << 28)),
      option(&VocabTrainOptions::held_out, "held_out", "Parity: a text of each language, in the order of the files, which tells whose turn it is; repeated. Best the same text.", unit("FILE")),
      option(&VocabTrainOptions::ratio, "ratio", "Parity: in place of those, how much each language is to shrink, beside the others.", unit("RATIOS")),
      option(&VocabTrainOptions::variant, "variant", "Parity: the language cut worst has the next merge, or waits when it had too many of the last ones.", one_of("base", "window")),
      option(&VocabTrainOptions::window_size, "window_size", "Parity: how many the last ones are.", in_range(1, 1 << 24)),
      option(&VocabTrainOptions::alpha, "alpha", "Parity: so many times its share of them is too many.", above(0.0)),
      option(&VocabTrainOptions::global_merges, "global_merges", "Parity: merges that all languages choose together first.", at_least(0)),
      option(&VocabTrainOptions::num_merges, "num_merges", "Parity: merges to learn, in place of --size.", in_range(0, 1 << 24)),
      option(&VocabTrainOptions::total_symbols, "total_symbols", "Parity: special tokens and bytes are taken off --num-merges."),
      option(&VocabTrainOptions::lines, "lines", "Each line is a text, without its end: byte-bpe learns no tokens of line ends."),
      option(&VocabTrainOptions::memory, "memory", "Megabytes for the different words; beyond, the rarest are forgotten.", at_least(1), unit("MB")),
      option(&VocabTrainOptions::files, "file", "Texts: .txt, or .jsonl with a \"text\" in each line.", positional(), required()));
};

std::string flag_named(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

VocabOptions vocab_options(const VocabTrainOptions& options, const OptionSet& given) {
  VocabOptions vocab;
  vocab.algorithm = options.algorithm;
  vocab.vocab_size = options.size;
  vocab.min_frequency = options.min_frequency;
  if (given.given("special_tokens")) vocab.special_tokens = options.special_tokens;
  vocab.unk_token = options.unk_token;
  vocab.add_special = options.add_bos;
  vocab.limit_alphabet = options.limit_alphabet;
  vocab.initial_alphabet = options.initial_alphabet;
  vocab.continuing_subword_prefix = options.continuing_subword_prefix;
  vocab.end_of_word_suffix = options.end_of_word_suffix;
  vocab.max_token_length = options.max_token_length;
  vocab.byte_fallback = options.byte_fallback;
  vocab.lines = options.lines;
  if (given.given("normalizer")) vocab.normalizer = normalizer_named(options.normalizer);
  if (given.given("pre_tokenizer")) vocab.pre_tokenizer = pre_tokenizer_named(options.pre_tokenizer);
  vocab.shrinking_factor = options.shrinking_factor;
  vocab.sub_iterations = options.n_sub_iterations;
  vocab.seed_size = options.seed_size;
  vocab.num_merges = options.num_merges;
  vocab.global_merges = options.global_merges;
  vocab.variant = options.variant;
  vocab.window_size = options.window_size;
  vocab.alpha = options.alpha;
  vocab.ratio = options.ratio;
  vocab.total_symbols = options.total_symbols;
  const auto only_for = [&](const char* algorithm, std::initializer_list<const char*> names) {
    for (const char* name : names)
      if (options.algorithm != algorithm && given.given(name))
        throw Error{ErrorKind::bad_usage, "--" + flag_named(name) + " is an option of " + algorithm + ", and --algorithm is " + options.algorithm, "orrery vocab train"};
  };
  only_for("unigram", {"shrinking_factor", "n_sub_iterations", "seed_size"});
  only_for("parity-bpe", {"held_out", "ratio", "variant", "window_size", "alpha", "global_merges", "num_merges", "total_symbols"});
  const auto corpora = options.algorithm == "parity-bpe" ? static_cast<int64_t>(options.files.size() + options.held_out.size()) : 1;
  if (options.memory) vocab.memory = *options.memory * 1000000 / corpora;
  return vocab;
}

// No model's tokenizer is written over.
void check_output(const Context& context, const std::filesystem::path& folder) {
  std::error_code ignored;
  if (!std::filesystem::exists(folder, ignored)) return;
  if (!std::filesystem::is_directory(folder, ignored)) throw Error{ErrorKind::bad_usage, "this is a file, not a folder", folder.string(), "-o takes the name of a folder"};
  for (const char* name : {"model.safetensors", "model.safetensors.index.json"})
    if (std::filesystem::exists(folder / name, ignored))
      throw Error{ErrorKind::bad_usage, "the folder holds a model, whose tokenizer would be lost", folder.string(), "-o takes the name of another folder"};
  if (!std::filesystem::is_empty(folder, ignored) && !std::filesystem::exists(folder / "tokenizer.json", ignored))
    context.warn("the folder holds other files (" + folder.string() + ")");
}

void run(Context& context, VocabTrainOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  check_output(context, options.output);
  VocabTrainer trainer(vocab_options(options, context.options()));
  uint64_t bytes = 0, total = 0;
  std::error_code unknown;
  for (const std::filesystem::path& file : options.files)
    if (const uint64_t size = std::filesystem::file_size(file, unknown); !unknown) total += size;
  Progress reading = context.progress("reading", static_cast<int64_t>(total / 1000000), "MB");
  for (const std::filesystem::path& file : options.files) {
    const uint64_t before = bytes;
    trainer.add_file(file, context.pool(), [&](uint64_t read) {
      bytes = before + read;
      reading.update(static_cast<int64_t>(bytes / 1000000));
    }).value();
    if (const uint64_t size = std::filesystem::file_size(file, unknown); !unknown) bytes = before + size;
  }
  for (const std::filesystem::path& file : options.held_out) trainer.add_held_out_file(file, context.pool()).value();
  reading.clear();
  if (std::all_of(trainer.words().begin(), trainer.words().end(), [](const WordCounts& words) { return words.size() == 0; })) throw Error{ErrorKind::bad_file, "there is no text to learn from", options.files.front().string()};
  for (const WordCounts& words : trainer.words())
    if (const int64_t floor = words.forgotten_below(); floor > 0)
      context.warn(std::to_string(words.times_forgotten()) + " times a word was forgotten to stay within --memory " + std::to_string(*options.memory) + " MB: words seen at most " +
                 std::to_string(floor) + " times may be missing");
  std::optional<Progress> progress;
  const Tokenizer tokenizer = trainer.train(context.pool(), [&](int64_t done, int64_t wanted) {
    if (!progress) progress.emplace(context.progress("learning", wanted, options.algorithm == "unigram" ? "pieces dropped" : "merges"));
    progress->update(done);
  }).tokenizer();
  progress.reset();
  if (!options.num_merges && int64_t(tokenizer.vocab_size()) > options.size)
    context.warn("--size " + std::to_string(options.size) + " is less than what must be there, the alphabet and the special tokens: " + std::to_string(tokenizer.vocab_size()) + " tokens");
  if (const Status saved = tokenizer.save(options.output); !saved) throw saved.error();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (context.json()) return context.out().json({{"vocab_size", tokenizer.vocab_size()}, {"seconds", seconds}, {"bytes", bytes}});
  context.out().line(std::to_string(tokenizer.vocab_size()) + " tokens learned from " + std::to_string(bytes) + " bytes in " + duration_text(seconds) + ": " + options.output.string());
}
}  // namespace

const Command& vocab_train() {
  static const Command command{"vocab train",
                               "Learn a tokenizer from text.",
                               {"orrery corpus stories --format text --count 200 -o stories.txt && orrery vocab train --algorithm byte-bpe --size 1000 -o vocab stories.txt",
                                "orrery corpus stories --format text --count 200 -o stories.txt && orrery vocab train --algorithm unigram --size 400 -o vocab stories.txt"},
                               run};
  return command;
}
}  // namespace orrery::cli::commands
