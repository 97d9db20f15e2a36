#include "generate/log_probs.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace orrery {

TokenLogProbs log_probs(std::span<const float> logits, int32_t token, int64_t top) {
  const double largest = double(*std::max_element(logits.begin(), logits.end()));
  double sum = 0;
  for (const float logit : logits) sum += std::exp(double(logit) - largest);
  const double normaliser = largest + std::log(sum);
  const auto of = [&](int32_t id) { return LogProb{id, double(logits[size_t(id)]) - normaliser}; };
  TokenLogProbs result{of(token), {}};
  const size_t count = std::min(size_t(std::max<int64_t>(0, top)), logits.size());
  if (count == 0) return result;
  std::vector<int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::partial_sort(order.begin(), order.begin() + std::ptrdiff_t(count), order.end(), [&](int32_t a, int32_t b) {
    return logits[size_t(a)] != logits[size_t(b)] ? logits[size_t(a)] > logits[size_t(b)] : a < b;
  });
  for (size_t i = 0; i < count; ++i) result.top.push_back(of(order[i]));
  return result;
}

}  // namespace orrery
