// The online softmax of a tile of rows: scores of a chunk to probabilities, folded into what was seen before; parts merged; sinks; the end.
//
//   m' = max(m, max_j s_j)    p_j = e^(s_j - m')    l' = l e^(m - m') + sum_j p_j    o' = o e^(m - m') + sum_j p_j v_j
//
// e^x as 2^(x log2 e): what scales scores does so to log2 e as well. m is kept both ways, so that log l + m of one key is its score.
#pragma once

#include "kernels/cpu/attention_tile.h"

namespace orrery::cpu::ORRERY_ISA {

// Products that are scaled and no more need no pass of their own: the exponentials scale them.
inline bool scaled_late(const Args& args) { return !(args.softcap > 0) && !args.bias && !args.slopes && args.scale > 0; }
inline float late_scale(const Args& args) { return scaled_late(args) ? args.scale : 1.0f; }
inline float late_power(const Args& args) { return late_scale(args) * kLog2E; }

// Products of a row to scores but for the late scale, -inf where nothing is seen; in the lanes of a vector the largest of them. Of the first kVectors
// of a chunk's vectors, whole or half: where no row sees more, what follows would be zeros.
template <int64_t kVectors>
[[gnu::always_inline]] inline Floats score_row(const Args& args, float* scores, const Seen& seen, int64_t head, int64_t query, int64_t chunk) {
  if (!scaled_late(args)) {
    const ScoreRule rule(args, head);
    for (int64_t v = 0; v < kVectors; ++v) rule.score(Floats::load(scores + v * Floats::kLanes), query, chunk, v).store(scores + v * Floats::kLanes);
  }
  if (!seen.whole()) {
    for (int64_t v = 0; v < kVectors; ++v) select(lanes_seen(seen, v), Floats::load(scores + v * Floats::kLanes), Floats::broadcast(-__builtin_inff())).store(scores + v * Floats::kLanes);
  }
  Floats s[kVectors];
#pragma GCC unroll 16
  for (int64_t v = 0; v < kVectors; ++v) s[v] = Floats::load(scores + v * Floats::kLanes);
#pragma GCC unroll 4
  for (int64_t half = kVectors / 2; half > 0; half /= 2)
#pragma GCC unroll 8
    for (int64_t v = 0; v < half; ++v) s[v] = ORRERY_ISA::max(s[v + half], s[v]);
  return s[0];
}

// What a chunk adds to rows' sums.
struct ChunkSums {
  Floats sum[kMostBlockRows];   // of each row in all lanes together
  alignas(64) float spread[kMostBlockRows] = {}, mass[kMostBlockRows] = {};

  explicit ChunkSums(int64_t count) {   // what is behind the last row is added up with it
    for (int64_t r = count; r < rounded_up(count, Floats::kLanes); ++r) sum[r] = Floats::zero();
  }
};

// Scores of `count` rows, but for the late scale, to probabilities, and what they add up to; spread and mass where kStatistics.
template <bool kStatistics, int64_t kVectors>
void exponentiate(const Args& args, const TileRows& block, int64_t count, int64_t chunk, const float* shift, float* scores, ChunkSums& sums) {
  const Floats power = Floats::broadcast(late_power(args));
  for (int64_t r = 0; r < count; ++r, scores += kKeyChunk) {
    constexpr int64_t kHalf = kVectors / 2;
    constexpr int kAtOnce = int(smaller(kHalf, kSoftened / 2));   // vectors of each half
    const auto at = [&](int64_t v) { return scores + v * Floats::kLanes; };
    const auto p = [&](int64_t v) { return Floats::load(at(v)); };   // once they are made
    Floats shifted[kVectors], all[kHalf];
#pragma GCC unroll 4
    for (int64_t v = 0; v < kHalf; v += kAtOnce) {
      Several<Floats, 2 * kAtOnce> by;
#pragma GCC unroll 4
      for (int64_t x = 0; x < kAtOnce; ++x) by.of[x] = Floats::load(at(v + x)), by.of[x + kAtOnce] = Floats::load(at(v + x + kHalf));
      by = by * power - Floats::broadcast(shift[r]);   // the largest becomes exactly 1
      const auto made = exp2_of_shifted(by);
#pragma GCC unroll 4
      for (int64_t x = 0; x < kAtOnce; ++x) {
        made.of[x].store(at(v + x));
        made.of[x + kAtOnce].store(at(v + x + kHalf));
        all[v + x] = made.of[x] + made.of[x + kAtOnce];
        if constexpr (kStatistics) shifted[v + x] = by.of[x], shifted[v + x + kHalf] = by.of[x + kAtOnce];
      }
    }
    if constexpr (kStatistics) {
      const int64_t sinks = args.sinks ? 0 : larger(args.sink_tokens, 1) - chunk * kKeyChunk;
      Floats spread[kFoldParts], mass[kFoldParts];
      for (int i = 0; i < kFoldParts; ++i) spread[i] = mass[i] = Floats::zero();
      for (int64_t v = 0; v < kVectors; ++v) {
        const int64_t i = v % kFoldParts;
        spread[i] = fma(p(v), ORRERY_ISA::max(Floats::broadcast(kLowestShift), shifted[v]), spread[i]);
        if (sinks > v * Floats::kLanes) mass[i] = mass[i] + mask_lanes(first_lanes<float>(sinks - v * Floats::kLanes), p(v));
      }
      for (int i = 1; i < kFoldParts; ++i) spread[0] = spread[0] + spread[i], mass[0] = mass[0] + mass[i];
      sums.spread[r] = sum(spread[0]), sums.mass[r] = sum(mass[0]);
    }
    // Lanes added by halves: the order is that of the keys' places in the chunk.
#pragma GCC unroll 4
    for (int64_t half = kHalf / 2; half > 0; half /= 2)
#pragma GCC unroll 8
      for (int64_t v = 0; v < half; ++v) all[v] = all[v] + all[v + half];
    sums.sum[r] = all[0];
    if (args.dropout.probability > 0) {
      const PatternMask dropout(args, block.head_of(r));
      for (int64_t v = 0; v < kVectors; v += 2) {
        Floats first, second;
        dropout.pair(block.query_of(r), chunk, v, first, second);
        (p(v) * first).store(at(v));
        (p(v + 1) * second).store(at(v + 1));
      }
    }
  }
}

// The spread of rows from `first` on about another maximum: e^(s - m') (s - m') = e^(m - m') (e^(s - m) (s - m) + (m - m') e^(s - m)),
// but for the factor in front.
inline Floats shifted_spread(const Folded& rows, int64_t first, Floats new_power, int64_t count) {
  const Floats by = ORRERY_ISA::max(Floats::broadcast(kLowestShift), Floats::load(rows.power + first, count) - new_power);
  return fma(by, Floats::load(rows.sum + first, count), Floats::load(rows.spread + first, count));
}

// Scores of `count` rows from `first` of the tile on to probabilities, in the scratch, folded into the part's maxima and sums; factor: what
// becomes of the values mixed so far, to whole vectors of rows. Row after row in two passes, so that no row's exponentials wait for its maximum.
template <int64_t kVectors>
void soften_vectors(const Tiled& tiled, const Seen* rows, int64_t count, int64_t chunk, int64_t first, float* factor) {
  const Args& args = tiled.args;
  Folded& part = tiled.scratch.part;
  float* scores = tiled.scratch.probs;
  const TileRows block = tiled.rows.from(first);
  alignas(64) float max[kMostBlockRows], next_power[kMostBlockRows], shift[kMostBlockRows];
  for (int64_t r = 0; r < count; r += Floats::kLanes) {
    Floats largest[Floats::kLanes];
    for (int64_t i = 0; i < Floats::kLanes; ++i)
      largest[i] = r + i < count ? score_row<kVectors>(args, scores + (r + i) * kKeyChunk, rows[r + i], block.head_of(r + i), block.query_of(r + i), chunk) : Floats::zero();
    fold_lanes(largest, [](Floats a, Floats b) { return ORRERY_ISA::max(a, b); }).store(max + r);
  }
  const Floats scale = Floats::broadcast(late_scale(args)), power = Floats::broadcast(late_power(args)), minus_infinity = Floats::broadcast(-__builtin_inff());
  for (int64_t r = 0; r < count; r += Floats::kLanes) {
    const Floats largest = Floats::load(max + r), before = Floats::load(part.power + first + r), next = ORRERY_ISA::max(largest * power, before);   // before, if that is NaN
    // Where nothing has been seen yet both maxima are -inf, and the sums are 0 whatever the factor.
    const Floats by = select(equal(next, minus_infinity), Floats::zero(), next);
    exp2_of_shifted(before - by).store(factor + r);
    ORRERY_ISA::max(largest * scale, Floats::load(part.max + first + r)).store(max + r);
    next.store(next_power + r);
    by.store(shift + r);
  }
  ChunkSums sums(count);
  const bool statistics = args.statistics.wanted();
  if (statistics) exponentiate<true, kVectors>(args, block, count, chunk, shift, scores, sums);
  else exponentiate<false, kVectors>(args, block, count, chunk, shift, scores, sums);
  for (int64_t r = 0; r < count; r += Floats::kLanes) {
    const int64_t at = first + r, some = count - r;
    const Floats factors = Floats::load(factor + r);
    if (statistics) {
      const Floats moved = shifted_spread(part, at, Floats::load(shift + r), Floats::kLanes);
      fma(moved, factors, Floats::load(sums.spread + r)).store(part.spread + at, some);
      fma(Floats::load(part.mass + at), factors, Floats::load(sums.mass + r)).store(part.mass + at, some);
    }
    fma(Floats::load(part.sum + at), factors, fold_lanes(sums.sum + r, [](Floats a, Floats b) { return a + b; })).store(part.sum + at, some);
    Floats::load(max + r).store(part.max + at, some);
    Floats::load(next_power + r).store(part.power + at, some);
  }
}

// The same up to key `end` of the chunk at least; no row sees keys from there on.
inline void soften(const Tiled& tiled, const Seen* rows, int64_t count, int64_t end, int64_t chunk, int64_t first, float* factor) {
  if (end <= kKeyChunk / 2) soften_vectors<kChunkVectors / 2>(tiled, rows, count, chunk, first, factor);
  else soften_vectors<kChunkVectors>(tiled, rows, count, chunk, first, factor);
}

// What rows of one query, or queries of one head, have seen in two parts together, the earlier one first.
// Of the later one `part` holds all but what is mixed.
inline void merge(const float* mixed, const Folded& part, int64_t rows, int64_t row_stride, int64_t padded_dim, bool statistics, Folded& onto) {
  const Floats minus_infinity = Floats::broadcast(-__builtin_inff());
  for (int64_t first = 0; first < rows; first += Floats::kLanes) {
    const int64_t some = smaller(Floats::kLanes, rows - first);
    const Floats before = Floats::load(onto.power + first, some), here = Floats::load(part.power + first, some), next = ORRERY_ISA::max(before, here);
    const Floats shift = select(equal(next, minus_infinity), Floats::zero(), next);
    alignas(64) float old_factor[Floats::kLanes], factor[Floats::kLanes];
    const Floats old_factors = exp2_of_shifted(before - shift), factors = exp2_of_shifted(here - shift);
    old_factors.store(old_factor);
    factors.store(factor);
    if (statistics) {
      fma(shifted_spread(onto, first, shift, some), old_factors, shifted_spread(part, first, shift, some) * factors).store(onto.spread + first, some);
      fma(Floats::load(onto.mass + first, some), old_factors, Floats::load(part.mass + first, some) * factors).store(onto.mass + first, some);
    }
    ORRERY_ISA::max(Floats::load(onto.max + first, some), Floats::load(part.max + first, some)).store(onto.max + first, some);
    next.store(onto.power + first, some);
    fma(Floats::load(onto.sum + first, some), old_factors, Floats::load(part.sum + first, some) * factors).store(onto.sum + first, some);
    for (int64_t r = 0; r < some; ++r) {
      const Floats old_times = Floats::broadcast(old_factor[r]), times = Floats::broadcast(factor[r]);
      float* to = onto.mixed + (first + r) * padded_dim;
      const float* from = mixed + (first + r) * row_stride;
      for (int64_t x = 0; x < padded_dim; x += Floats::kLanes) fma(Floats::load(to + x), old_times, Floats::load(from + x) * times).store(to + x);
    }
  }
}

// The head's sink beside what rows from `first` on have seen: one more key, whose value is zero. factor: what becomes of the mixed values.
inline void add_sinks(const Args& args, TileRows rows, int64_t first, int64_t count, Folded& seen, float* factor) {
  alignas(64) float sinks[Floats::kLanes] = {};
  for (int64_t r = 0; r < count; ++r) sinks[r] = args.sinks[rows.head_of(first + r)];
  const Floats logit = Floats::load(sinks), sink = logit * constant(kLog2E), before = Floats::load(seen.power + first, count), next = max(before, sink);
  const Floats shift = select(equal(next, Floats::broadcast(-__builtin_inff())), Floats::zero(), next);
  const Floats factors = exp2_of_shifted(before - shift), weight = exp2_of_shifted(sink - shift);
  factors.store(factor);
  if (args.statistics.wanted()) {
    const Floats own = weight * max(Floats::broadcast(kLowestShift), sink - shift);
    fma(shifted_spread(seen, first, shift, count), factors, own).store(seen.spread + first, count);
    weight.store(seen.mass + first, count);
  }
  fma(Floats::load(seen.sum + first, count), factors, weight).store(seen.sum + first, count);
  max(Floats::load(seen.max + first, count), logit).store(seen.max + first, count);
}

// Statistics of rows from `first` on, whose sums are whole.
inline void write_statistics(const Args& args, TileRows rows, int64_t first, int64_t count, const Folded& seen) {
  const Floats sums = Floats::load(seen.sum + first, count);
  const Mask<float> empty = equal(sums, Floats::zero());
  const Floats share = Floats::broadcast(1) / select(empty, Floats::broadcast(1), sums);
  alignas(64) float entropy[Floats::kLanes], mass[Floats::kLanes];
  mask_lanes(~empty, fnma(Floats::load(seen.spread + first, count) * constant(kLog2), share, log(sums))).store(entropy);
  (Floats::load(seen.mass + first, count) * share).store(mass);
  for (int64_t r = 0; r < count; ++r) {
    const int64_t at = rows.query_of(first + r) * args.num_heads + rows.head_of(first + r);
    if (args.statistics.entropy) args.statistics.entropy[at] = entropy[r];
    if (args.statistics.sink_mass) args.statistics.sink_mass[at] = mass[r];
  }
}

inline void finish(const Args& args, TileRows rows, int64_t count, Folded& seen) {
  const int64_t padded_dim = rounded_up(args.head_dim, Floats::kLanes);
  if (args.statistics.max_score)
    for (int64_t i = 0; i < count; ++i) args.statistics.max_score[rows.query_of(i) * args.num_heads + rows.head_of(i)] = seen.max[i];
  for (int64_t first = 0; first < count; first += Floats::kLanes) {
    alignas(64) float factor[Floats::kLanes];
    if (args.sinks) add_sinks(args, rows, first, smaller(Floats::kLanes, count - first), seen, factor);
    if (args.statistics.wanted()) write_statistics(args, rows, first, smaller(Floats::kLanes, count - first), seen);
    const Floats sums = Floats::load(seen.sum + first);
    const Floats empty_as_one = select(equal(sums, Floats::zero()), Floats::broadcast(1), sums);
    const Floats share = Floats::broadcast(1) / empty_as_one;
    (args.sinks ? share * Floats::load(factor) : share).store(seen.sum + first);
    (Floats::load(seen.max + first) + log(sums)).store(seen.max + first);
  }
  for (int64_t i = 0; i < count; ++i) {
    const float* mixed = seen.mixed + i * padded_dim;
    const int64_t head = rows.head_of(i), query = rows.query_of(i);
    float* out = args.out + query * args.out_stride + head * args.head_dim;
    const Floats factor = Floats::broadcast(seen.sum[i]);
    // Adding 0 makes one zero of the two, which sums of nothing but zeros may differ in.
    for (int64_t x = 0; x < args.head_dim; x += Floats::kLanes)
      ((Floats::load(mixed + x) + Floats::zero()) * factor).store(out + x, args.head_dim - x);
    if (args.lse) args.lse[query * args.num_heads + head] = seen.max[i];
  }
}

}  // namespace orrery::cpu::ORRERY_ISA
