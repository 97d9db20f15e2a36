// Choosing the next token: the logits through the chain of samplers, then the likeliest or a draw. Told in full where somebody
// wants to know: what each sampler removed or changed, and which random number fell where.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "generate/generation_config.h"
#include "generate/logits/candidates.h"

namespace orrery {

// A token that may come next.
struct Weighed {
  int32_t id = 0;
  float logit = 0;
  double probability = 0;
};
// The likeliest few of these logits: likelier first, of equal ones the smaller id.
std::vector<Weighed> likeliest(std::span<const float> logits, int64_t count);

struct ChoiceStep {
  std::string name;            // of the sampler
  Json settings = {};          // its options
  int64_t removed = 0;         // candidates dropped
  double removed_mass = 0;     // and the probability that they had before this step
  int64_t changed = 0;         // candidates kept, with another logit
  int64_t left = 0;
  std::vector<Weighed> top = {};    // after it
  std::vector<Weighed> gone = {};   // the likeliest of those dropped, as they were before it
};

struct Choice {
  static constexpr int64_t kTop = 8;
  int64_t position = 0;              // of the chosen token in its sequence
  bool sampled = false;              // else the likeliest
  std::vector<ChoiceStep> steps = {};
  std::optional<double> random = {}; // the number drawn, in [0, 1)
  double share_begin = 0, share_end = 0;   // the chosen token's part of the cumulative distribution
  int32_t id = 0;
  double probability = 0;            // after all steps
  double raw_probability = 0;        // of the model's own distribution
  int64_t raw_rank = 0;              // in it, 0 the likeliest
};

// The token after `text`, sequence number `sequence` of its call. `told` is filled where it is given; the answer is the same.
int32_t choose(const GenerationConfig& config, Candidates& candidates, std::span<const float> logits, const TextSoFar& text, uint32_t sequence,
               Choice* told = nullptr);

}  // namespace orrery
