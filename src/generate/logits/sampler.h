// Samplers: what happens to the logits before a token is chosen. One file each in this folder, listed in samplers.inc in
// the order in which they are applied, which is transformers'.
//
//   // logits/min_p.cpp
//   struct MinP {
//     double p = 0;                                                    // 0 is off
//     static constexpr bool only_sampling = true;                      // greedy decoding leaves it out
//     static constexpr auto about = describe("min_p", "…", option(&MinP::p, "min_p", in_range(0, 1)));
//     bool active() const { return p > 0; }
//     void apply(Candidates& c) const { … }
//   };
//   std::unique_ptr<Sampler> min_p_sampler() { return make_sampler<MinP>(); }
//
// From `about` come the flag --min-p, the key of generation_config.json and its checks.
#pragma once

#include <memory>
#include <vector>

#include "base/options.h"
#include "generate/logits/candidates.h"

namespace orrery {

class Sampler {
 public:
  virtual ~Sampler() = default;
  virtual const char* name() const = 0;
  virtual bool active() const = 0;            // false: apply() would change nothing
  virtual bool only_sampling() const = 0;     // greedy decoding leaves it out
  virtual void apply(Candidates& candidates) const = 0;
  virtual void bind(OptionSet& set) = 0;      // adds its options
  virtual std::unique_ptr<Sampler> clone() const = 0;
};

template <class S>
class SamplerOf : public Sampler {
 public:
  const char* name() const override { return S::about.name; }
  bool active() const override { return value_.active(); }
  bool only_sampling() const override { return S::only_sampling; }
  void apply(Candidates& candidates) const override { value_.apply(candidates); }
  void bind(OptionSet& set) override { set.add(value_, "Choosing tokens"); }
  std::unique_ptr<Sampler> clone() const override { return std::make_unique<SamplerOf>(*this); }

 private:
  S value_;
};

template <class S>
std::unique_ptr<Sampler> make_sampler() {
  return std::make_unique<SamplerOf<S>>();
}

// One of each, switched off or at transformers' default, in the order of application.
std::vector<std::unique_ptr<Sampler>> all_samplers();

#define SAMPLER(name) std::unique_ptr<Sampler> name##_sampler();
#include "generate/logits/samplers.inc"
#undef SAMPLER

}  // namespace orrery
