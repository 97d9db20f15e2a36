// Keeps a text from ending before it has so many tokens.
#include <limits>

#include "generate/logits/sampler.h"

namespace orrery {

namespace {

struct MinNewTokens {
  int64_t count = 0;
  static constexpr bool only_sampling = false;
  static constexpr auto about = describe("min_new_tokens", "The text does not end before so many new tokens.",
                                         option(&MinNewTokens::count, "min_new_tokens", at_least(0)));

  bool active() const { return count > 0; }
  void apply(Candidates& c) const {
    if (c.text().generated >= count) return;
    for (const int32_t id : c.text().end_ids)
      if (Candidate* item = c.find(id)) item->logit = -std::numeric_limits<float>::infinity();
  }
};

}  // namespace

std::unique_ptr<Sampler> min_new_tokens_sampler() { return make_sampler<MinNewTokens>(); }

}  // namespace orrery
