#include "generate/logits/candidates.h"

#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/random.h"

namespace orrery {

namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

[[noreturn]] void no_candidate() {
  throw Error{ErrorKind::out_of_range, "no token can follow: every logit is -inf or not a number", "sampling",
              "the weights may be broken"};
}

constexpr Likelier likelier{};

}  // namespace

void Candidates::reset(std::span<const float> logits, const TextSoFar& text) {
  text_ = text;
  items_.resize(logits.size());
  for (size_t i = 0; i < logits.size(); ++i) items_[i] = {int32_t(i), std::isnan(logits[i]) ? kNever : logits[i]};
}

Candidate* Candidates::find(int32_t id) {
  const auto it = std::lower_bound(items_.begin(), items_.end(), id, [](const Candidate& item, int32_t wanted) { return item.id < wanted; });
  return it != items_.end() && it->id == id ? &*it : nullptr;
}

float Candidates::top_logit() const {
  float top = kNever;
  for (const Candidate& item : items_) top = std::max(top, item.logit);
  return top;
}

void Candidates::keep_top(int64_t count, bool ties) {
  if (count >= int64_t(items_.size())) return;
  sorted_.assign(items_.begin(), items_.end());
  std::nth_element(sorted_.begin(), sorted_.begin() + (count - 1), sorted_.end(), likelier);
  const Candidate last = sorted_[size_t(count - 1)];
  keep_if([&](const Candidate& item) { return ties ? item.logit >= last.logit : !likelier(last, item); });
}

void Candidates::keep_mass(double mass) {
  const float top = top_logit();
  double likeliest = 0;
  for (const double p : probs()) likeliest = std::max(likeliest, p);   // 1 / sum of exp(logit - top)
  sorted_.assign(items_.begin(), items_.end());
  // Only as many are sorted as are needed: most of the mass is usually in a few.
  size_t ordered = 0;
  double sum = 0;
  for (size_t kept = 0; kept < sorted_.size(); ++kept) {
    if (kept == ordered) {
      const size_t more = std::min(sorted_.size(), std::max<size_t>(64, ordered * 4));
      std::partial_sort(sorted_.begin() + std::ptrdiff_t(ordered), sorted_.begin() + std::ptrdiff_t(more), sorted_.end(), likelier);
      ordered = more;
    }
    sum += sorted_[kept].logit == top ? likeliest : std::exp(double(sorted_[kept].logit) - double(top)) * likeliest;
    if (sum >= mass) return keep_top(int64_t(kept) + 1, /*ties=*/false);
  }
}

std::span<const double> Candidates::probs() {
  const float top = top_logit();
  if (!(top > kNever)) no_candidate();
  probs_.resize(items_.size());
  double sum = 0;
  for (size_t i = 0; i < items_.size(); ++i) {
    // A logit of +inf is certain: exp(inf - inf) would be no number.
    probs_[i] = items_[i].logit == top ? 1 : std::exp(double(items_[i].logit) - double(top));
    sum += probs_[i];
  }
  for (double& p : probs_) p /= sum;
  return probs_;
}

int32_t Candidates::top() const {
  const float top = top_logit();
  if (!(top > kNever)) no_candidate();
  for (const Candidate& item : items_)
    if (item.logit == top) return item.id;
  no_candidate();
}

int32_t Candidates::draw(double u) {
  const std::span<const double> p = probs();
  double sum = 0;
  int32_t last = -1;   // rounding may leave the sum a little below 1
  for (size_t i = 0; i < p.size(); ++i) {
    if (p[i] <= 0) continue;
    sum += p[i];
    last = items_[i].id;
    if (u < sum) break;
  }
  return last;
}

int32_t first_largest(std::span<const float> logits) {
  float top = kNever;
  int32_t best = -1;
  for (size_t i = 0; i < logits.size(); ++i)
    if (logits[i] > top) {
      top = logits[i];
      best = int32_t(i);
    }
  if (best < 0) no_candidate();
  return best;
}

double sampling_number(uint64_t seed, uint32_t sequence, int64_t position) {
  constexpr uint32_t kStream = 0x53414d50;   // "SAMP": apart from dropout and initialisation
  const Counter c = philox(seed, {uint32_t(position), uint32_t(position >> 32), sequence, kStream});
  return uniform53(c[0], c[1]);
}

}  // namespace orrery
