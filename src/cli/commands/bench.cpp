// `orrery bench MODEL`: how fast a model reads and writes.
#include <cstdio>

#include "cli/command.h"
#include "cli/loading.h"
#include "cli/model_path.h"
#include "generate/speed.h"

namespace orrery::cli::commands {
namespace {
struct BenchOptions {
  std::string model;
  SpeedOptions speed;

  void bind(OptionSet& set) {
    OptionInfo info;
    info.name = "model";
    info.help = "As everywhere; a folder with a config.json alone is run with random weights.";
    info.positional = info.required = true;
    set.append(info, "", &model, this, "Options");
    const auto count = [&](const char* name, const char* help, int64_t* target) {
      OptionInfo one;
      one.name = name;
      one.help = help;
      one.low = 1;
      one.high = 1 << 24;
      set.append(one, "", target, this, "Options");
    };
    count("prompt_tokens", "Random tokens of each prompt.", &speed.prompt_tokens);
    count("new_tokens", "Tokens to add to each.", &speed.new_tokens);
    count("batch", "Prompts at the same time.", &speed.batch);
    count("repeat", "How often; the median counts.", &speed.repeat);
  }
};

void run(Context& context, BenchOptions& options) {
  Model model = Model::load_or_initialise(model_path(options.model), context.globals().seed, load_options(context)).value();
  options.speed.seed = context.globals().seed;
  options.speed.kv_dtype = kv_dtype(context);
  const GenerationSpeed speed = measure_generation(model, context.pool(), options.speed);
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
