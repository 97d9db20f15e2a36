// A checkpoint continues a prompt: the most likely token each time, with its probability.
#include <cmath>
#include <cstdio>

#include "generate/generator.h"

using namespace orrery;

int main() {
  Model model = Model::load("checkpoints/storyteller").value();
  const Tokenizer tokenizer = Tokenizer::load("checkpoints/storyteller").value();
  ThreadPool pool(available_cores());
  Engine engine(model, pool);

  GenerationConfig config;
  config.do_sample = false;
  config.max_new_tokens = 40;
  Generator generator(engine, &tokenizer, config, /*log_probs=*/1);

  const std::string prompt = "In a quiet village by the river lived";
  std::printf("%s", prompt.c_str());
  double total = 0;
  const auto made = generator.run({{.ids = tokenizer.encode_ids(prompt)}}, {.piece = [&](const Piece& piece) {
                                    std::printf("%.*s", int(piece.text.size()), piece.text.data());
                                    total += piece.log_probs->token.value;
                                  }});
  std::printf("\n%zu tokens, %.0f %% probable each on average\n", made[0].ids.size(), 100 * std::exp(total / double(made[0].ids.size())));
  return made[0].ids.empty() ? 1 : 0;
}
