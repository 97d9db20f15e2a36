#include "generate/log_probs.h"

#include <algorithm>
#include <cmath>

#include "generate/logits/candidates.h"

namespace orrery {

TokenLogProbs log_probs(std::span<const float> logits, int32_t token, int64_t top) {
  const double largest = double(*std::max_element(logits.begin(), logits.end()));
  double sum = 0;
  for (const float logit : logits) sum += std::exp(double(logit) - largest);
  const double normaliser = largest + std::log(sum);
  TokenLogProbs result{{token, double(logits[size_t(token)]) - normaliser}, {}};
  const size_t count = std::min(size_t(std::max<int64_t>(0, top)), logits.size());
  if (count == 0) return result;
  std::vector<Candidate> order;
  order.reserve(logits.size());
  for (const float logit : logits) order.push_back({int32_t(order.size()), logit});
  std::partial_sort(order.begin(), order.begin() + std::ptrdiff_t(count), order.end(), Likelier());
  for (size_t i = 0; i < count; ++i) result.top.push_back({order[i].id, double(order[i].logit) - normaliser});
  return result;
}

}  // namespace orrery
