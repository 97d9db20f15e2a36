// `orrery bench train MODEL`: the speed and memory of training steps.
#include <cstdio>

#include "cli/command.h"
#include "cli/loading.h"
#include "cli/model_path.h"
#include "train/benchmark.h"

namespace orrery::cli::commands {
namespace {
struct BenchTrainOptions {
  std::string model;
  int64_t batch = 4, seq = 256, repeat = 3;
  static constexpr auto about = describe(
      "bench train", "", option(&BenchTrainOptions::model, "model", kModelHelp, positional(), required()),
      option(&BenchTrainOptions::batch, "batch", "Sequences of a step.", in_range(1, 1 << 16)),
      option(&BenchTrainOptions::seq, "seq", "Tokens of a sequence.", in_range(1, 1 << 20)),
      option(&BenchTrainOptions::repeat, "repeat", "Measured steps, after two of warm-up; their median is told.", in_range(1, 100000)));
};

void run(Context& context, BenchTrainOptions& options) {
  if (!context.globals().dtype.empty() && context.globals().dtype != "f32")
    throw Error{ErrorKind::unsupported, "training with --dtype " + context.globals().dtype + " is not possible", "bench train", "weights are trained in f32"};
  Model model = Model::load_or_initialise(model_path(options.model), context.globals().seed, load_options(context)).value();
  const TrainingSpeed speed = measure_training(model, {.batch = options.batch, .seq = options.seq, .steps = options.repeat, .seed = context.globals().seed}, context.pool());
  const TrainingMemory& memory = speed.memory;
  if (context.json())
    return context.out().json({{"tokens_per_second", speed.tokens_per_second},
                               {"step_ms", speed.step_ms},
                               {"peak_bytes", memory.total()},
                               {"weights_bytes", memory.plan.weights},
                               {"derived_bytes", memory.plan.derived},
                               {"gradients_bytes", memory.gradients},
                               {"optimizer_bytes", memory.optimizer},
                               {"arena_bytes", memory.plan.arena},
                               {"scratch_bytes", memory.plan.scratch},
                               {"program_bytes", memory.program}});
  char text[200];
  std::snprintf(text, sizeof text, "%.0f tokens/s, %.1f ms a step", speed.tokens_per_second, speed.step_ms);
  context.out().line(text);
  const auto mb = [](int64_t bytes) { return double(bytes) / 1e6; };
  std::snprintf(text, sizeof text, "peak %.1f MB: weights %.1f, gradients %.1f, optimiser %.1f, intermediates %.1f, scratch, tables and program %.1f", mb(memory.total()), mb(memory.plan.weights),
                mb(memory.gradients), mb(memory.optimizer), mb(memory.plan.arena), mb(memory.plan.scratch + memory.plan.derived + memory.program));
  context.out().line(text);
}
}  // namespace

const Command& bench_train() {
  static const Command command{"bench train", "Measure training steps on random tokens.", {"orrery bench train storyteller --batch 2 --seq 64 --repeat 2"}, run};
  return command;
}
}  // namespace orrery::cli::commands
