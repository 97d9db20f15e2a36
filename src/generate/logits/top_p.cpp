// Top-p, nucleus sampling (Holtzman et al. 2019): keeps the fewest of the likeliest tokens whose probabilities reach p.
#include "generate/logits/sampler.h"

namespace orrery {

namespace {

struct TopP {
  double p = 1;
  static constexpr bool only_sampling = true;
  static constexpr auto about = describe("top_p", "Keep the fewest tokens whose probabilities reach p.",
                                         option(&TopP::p, "top_p", in_range(0, 1)));

  bool active() const { return p < 1; }
  void apply(Candidates& c) const { c.keep_mass(p); }
};

}  // namespace

std::unique_ptr<Sampler> top_p_sampler() { return make_sampler<TopP>(); }

}  // namespace orrery
