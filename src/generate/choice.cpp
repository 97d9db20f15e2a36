#include "generate/choice.h"

#include <algorithm>
#include <map>

namespace orrery {

namespace {

void keep_likeliest(std::vector<Weighed>& all, int64_t count) {
  const auto middle = all.begin() + std::ptrdiff_t(std::min<size_t>(size_t(count), all.size()));
  std::partial_sort(all.begin(), middle, all.end(), Likelier());
  all.erase(middle, all.end());
}

std::vector<Weighed> likeliest_of(Candidates& candidates, int64_t count) {
  const std::span<const double> probs = candidates.probs();
  std::vector<Weighed> all;
  all.reserve(probs.size());
  for (size_t i = 0; i < probs.size(); ++i) all.push_back({candidates.items()[i].id, candidates.items()[i].logit, probs[i]});
  keep_likeliest(all, count);
  return all;
}

Json settings_of(const Sampler& sampler) {
  const std::unique_ptr<Sampler> copy = sampler.clone();
  OptionSet set;
  copy->bind(set);
  return set.to_json();
}

// What a sampler did to these candidates.
ChoiceStep compare(const Sampler& sampler, std::span<const Candidate> before, std::span<const double> probs, Candidates& after) {
  ChoiceStep step{.name = sampler.name(), .settings = settings_of(sampler), .left = int64_t(after.items().size())};
  const std::span<const Candidate> kept = std::as_const(after).items();
  size_t at = 0;
  for (size_t i = 0; i < before.size(); ++i) {   // both in the order of ids
    if (at < kept.size() && kept[at].id == before[i].id) {
      step.changed += kept[at++].logit != before[i].logit;
      continue;
    }
    ++step.removed;
    step.removed_mass += probs[i];
    step.gone.push_back({before[i].id, before[i].logit, probs[i]});
  }
  keep_likeliest(step.gone, Choice::kTop);
  step.top = likeliest_of(after, Choice::kTop);
  return step;
}

void tell(Choice& told, const GenerationConfig& config, Candidates& candidates, std::span<const float> logits) {
  std::vector<Candidate> before;
  std::vector<double> probs;
  const auto remember = [&] {
    const std::span<const double> now = candidates.probs();
    probs.assign(now.begin(), now.end());
    before.assign(candidates.items().begin(), candidates.items().end());
  };
  remember();
  const std::vector<double> raw = probs;
  config.apply(candidates, [&](const Sampler& sampler) {
    told.steps.push_back(compare(sampler, before, probs, candidates));
    remember();
  });
  double sum = 0;
  for (size_t i = 0; i < before.size(); ++i) {
    if (before[i].id == told.id) {
      told.share_begin = sum;
      told.share_end = sum + probs[i];
      told.probability = probs[i];
    }
    sum += probs[i];
  }
  told.raw_probability = raw[size_t(told.id)];
  const float own = logits[size_t(told.id)];
  for (size_t i = 0; i < logits.size(); ++i) told.raw_rank += logits[i] > own || (logits[i] == own && int32_t(i) < told.id);
}

}  // namespace

std::vector<Weighed> likeliest(std::span<const float> logits, int64_t count) {
  Candidates candidates;
  candidates.reset(logits);
  return likeliest_of(candidates, count);
}

int32_t choose(const GenerationConfig& config, Candidates& candidates, std::span<const float> logits, const TextSoFar& text, uint32_t sequence, Choice* told) {
  const double random = config.sampling() ? sampling_number(config.seed, sequence, int64_t(text.history.size())) : 0;
  int32_t id = 0;
  if (!config.sampling() && !config.changes_logits()) {
    id = first_largest(logits);
  } else {
    candidates.reset(logits, text);
    config.apply(candidates);
    id = config.sampling() ? candidates.draw(random) : candidates.top();
  }
  if (!told) return id;
  *told = {.position = int64_t(text.history.size()), .sampled = config.sampling(), .id = id};
  if (config.sampling()) told->random = random;
  candidates.reset(logits, text);
  tell(*told, config, candidates, logits);
  return id;
}

}  // namespace orrery
