// The tokens that may come next, with their logits: what samplers change and filter, and what one token is drawn from.
//
//   Candidates candidates;
//   candidates.reset(logits, {.history = ids});
//   top_k.apply(candidates);                                  // samplers: sampler.h
//   int32_t id = candidates.draw(sampling_number(seed, sequence, position));
//
// Items are always in the order of their ids, so that nothing depends on how a filter works inside.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace orrery {

struct Candidate {
  int32_t id = 0;
  float logit = 0;
};

// The order of what has an id and a logit: likelier first; of equal ones the smaller id.
struct Likelier {
  template <class Item>
  bool operator()(const Item& a, const Item& b) const {
    return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
  }
};

// What was said before.
struct TextSoFar {
  std::span<const int32_t> history = {};    // prompt and continuation
  int64_t generated = 0;                    // how many of them are the continuation
  std::span<const int32_t> end_ids = {};    // tokens that would end the text
};

class Candidates {
 public:
  // Every token, by its raw logit. Keeps its memory from one call to the next.
  void reset(std::span<const float> logits, const TextSoFar& text = {});

  const TextSoFar& text() const { return text_; }
  std::span<Candidate> items() { return items_; }
  std::span<const Candidate> items() const { return items_; }
  // The item of a token; null where it was dropped.
  Candidate* find(int32_t id);
  float top_logit() const;

  template <class F>
  void keep_if(F&& keep) {
    std::erase_if(items_, [&](const Candidate& item) { return !keep(item); });
  }
  // Keeps the `count` > 0 likeliest; of equal ones at the end of them all (ties) or the first.
  void keep_top(int64_t count, bool ties);
  // Keeps the fewest of the likeliest whose probabilities reach `mass`, at least one.
  void keep_mass(double mass);

  // exp(logit - top) / sum: in double, in the order of items. Valid until the next call.
  std::span<const double> probs();
  // The first of the likeliest tokens. Throws Error where no logit is a number above -inf.
  int32_t top() const;
  // The token at `u` in [0, 1) of the cumulative distribution.
  int32_t draw(double u);

 private:
  std::vector<Candidate> items_;
  std::vector<double> probs_;
  std::vector<Candidate> sorted_;
  TextSoFar text_;
};

// The first largest of these values, as an index. Throws Error where none is a number above -inf.
int32_t first_largest(std::span<const float> logits);

// A number in [0, 1) for the token at `position` of a sequence: a pure function of its arguments, so that neither
// neighbours in a batch nor threads change what is drawn.
double sampling_number(uint64_t seed, uint32_t sequence, int64_t position);

}  // namespace orrery
