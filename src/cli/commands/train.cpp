// `orrery train RECIPE`: trains a model as a recipe says.
#include "train/trainer.h"

#include <cstdio>

#include "base/file.h"
#include "cli/command.h"
#include "cli/model_path.h"

namespace orrery::cli::commands {
namespace {
struct TrainOptions {
  std::filesystem::path recipe, resume;
  static constexpr auto about = describe(
      "train", "", option(&TrainOptions::recipe, "recipe", "A JSON file of the options below; flags win over what it says.", positional(), unit("RECIPE")),
      option(&TrainOptions::resume, "resume", "Go on with the run of this output folder, or from this checkpoint of it.", unit("DIR")));
};

std::string line_of(const StepReport& report) {
  char text[160];
  std::snprintf(text, sizeof text, "step %lld  loss %.4f  %.0f tokens/s  learning rate %.3g  gradient %.3g", static_cast<long long>(report.step), report.loss,
                report.tokens_per_second, report.learning_rate, report.grad_norm);
  std::string line = text;
  if (report.evaluation) {
    std::snprintf(text, sizeof text, "  held-out loss %.4f", report.evaluation->loss);
    line += text;
    if (report.evaluation->exact) {
      std::snprintf(text, sizeof text, "  all right %.2f %%", *report.evaluation->exact * 100);
      line += text;
    }
  }
  return line;
}

void read_recipes(Context& context, const TrainOptions& options, Recipe& recipe) {
  const auto take = [&](const Json& json, const std::string& where) {
    if (const Status read = context.options().from_json(json, where, &recipe); !read) throw read.error();
  };
  if (!options.recipe.empty()) {
    const std::string where = options.recipe.string();
    Result<Json> json = parse_json(read_file(options.recipe).value(), where);
    if (!json) throw Error{json.error().kind, json.error().what, json.error().where, "a recipe is a JSON file, as checkpoints/sorter/recipe.json is"};
    take(plain_recipe(std::move(*json), options.recipe.parent_path()), where);
  } else if (!options.resume.empty()) {
    const std::filesystem::path checkpoint = find_checkpoint(options.resume).value();
    take(plain_recipe(read_trainer_state(checkpoint).value().recipe, {}), (checkpoint / "trainer.json").string());
    if (!context.options().given("output")) recipe.output = checkpoint.parent_path();   // where the run lies now
  }
  if (!recipe.model.empty() && !recipe.model.starts_with("{")) recipe.model = model_path(recipe.model).string();
}

void run(Context& context, TrainOptions& options, Recipe& recipe) {
  read_recipes(context, options, recipe);
  Trainer trainer(recipe, context.pool());
  if (!options.resume.empty()) trainer.resume(options.resume);
  if (trainer.steps_done() >= recipe.max_steps) {
    if (context.json()) context.out().json({{"step", trainer.steps_done()}, {"finished", true}});
    else context.out().line("the run is at its last step, " + std::to_string(trainer.steps_done()) + ": nothing is left to do; --max-steps N goes on");
  }
  Progress progress = context.progress("training", recipe.max_steps, "steps");
  char note[32];
  trainer.run({.log =
                   [&](const StepReport& report) {
                     progress.clear();
                     if (context.json()) context.out().json(report.to_json());
                     else context.out().line(line_of(report));
                   },
               .step =
                   [&](int64_t step, double loss) {
                     std::snprintf(note, sizeof note, "loss %.4f", loss);
                     progress.update(step, note);
                   },
               .warn = [&](const std::string& text) { context.warn(text); }});
}
}  // namespace

const Command& train() {
  static const Command command{"train",
                               "Train or fine-tune a model as a recipe says.",
                               {"orrery train checkpoints/sorter/recipe.json --max-steps 20 --warmup 5 --output sorter-again"},
                               run};
  return command;
}
}  // namespace orrery::cli::commands
