// `orrery bench MODEL`: how fast a model reads and writes.
#include <cstdio>

#include "cli/command.h"
#include "cli/loading.h"
#include "cli/model_path.h"
#include "generate/speed.h"

namespace orrery::cli::commands {
namespace {
struct BenchOptions : SpeedOptions {
  std::string model;
  static constexpr auto about = describe(
      "bench", "", option(&BenchOptions::model, "model", "As everywhere; a folder with a config.json alone is run with random weights.", positional(), required()),
      option(&BenchOptions::prompt_tokens, "prompt_tokens", "Random tokens of each prompt.", in_range(1, 1 << 24)),
      option(&BenchOptions::new_tokens, "new_tokens", "Tokens to add to each.", in_range(1, 1 << 24)),
      option(&BenchOptions::batch, "batch", "Prompts at the same time.", in_range(1, 1 << 24)),
      option(&BenchOptions::repeat, "repeat", "How often; the median counts.", in_range(1, 1 << 24)));
};

void run(Context& context, BenchOptions& options) {
  Model model = Model::load_or_initialise(model_path(options.model), context.globals().seed, load_options(context)).value();
  options.seed = context.globals().seed;
  options.kv_dtype = kv_dtype(context);
  const GenerationSpeed speed = measure_generation(model, context.pool(), options);
  if (context.json())
    return context.out().json({{"prefill_tokens_per_second", speed.prefill_tokens_per_second},
                               {"decode_tokens_per_second", speed.decode_tokens_per_second},
                               {"latency_ms", {{"p50", speed.latency_p50_ms}, {"p99", speed.latency_p99_ms}}},
                               {"peak_bytes", speed.peak_bytes},
                               {"threads", context.num_threads()}});
  char line[128];
  std::snprintf(line, sizeof line, "prefill  %.0f tokens/s", speed.prefill_tokens_per_second);
  context.out().line(line);
  std::snprintf(line, sizeof line, "decode   %.1f tokens/s, %.3f ms a step (p50), %.3f ms (p99)", speed.decode_tokens_per_second, speed.latency_p50_ms, speed.latency_p99_ms);
  context.out().line(line);
  context.out().line("memory   " + bytes_text(speed.peak_bytes));
}
}  // namespace

const Command& bench() {
  static const Command command{"bench", "Measure how fast a model reads and writes.", {"orrery bench storyteller --new-tokens 32 --repeat 1"}, run};
  return command;
}
}  // namespace orrery::cli::commands
