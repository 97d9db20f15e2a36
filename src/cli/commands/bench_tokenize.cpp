// `orrery bench tokenize MODEL --file F`: how fast a tokenizer reads.
#include <cstdio>

#include "cli/command.h"
#include "cli/loading.h"
#include "generate/speed.h"

namespace orrery::cli::commands {
namespace {
struct BenchTokenizeOptions {
  std::string model, separator;
  std::filesystem::path file;
  bool lines = false;
  int64_t repeat = 3;
  static constexpr auto about =
      describe("bench tokenize", "", option(&BenchTokenizeOptions::model, "model", "A model, a folder of a tokenizer alone, or its file.", positional(), required()),
               option(&BenchTokenizeOptions::file, "file", "The text; - is standard input.", required(), unit("FILE")),
               option(&BenchTokenizeOptions::lines, "lines", "Each line is a text of its own."),
               option(&BenchTokenizeOptions::separator, "separator", "What stands between the texts of the file.", unit("TEXT")),
               option(&BenchTokenizeOptions::repeat, "repeat", "How often; the fastest counts.", in_range(1, 100000)));
};

std::vector<std::string> parts_of(std::string_view text, std::string_view separator) {
  std::vector<std::string> parts;
  for (size_t end; (end = text.find(separator)) != std::string_view::npos; text.remove_prefix(end + separator.size())) parts.emplace_back(text.substr(0, end));
  parts.emplace_back(text);
  return parts;
}

void run(Context& context, BenchTokenizeOptions& options) {
  const Tokenizer tokenizer = load_tokenizer(options.model);
  if (options.lines && !options.separator.empty()) throw Error{ErrorKind::bad_usage, "--lines and --separator exclude each other", "orrery bench tokenize"};
  std::vector<std::string> texts = given_texts(std::nullopt, options.file, options.lines);
  if (!options.separator.empty()) texts = parts_of(texts[0], options.separator);
  const TokenizerSpeed speed = measure_tokenizer(tokenizer, texts, options.repeat, context.pool());
  if (context.json())
    return context.out().json({{"megabytes_per_second", {{"ids", speed.ids}, {"offsets", speed.offsets}, {"decode", speed.decode}}},
                               {"latency_us", {{"p50", speed.latency_p50_us}, {"p99", speed.latency_p99_us}}},
                               {"tokens", speed.tokens},
                               {"bytes", speed.bytes}});
  char line[160];
  std::snprintf(line, sizeof line, "ids %.1f MB/s, with offsets %.1f MB/s, decoding %.1f MB/s; a text takes %.1f us (p50), %.1f us (p99)", speed.ids, speed.offsets, speed.decode,
                speed.latency_p50_us, speed.latency_p99_us);
  context.out().line(line);
}
}  // namespace

const Command& bench_tokenize() {
  static const Command command{"bench tokenize", "Measure how fast a tokenizer reads.", {"orrery bench tokenize storyteller --file README.md --lines"}, run};
  return command;
}
}  // namespace orrery::cli::commands
