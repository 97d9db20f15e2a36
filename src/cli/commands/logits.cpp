// `orrery logits MODEL --ids 1,2,3`: raw logits, or hidden states, of every token.
#include "base/npy.h"
#include "cli/command.h"
#include "cli/loading.h"
#include "cli/token_ids.h"
#include "generate/encoder.h"
#include "generate/logits/candidates.h"
#include "inspect/interventions.h"

namespace orrery::cli::commands {
namespace {
struct LogitsOptions {
  std::string model;
  std::optional<std::string> text;
  std::vector<int64_t> ids;
  std::vector<int64_t> decoder_ids;
  bool hidden = false;
  static constexpr auto about =
      describe("logits", "", option(&LogitsOptions::model, "model", kModelHelp, positional(), required()),
               option(&LogitsOptions::text, "text", "The text; its special tokens are added.", positional()),
               option(&LogitsOptions::ids, "ids", "The text as token ids: 1,2,3.", unit("IDS")),
               option(&LogitsOptions::decoder_ids, "decoder_ids", "Of an encoder-decoder: what its decoder has written, from its start on.", unit("IDS")),
               option(&LogitsOptions::hidden, "hidden", "The hidden states after the last layer instead of logits."));
};

TokenSequence sequence_of(const LogitsOptions& options, const Model& model, bool ids_given, bool decoder_given) {
  if (ids_given == options.text.has_value()) throw Error{ErrorKind::bad_usage, ids_given ? "a text and --ids exclude each other" : "there is neither a text nor --ids", "orrery logits"};
  Encoding encoding;
  if (options.text) encoding = load_tokenizer(options.model, model).encode(*options.text);
  else encoding.ids = token_ids(options.ids, "--ids");
  TokenSequence sequence = text_for(model, std::move(encoding.ids));
  if (!model.config().encoder_decoder) {
    if (decoder_given) throw Error{ErrorKind::bad_usage, "a model of architecture " + model.config().architecture + " has no decoder beside an encoder", "--decoder-ids"};
    sequence.type_ids = std::move(encoding.type_ids);
  } else if (decoder_given) {
    sequence.ids = token_ids(options.decoder_ids, "--decoder-ids");
  }
  return sequence;
}

void run(Context& context, LogitsOptions& options, InterventionOptions& interventions) {
  Model model = load_model(context, options.model);
  const TokenSequence sequence = sequence_of(options, model, context.options().given("ids"), context.options().given("decoder_ids"));
  const int64_t rows = std::max<int64_t>(1, std::min(int64_t(std::max(sequence.ids.size(), sequence.source.size())), model.config().max_positions));
  const std::optional<Tokenizer> tokenizer = interventions.patch_from.empty() ? std::nullopt : find_tokenizer(options.model);
  const Interventions changes = read_interventions(interventions, model, context.pool(), tokenizer ? &*tokenizer : nullptr, kv_dtype(context));
  const int64_t length = int64_t(sequence.ids.size()), source = int64_t(sequence.source.size());
  Encoder encoder(model, context.pool(), options.hidden ? "hidden" : "logits",
                  {.max_rows = rows, .max_sequences = 1, .kv_dtype = kv_dtype(context), .sites = changes.sites(), .interventions = changes.table(std::span(&length, 1), std::span(&source, 1))});
  const Tensor output = encoder.run(std::span(&sequence, 1))[0];
  const std::span<const float> values = output.values<float>();
  if (context.out().to_file()) write_npy(context.out().take_file(), output.shape(), values).value();
  const int32_t argmax = first_largest(values.last(size_t(output.dim(1))));
  if (context.json()) return context.out().json({{"shape", output.shape()}, {"argmax", argmax}});
  context.out().line(shape_text(output.shape()) + ", the largest of the last row at " + std::to_string(argmax));
}
}  // namespace

const Command& logits() {
  static const Command command{"logits",
                               "Compute the raw logits of every token; -o FILE.npy writes them.",
                               {"orrery logits storyteller --ids 1,2,3", "orrery logits storyteller 'Once upon a time' -o logits.npy",
                                "orrery logits storyteller --ids 1,2,3 --hidden --json", "orrery logits storyteller 'Once upon a time' --ablate layers.2.mlp@-1"},
                               run};
  return command;
}
}  // namespace orrery::cli::commands
