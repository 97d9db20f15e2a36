// Continues prompts: feeds them to an engine, chooses tokens, stops, and turns tokens into text as they come.
//
//   Engine engine(model, pool, {.max_batch = 8});
//   Generator generator(engine, &tokenizer, config);
//   std::vector<Generation> made = generator.run({{.ids = tokenizer.encode_ids("Once upon a time")}},
//                                                {.piece = [](const Piece& p) { std::cout << p.text; }});
//
// Prompts that do not fit into one batch wait; as soon as one ends, the next takes its place. What is made of a prompt
// depends on the prompt, the config, and its `sequence` number, never on its neighbours.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>

#include "generate/choice.h"
#include "generate/engine.h"
#include "generate/generation_config.h"
#include "generate/log_probs.h"
#include "tokenize/tokenizer.h"

namespace orrery {

enum class FinishReason : uint8_t { stop, length };   // an end token or stop string; or no token more was allowed
const char* name_of(FinishReason reason);

struct Prompt {
  std::vector<int32_t> ids = {};       // of an encoder-decoder: its source
  uint32_t sequence = 0;               // names its random numbers
};

struct Generation {
  std::vector<int32_t> ids;            // of the continuation, an end token included
  std::string text;                    // of the continuation, without special tokens, cut before a stop string
  FinishReason finish_reason = FinishReason::length;
  int64_t prompt_tokens = 0;
  double seconds = 0;                  // from when it was first fed to its last token
  std::vector<TokenLogProbs> log_probs;   // one per token, where asked for
};

// One token of a continuation.
struct Piece {
  size_t prompt = 0;
  int32_t id = 0;
  std::string_view text = {};          // what became certain with it; never half a character
  const TokenLogProbs* log_probs = nullptr;
};

struct GeneratorEvents {
  std::function<void(const Piece&)> piece = {};
  std::function<void(size_t prompt, const Generation&)> finished = {};
  // Before the piece: how its token was chosen from these logits. Costs time where it is there.
  std::function<void(size_t prompt, const Choice&, std::span<const float> logits)> choice = {};
  const std::atomic<bool>* stop = nullptr;     // raised by another thread: run() ends with a `cancelled` Error
};

// The ids that an empty prompt starts from: the beginning-of-text token. Throws Error where the model has none.
std::vector<int32_t> start_of_text(const Config& config, const Tokenizer* tokenizer);
// The ids that end a text, any of them: those of generation_config.json; where it names none, of config.json, else the tokenizer's.
// Throws Error where a file names one that the model does not have.
std::vector<int32_t> end_of_text(const Model& model, const Tokenizer* tokenizer);

class Generator {
 public:
  // Without a tokenizer texts stay empty, and stop strings are an Error. log_probs: how many of the likeliest tokens are
  // told beside each; none told at all where absent.
  Generator(Engine& engine, const Tokenizer* tokenizer, GenerationConfig config, std::optional<int64_t> log_probs = std::nullopt);

  // Throws Error, before anything is computed, where a prompt does not fit. An empty one starts from start_of_text().
  std::vector<Generation> run(std::vector<Prompt> prompts, const GeneratorEvents& events = {});

 private:
  struct Active;
  void prepare(std::vector<Prompt>& prompts) const;
  bool take(Active& text, std::span<const float> logits, const GeneratorEvents& events);

  Engine* engine_;
  const Tokenizer* tokenizer_;
  GenerationConfig config_;
  std::optional<int64_t> log_probs_;
  Candidates candidates_;
};

}  // namespace orrery
