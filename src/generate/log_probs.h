// Log-probabilities of tokens: the log-softmax of raw logits, in double.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace orrery {

struct LogProb {
  int32_t id = 0;
  double value = 0;     // ln p
};

// Of one token, and of the likeliest few: likelier first, of equal ones the smaller id.
struct TokenLogProbs {
  LogProb token;
  std::vector<LogProb> top;
};

TokenLogProbs log_probs(std::span<const float> logits, int32_t token, int64_t top);

}  // namespace orrery
