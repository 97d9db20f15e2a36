// Top-k (Fan et al. 2018): keeps the k likeliest tokens. As in transformers, tokens equal to the k-th stay too, and k is
// 50 unless said otherwise.
#include "generate/logits/sampler.h"

namespace orrery {

namespace {

struct TopK {
  int64_t k = 50;
  static constexpr bool only_sampling = true;
  static constexpr auto about = describe("top_k", "Keep only the k likeliest tokens; 0 keeps all.",
                                         option(&TopK::k, "top_k", at_least(0)));

  bool active() const { return k > 0; }
  void apply(Candidates& c) const {
    if (active()) c.keep_top(k, /*ties=*/true);
  }
};

}  // namespace

std::unique_ptr<Sampler> top_k_sampler() { return make_sampler<TopK>(); }

}  // namespace orrery
