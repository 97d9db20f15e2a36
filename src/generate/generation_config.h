// How a text is continued: transformers' GenerationConfig, with its names and meaning.
//
//   GenerationConfig config;
//   config.read_defaults(model.generation_config(), "generation_config.json").value();   // what the checkpoint says
//   config.set("temperature", 0.8).value();
//   config.set("do_sample", true).value();
//
// Greedy unless `do_sample` says otherwise; when sampling, top_k is 50 where nobody says otherwise, as in transformers.
// A temperature of 0 is greedy too (transformers refuses it).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/options.h"
#include "generate/logits/sampler.h"

namespace orrery {

class GenerationConfig {
 public:
  GenerationConfig() = default;
  GenerationConfig(const GenerationConfig& other) { *this = other; }
  GenerationConfig& operator=(const GenerationConfig& other);
  GenerationConfig(GenerationConfig&&) = default;
  GenerationConfig& operator=(GenerationConfig&&) = default;

  // All options, those of the samplers too: flags and JSON keys.
  void bind(OptionSet& set);
  // One option by name, as a request would set it.
  Status set(const std::string& name, const Json& value);

  // The defaults that a checkpoint brings (generation_config.json; null is allowed). Keys that are no options of ours are
  // left out; options that `flags` has set keep their value. A sampling option among the flags turns sampling on,
  // unless --no-do-sample is there.
  Status read_defaults(const Json& file, const std::string& where, const OptionSet* flags = nullptr);

  // Keys of generation_config.json that would change what transformers generates, and that nothing here follows.
  static std::vector<std::string> not_followed(const Json& file);

  bool sampling() const;                          // else greedy
  // How many new tokens a prompt of this length may have in a model of `max_positions`. The last token is read
  // from the logits and needs no position.
  int64_t new_tokens(int64_t prompt_tokens, int64_t max_positions) const;
  // Filters the candidates by all samplers that are on; `after` is told of each.
  void apply(Candidates& candidates, const std::function<void(const Sampler&)>& after = {}) const;
  // Whether apply() would change anything.
  bool changes_logits() const;

  std::optional<bool> do_sample;
  std::optional<int64_t> max_new_tokens;          // kDefaultNewTokens where neither this nor max_length says
  std::optional<int64_t> max_length;              // prompt and continuation together
  std::vector<std::string> stop_strings;
  bool ignore_eos = false;
  uint64_t seed = 0;
  std::vector<int32_t> end_ids;                   // any of them ends a text

  static constexpr int64_t kDefaultNewTokens = 128;

  static constexpr auto about = describe(
      "generation", "How the text is continued.",
      option(&GenerationConfig::max_new_tokens, "max_new_tokens", "The most tokens to add; 128, or what the checkpoint says.", at_least(0)),
      option(&GenerationConfig::max_length, "max_length", "The most tokens of prompt and continuation together.", at_least(1)),
      option(&GenerationConfig::stop_strings, "stop_strings", "End before this text; may be repeated.", unit("TEXT")),
      option(&GenerationConfig::ignore_eos, "ignore_eos", "Go on past an end token."),
      option(&GenerationConfig::do_sample, "do_sample",
             "Draw tokens at random instead of taking the likeliest; on where a flag of sampling is given."));

 private:
  std::vector<std::unique_ptr<Sampler>> samplers_ = all_samplers();
};

}  // namespace orrery
