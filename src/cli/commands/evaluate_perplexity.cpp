// `orrery evaluate perplexity MODEL --file F`: how well a model predicts a text.
#include "generate/perplexity.h"

#include <cstdio>

#include "cli/command.h"
#include "cli/loading.h"

namespace orrery::cli::commands {
namespace {
struct PerplexityCommandOptions {
  std::string model, separator;
  std::filesystem::path file;
  int64_t stride = 0, context = 0;
  static constexpr auto about =
      describe("evaluate perplexity", "", option(&PerplexityCommandOptions::model, "model", kModelHelp, positional(), required()),
               option(&PerplexityCommandOptions::file, "file", "The text; - is standard input.", required(), unit("FILE"), suggested()),
               option(&PerplexityCommandOptions::separator, "separator", "Text between documents, each scored from its own beginning.", unit("TEXT")),
               option(&PerplexityCommandOptions::stride, "stride", "Read documents longer than the context through windows that move by N; 0 cuts them.", at_least(0), unit("N")),
               option(&PerplexityCommandOptions::context, "context", "Tokens that are read together; 0: as many as the model has positions.", at_least(0), unit("N")));
};

void run(Context& context, PerplexityCommandOptions& options) {
  Model model = load_model(context, options.model);
  const Tokenizer tokenizer = load_tokenizer(options.model, model);
  std::vector<std::vector<int32_t>> documents;
  for (const std::string& document : split_documents(read_text(options.file), options.separator)) documents.push_back(document_ids(model, tokenizer, document));
  Progress progress = context.progress("scoring", int64_t(documents.size()), "documents");
  const PerplexityScores scores = perplexity(model, context.pool(), documents, {.stride = options.stride, .max_positions = options.context, .kv_dtype = kv_dtype(context)},
                                             [&](int64_t done) { progress.update(done); });
  progress.clear();
  if (scores.left_out > 0)
    context.warn(std::to_string(scores.left_out) + " tokens were left out, as documents are cut to what is read together; --stride N scores them too");
  if (context.json()) return context.out().json({{"loss", scores.loss}, {"perplexity", scores.perplexity}, {"tokens", scores.tokens}, {"documents", scores.documents}, {"left_out", scores.left_out}});
  char line[128];
  std::snprintf(line, sizeof line, "perplexity %.4f, loss %.6f nats a token, of %lld tokens in %lld %s", scores.perplexity, scores.loss,
                static_cast<long long>(scores.tokens), static_cast<long long>(scores.documents), scores.documents == 1 ? "document" : "documents");
  context.out().line(line);
}
}  // namespace

const Command& evaluate_perplexity() {
  static const Command command{"evaluate perplexity",
                               "Measure how well a model predicts a text.",
                               {"orrery corpus stories --seed 1 --count 20 --format text -o held_out.txt && orrery evaluate perplexity storyteller --file held_out.txt --separator '<|endoftext|>'"},
                               run};
  return command;
}
}  // namespace orrery::cli::commands
