// Repetition penalty (Keskar et al. 2019, CTRL): a token of the prompt or the continuation has its logit divided by the
// penalty where it is positive and multiplied where it is negative, once, however often it occurred.
#include <unordered_set>

#include "generate/logits/sampler.h"

namespace orrery {

namespace {

struct RepetitionPenalty {
  double penalty = 1;
  static constexpr bool only_sampling = false;
  static constexpr auto about =
      describe("repetition_penalty", "Makes tokens that have occurred less likely where above 1; counts the prompt.",
               option(&RepetitionPenalty::penalty, "repetition_penalty", above(0)));

  bool active() const { return penalty != 1; }
  void apply(Candidates& c) const {
    std::unordered_set<int32_t> seen;
    for (const int32_t id : c.text().history) {
      Candidate* item = c.find(id);
      if (!item || !seen.insert(id).second) continue;
      const double logit = double(item->logit);
      item->logit = float(logit < 0 ? logit * penalty : logit / penalty);
    }
  }
};

}  // namespace

std::unique_ptr<Sampler> repetition_penalty_sampler() { return make_sampler<RepetitionPenalty>(); }

}  // namespace orrery
