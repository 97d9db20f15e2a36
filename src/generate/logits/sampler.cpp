#include "generate/logits/sampler.h"

namespace orrery {

std::vector<std::unique_ptr<Sampler>> all_samplers() {
  std::vector<std::unique_ptr<Sampler>> samplers;
#define SAMPLER(name) samplers.push_back(name##_sampler());
#include "generate/logits/samplers.inc"
#undef SAMPLER
  return samplers;
}

}  // namespace orrery
