// `orrery embed MODEL TEXT`: one vector for a text.
#include "generate/sentence.h"

#include <cstdio>

#include "base/npy.h"
#include "cli/command.h"
#include "cli/loading.h"

namespace orrery::cli::commands {
namespace {
struct EmbedOptions {
  std::string model, pooling;
  std::optional<std::string> text;
  std::filesystem::path file;
  bool lines = false, normalize = false;
  static constexpr auto about =
      describe("embed", "", option(&EmbedOptions::model, "model", kModelHelp, positional(), required()),
               option(&EmbedOptions::text, "text", "The text.", positional()),
               option(&EmbedOptions::file, "file", "Read the text from this file; - is standard input.", unit("FILE")),
               option(&EmbedOptions::lines, "lines", "Each line of the file is a text."),
               option(&EmbedOptions::pooling, "pooling", "Which tokens make the vector; as the model says, else their mean.", one_of("mean", "cls", "last"), unit("WAY")),
               option(&EmbedOptions::normalize, "normalize", "Make the vector as long as 1; as the model says where not given."));
};

void run(Context& context, EmbedOptions& options) {
  Model model = load_model(context, options.model);
  const Tokenizer tokenizer = load_tokenizer(options.model, model);
  SentenceSettings settings = read_sentence_settings(model.folder()).value();
  if (!options.pooling.empty()) settings.pooling = pooling_named(options.pooling);
  if (context.options().given("normalize")) settings.normalize = options.normalize;
  const int64_t limit = std::min(settings.max_tokens.value_or(model.config().max_positions), model.config().max_positions);
  std::vector<TokenSequence> sequences;
  int64_t longest = 1, cut_texts = 0;
  for (const std::string& text : given_texts(options.text, options.file, options.lines)) {
    bool cut = false;
    TokenSequence sequence = encode_for_model(tokenizer, text, std::nullopt, limit, &cut);
    longest = std::max(longest, int64_t(sequence.ids.size()));
    if (model.config().encoder_decoder) sequence = text_for(model, std::move(sequence.ids));
    sequences.push_back(std::move(sequence));
    cut_texts += cut;
  }
  if (cut_texts > 0) context.warn(std::to_string(cut_texts) + (cut_texts == 1 ? " text was" : " texts were") + " cut to " + std::to_string(limit) + " tokens");
  const int64_t rows = sequences.size() > 1 ? std::max<int64_t>(longest, 512) : longest;
  Encoder encoder(model, context.pool(), model.config().encoder_decoder ? "encoded" : "hidden", {.max_rows = rows, .kv_dtype = kv_dtype(context)});
  std::vector<float> all;
  const bool npy = context.globals().output.extension() == ".npy";
  constexpr size_t kTogether = 64;
  Progress progress = context.progress("embedding", int64_t(sequences.size()), "texts");
  for (size_t begin = 0; begin < sequences.size(); begin += kTogether) {
    const size_t count = std::min(kTogether, sequences.size() - begin);
    for (const Tensor& states : encoder.run(std::span(sequences).subspan(begin, count))) {
      std::vector<float> vector = pooled(states, settings.pooling);
      if (settings.normalize) normalize(vector);
      if (npy) {
        all.insert(all.end(), vector.begin(), vector.end());
      } else if (context.json()) {
        context.out().json({{"embedding", vector}});
      } else {
        std::string line;
        char buffer[32];
        for (const float x : vector) {
          std::snprintf(buffer, sizeof buffer, "%s%.6g", line.empty() ? "" : " ", double(x));
          line += buffer;
        }
        context.out().line(line);
      }
    }
    progress.update(int64_t(begin + count));
  }
  if (npy) write_npy(context.out().take_file(), {int64_t(sequences.size()), encoder.width()}, std::span<const float>(all)).value();
}
}  // namespace

const Command& embed() {
  static const Command command{"embed",
                               "Turn texts into vectors.",
                               {"orrery embed storyteller 'Once upon a time' --pooling mean --normalize --json", "orrery embed storyteller 'Once upon a time' -o vector.npy"},
                               run};
  return command;
}
}  // namespace orrery::cli::commands
