// `orrery evaluate alignment MODEL --file F`: how often an encoder-decoder looks at the word that it renders.
#include "inspect/alignment.h"

#include <cstdio>

#include "cli/command.h"
#include "cli/loading.h"

namespace orrery::cli::commands {
namespace {
struct AlignmentCommandOptions {
  std::string model, tap;
  std::filesystem::path file;
  static constexpr auto about =
      describe("evaluate alignment", "", option(&AlignmentCommandOptions::model, "model", kModelHelp, positional(), required()),
               option(&AlignmentCommandOptions::file, "file", "Records with input, target and alignment, a line each; - is standard input.", required(), unit("FILE"), suggested()),
               option(&AlignmentCommandOptions::tap, "tap", "The pattern to look at; without it, the last layer's cross pattern.", unit("NAME")));
};

void run(Context& context, AlignmentCommandOptions& options) {
  Model model = load_model(context, options.model);
  const std::vector<AlignedPair> pairs = read_aligned_pairs(read_text(options.file), options.file.string()).value();
  Progress progress = context.progress("looking", int64_t(pairs.size()), "pairs");
  const AlignmentScore score = score_alignment(model, context.pool(), pairs, {.tap = options.tap, .done = [&](int64_t done) { progress.update(done); }});
  progress.clear();
  if (context.json()) return context.out().json({{"share", score.share()}, {"right", score.right}, {"cells", score.cells}, {"pairs", score.pairs}});
  char line[128];
  std::snprintf(line, sizeof line, "%.2f %% of %lld words looked up where they stand, in %lld pairs", 100 * score.share(), static_cast<long long>(score.cells), static_cast<long long>(score.pairs));
  context.out().line(line);
}
}  // namespace

const Command& evaluate_alignment() {
  static const Command command{"evaluate alignment",
                               "Measure how often a translator looks at the word it renders.",
                               {"orrery train examples/recipes/bahdanau.json --max-steps 4 --output aligner && orrery corpus translation --agreement 0 --seed 3 --count 20 | orrery evaluate alignment aligner --file -"},
                               run};
  return command;
}
}  // namespace orrery::cli::commands
