// Min-p (Nguyen et al. 2024): drops tokens less likely than p times the likeliest.
#include <cmath>

#include "generate/logits/sampler.h"

namespace orrery {

namespace {

struct MinP {
  double p = 0;
  static constexpr bool only_sampling = true;
  static constexpr auto about = describe("min_p", "Drop tokens less likely than p times the likeliest; 0 drops none.",
                                         option(&MinP::p, "min_p", in_range(0, 1)));

  bool active() const { return p > 0; }
  void apply(Candidates& c) const {
    const float top = c.top_logit();
    c.keep_if([&](const Candidate& item) { return item.logit == top || std::exp(double(item.logit) - double(top)) >= p; });
  }
};

}  // namespace

std::unique_ptr<Sampler> min_p_sampler() { return make_sampler<MinP>(); }

}  // namespace orrery
