// `orrery bench MODEL`: how fast a model reads and writes, and where its time goes.
#include <cstdio>

#include "cli/command.h"
#include "cli/loading.h"
#include "cli/model_path.h"
#include "cli/roofline.h"
#include "generate/sentence.h"
#include "generate/speed.h"

namespace orrery::cli::commands {
namespace {
struct BenchOptions : SpeedOptions {
  std::string model;
  std::filesystem::path texts;
  bool roofline = false;
  static constexpr auto about = describe(
      "bench", "", option(&BenchOptions::model, "model", "As everywhere; a folder with a config.json alone is run with random weights.", positional(), required()),
      option(&BenchOptions::prompt_tokens, "prompt_tokens", "Random tokens of each prompt.", in_range(1, 1 << 24)),
      option(&BenchOptions::new_tokens, "new_tokens", "Tokens to add to each.", in_range(1, 1 << 24)),
      option(&BenchOptions::batch, "batch", "Prompts at the same time.", in_range(1, 1 << 24)),
      option(&BenchOptions::repeat, "repeat", "How often; the median counts.", in_range(1, 1 << 24)),
      option(&BenchOptions::texts, "texts", "An encoder reads the lines of this file in place of random tokens.", unit("FILE")),
      option(&BenchOptions::roofline, "roofline", "Show each step's time beside what the machine's limits, measured at the same time, allow."));
};

std::vector<TokenSequence> texts_of(const Model& model, const BenchOptions& options) {
  if (options.texts.empty()) return random_texts(model, options);
  const Tokenizer tokenizer = load_tokenizer(options.model, model);
  std::vector<TokenSequence> texts;
  for (const std::string& line : lines_of(read_text(options.texts)))
    if (!line.empty()) texts.push_back(encode_for_model(tokenizer, line, std::nullopt, model.config().max_positions));
  if (texts.empty()) throw Error{ErrorKind::bad_file, "there is no text in it", options.texts.string(), "give a file with a text a line"};
  return texts;
}

std::string memory_line(int64_t own, int64_t mapped) { return "memory   " + bytes_text(own) + (mapped > 0 ? ", and " + bytes_text(mapped) + " of mapped files" : ""); }

// The limits, where they are asked for: measured right after the model.
Limits limits_of(Context& context, const BenchOptions& options) { return options.roofline ? measure_limits(context.pool()) : Limits{}; }

void encoding(Context& context, Model& model, const BenchOptions& options) {
  const EncodingSpeed speed = measure_encoding(model, context.pool(), texts_of(model, options), options);
  const Limits limits = limits_of(context, options);
  if (context.json()) {
    Json result = {{"tokens_per_second", speed.tokens_per_second}, {"texts_per_second", speed.texts_per_second}, {"peak_bytes", speed.peak_bytes}, {"mapped_bytes", speed.mapped_bytes}, {"program_bytes", speed.program_bytes}, {"threads", context.num_threads()}};
    if (options.roofline) result["roofline"] = roofline_json(speed.phases, limits);
    return context.out().json(result);
  }
  char line[128];
  std::snprintf(line, sizeof line, "encode   %.0f tokens/s, %.1f texts/s", speed.tokens_per_second, speed.texts_per_second);
  context.out().line(line);
  context.out().line(memory_line(speed.peak_bytes, speed.mapped_bytes));
  if (options.roofline) print_roofline(context, speed.phases, limits);
}

void generation(Context& context, Model& model, const BenchOptions& options) {
  if (!options.texts.empty()) throw Error{ErrorKind::bad_usage, "--texts is for models that read alone, and this one writes", options.model, "leave it out"};
  const GenerationSpeed speed = measure_generation(model, context.pool(), options);
  const Limits limits = limits_of(context, options);
  if (context.json()) {
    Json result = {{"prefill_tokens_per_second", speed.prefill_tokens_per_second},
                   {"decode_tokens_per_second", speed.decode_tokens_per_second},
                   {"latency_ms", {{"p50", speed.latency_p50_ms}, {"p99", speed.latency_p99_ms}}},
                   {"peak_bytes", speed.peak_bytes},
                   {"mapped_bytes", speed.mapped_bytes},
                   {"program_bytes", speed.program_bytes},
                   {"threads", context.num_threads()}};
    if (options.roofline) result["roofline"] = roofline_json(speed.phases, limits);
    return context.out().json(result);
  }
  char line[128];
  std::snprintf(line, sizeof line, "prefill  %.0f tokens/s", speed.prefill_tokens_per_second);
  context.out().line(line);
  std::snprintf(line, sizeof line, "decode   %.1f tokens/s, %.3f ms a step (p50), %.3f ms (p99)", speed.decode_tokens_per_second, speed.latency_p50_ms, speed.latency_p99_ms);
  context.out().line(line);
  context.out().line(memory_line(speed.peak_bytes, speed.mapped_bytes));
  if (options.roofline) print_roofline(context, speed.phases, limits);
}

void run(Context& context, BenchOptions& options) {
  Model model = Model::load_or_initialise(model_path(options.model), context.globals().seed, load_options(context)).value();
  options.seed = context.globals().seed;
  options.kv_dtype = kv_dtype(context);
  options.time_steps = options.roofline;
  if (model.generates()) generation(context, model, options);
  else encoding(context, model, options);
}
}  // namespace

const Command& bench() {
  static const Command command{"bench", "Measure how fast a model reads and writes.", {"orrery bench storyteller --new-tokens 32 --repeat 1", "orrery bench storyteller --new-tokens 8 --repeat 1 --roofline"}, run};
  return command;
}
}  // namespace orrery::cli::commands
