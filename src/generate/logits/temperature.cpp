// Temperature: logit / T. Below 1 the likely becomes likelier. 0 stands for greedy decoding.
#include <limits>

#include "generate/logits/sampler.h"

namespace orrery {

namespace {

struct Temperature {
  double temperature = 1;
  static constexpr bool only_sampling = true;
  static constexpr auto about = describe("temperature", "Divides the logits; 0 takes the likeliest token always.",
                                         option(&Temperature::temperature, "temperature", at_least(0)));

  bool active() const { return temperature != 1; }
  void apply(Candidates& c) const {
    if (temperature == 0) {
      const int32_t likeliest = c.top();
      return c.keep_if([&](const Candidate& item) { return item.id == likeliest; });
    }
    // Shifted so that no temperature overflows; a shift changes no probability.
    const float top = c.top_logit();
    if (top == -std::numeric_limits<float>::infinity()) return;
    for (Candidate& item : c.items())
      item.logit = item.logit == top ? 0 : float((double(item.logit) - double(top)) / temperature);
  }
};

}  // namespace

std::unique_ptr<Sampler> temperature_sampler() { return make_sampler<Temperature>(); }

}  // namespace orrery
