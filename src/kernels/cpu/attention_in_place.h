// Products of a block of rows that all see the same with keys (of a cache, turned) and values read where they lie.
#pragma once

#include "kernels/cpu/attention_tile.h"

namespace orrery::cpu::ORRERY_ISA {

// The keys of a chunk, [head_dim][block_size], where they lie.
template <class Element>
const Element* keys_of_chunk(const Tiled& tiled, int64_t chunk) {
  return static_cast<const Element*>(tiled.args.kv.k) + tiled.args.kv.of_key(tiled.kv_head, chunk * kKeyChunk, 0);
}

// The scores of kRows heads' query, by floats, or by them in twos.
template <int kRows, class Element, class Step>
void score_in_place(const Tiled& tiled, int64_t chunk, const TileA& queries, int64_t columns) {
  const Element* keys = keys_of_chunk<Element>(tiled, chunk);
  const int64_t dim = tiled.args.head_dim;
  product_of<kRows, Start::kZero, Step>(columns, queries, words_of<Step>(dim), tiled.probs, kKeyChunk, nullptr, [&](int64_t x, int64_t j) {
    const Element* at = keys + x * tiled.args.kv.block_size + j;
    if constexpr (kInTwos<Step>) {
      if (x >= dim) return Floats::zero();
    }
    __builtin_prefetch(at + tiled.keys_ahead, 0, 2);
    return kInTwos<Step> ? rounded(at) : widen(at);
  });
}

// mixed = factor mixed + probabilities values, of the keys seen, for kRows rows that all see the same. With kOnto there is no factor.
template <int kRows, Start kStart, class Element>
void mix_in_place(const Tiled& tiled, int64_t chunk, Range seen, float* mixed, const float* factor) {
  const Args& args = tiled.args;
  const Element* values = static_cast<const Element*>(args.kv.v) + tiled.kv_head * args.kv.head_stride;
  each_run(args.kv, chunk * kKeyChunk + seen.begin, seen.end - seen.begin, [&](int64_t row, int64_t j, int64_t run) {
    const TileA probs{tiled.probs + seen.begin + j, kKeyChunk, 1};
    const auto lanes = [&](int64_t p, int64_t x) {
      const Element* at = values + row + p * args.kv.token_stride + x;
      __builtin_prefetch(at + tiled.values_ahead, 0, 2);
      return widen(at);
    };
    if (j == 0) product_of<kRows, kStart>(tiled.padded_dim, probs, run, mixed, tiled.padded_dim, factor, lanes);
    else product_of<kRows, Start::kOnto>(tiled.padded_dim, probs, run, mixed, tiled.padded_dim, nullptr, lanes);
  });
}

// The queries of rows from `first` on, in the scratch.
template <class Step>
TileA ready_queries(const Tiled& tiled, int64_t first) {
  const int64_t steps = words_of<Step>(tiled.args.head_dim);
  return {tiled.scratch.queries + first * steps, steps, 1};
}
// The block's probabilities: in twos they are rounded where they are.
template <class Step>
TileA rounded_probs(const Tiled& tiled) {
  return {kPaired<Step> ? tiled.paired_probs : tiled.probs, words_of<Step>(kKeyChunk), 1};
}
template <class Step>
void round_probs(const Tiled& tiled, int64_t count, int64_t end) {   // those before `end`, to whole vectors of pairs
  if constexpr (kPaired<Step>)
    for (int64_t r = 0; r < count; ++r) round_row_in_pairs<Step>(tiled.probs + r * kKeyChunk, rounded_up(end, 2 * Floats::kLanes), tiled.paired_probs + r * words_of<Step>(kKeyChunk));
  else if constexpr (kInTwos<Step>) round_all(tiled.probs, count * kKeyChunk);
}
template <int kRows, class Element, class Step>
void score_pairs_in_place(const Tiled& tiled, int64_t chunk, const TileA& queries, int64_t columns) {
  const Element* keys = keys_of_chunk<Element>(tiled, chunk);
  const int64_t next = tiled.args.kv.block_size, dim = tiled.args.head_dim;
  product_of<kRows, Start::kZero, Step>(columns, queries, pairs_in(dim), tiled.probs, kKeyChunk, nullptr, [&](int64_t s, int64_t j) {
    const Element* at = keys + 2 * s * next + j;
    __builtin_prefetch(at + tiled.keys_ahead, 0, 2);
    __builtin_prefetch(at + tiled.keys_ahead + next, 0, 2);
    return operand_pairs<kRoundsPairs<Step>>(widen(at), 2 * s + 1 < dim ? widen(at + next) : Floats::zero());
  });
}
template <int kRows, Start kStart, class Element, class Step>
void mix_pairs_in_place(const Tiled& tiled, int64_t chunk, Range seen, float* mixed, const float* factor) {
  const int64_t next = tiled.args.kv.token_stride;
  const Element* values = static_cast<const Element*>(tiled.args.kv.v) + tiled.args.kv.at(tiled.kv_head, chunk * kKeyChunk);
  const Range steps = steps_of<Step>(seen);
  const auto value = [&](int64_t key, int64_t x) {
    const Element* at = values + key * next + x;
    __builtin_prefetch(at + tiled.values_ahead, 0, 2);
    const bool counts = key >= seen.begin && key < seen.end;
    if constexpr (kPaired<Step>) return counts ? widen(at) : Floats::zero();
    else return counts ? rounded(at) : Floats::zero();
  };
  product_of<kRows, kStart, Step>(tiled.padded_dim, rounded_probs<Step>(tiled).from(steps.begin), steps.end - steps.begin, mixed, tiled.padded_dim, factor, [&](int64_t s, int64_t x) {
    const int64_t step = steps.begin + s;
    if constexpr (kPaired<Step>) return operand_pairs<kRoundsPairs<Step>>(value(2 * step, x), value(2 * step + 1, x));
    else return value(step, x);
  });
}

// mixed[r] = factor[r] mixed[r] + sums[r]
inline void add_sums(const float* sums, int64_t rows, int64_t padded_dim, float* mixed, const float* factor) {
  for (int64_t r = 0; r < rows; ++r, sums += padded_dim, mixed += padded_dim)
    for (int64_t x = 0; x < padded_dim; x += Floats::kLanes) fma(Floats::load(mixed + x), Floats::broadcast(factor[r]), Floats::load(sums + x)).store(mixed + x);
}

// rows[r] = row r of a, rounded.
inline void round_rows_of(TileA a, int64_t count, int64_t k, float* rows) {
  for (int64_t r = 0; r < count; ++r)
    for (int64_t x = 0; x < k; x += Floats::kLanes) rounded(a.data + r * a.row_stride + x, k - x).store(rows + r * k + x, k - x);
}

// In the order of tiles, of cached keys and values where they lie: 32 at a time, even and odd ones each in a chain of its own, from 0 on.
// c[r, j] += sum over p of a[r, p] lanes(p, j), of a and lanes that are rounded; lanes of p that do not count are not asked for.
template <int kRows, class Counts, class Lanes>
void add_in_tile_order(int64_t columns, const TileA& a, int64_t k, float* c, int64_t c_stride, Counts counts, Lanes lanes) {
  constexpr int64_t kDepth = 32;
  constexpr int kVectors = kRows <= 3 ? 4 : 2;
  for (int64_t j = 0; j < columns; j += kVectors * Floats::kLanes)
    for (int64_t from = 0; from < k; from += kDepth) {
      Tile<kRows, kVectors> of[2];
      of[0].zero();
      of[1].zero();
      for (int64_t p = from; p < smaller(from + kDepth, k); ++p) {
        if (!counts(p)) continue;
        Floats row[kVectors];
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) row[v] = j + v * Floats::kLanes < columns ? lanes(p, j + v * Floats::kLanes) : Floats::zero();
        if (p % 2 == 0) of[0].step(a.data + p * a.k_stride, a.row_stride, row);
        else of[1].step(a.data + p * a.k_stride, a.row_stride, row);
      }
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
          float* at = c + r * c_stride + j + v * Floats::kLanes;
          const int64_t left = columns - j - v * Floats::kLanes;
          if (left > 0) (Floats::load(at, left) + (of[0].acc[r][v] + of[1].acc[r][v])).store(at, left);
        }
    }
}
inline void clear(float* c, int64_t rows, int64_t stride, int64_t columns) {
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t j = 0; j < columns; j += Floats::kLanes) Floats::zero().store(c + r * stride + j);
}
template <int kRows, class Element>
void score_in_tile_order(const Tiled& tiled, int64_t chunk, int64_t first, int64_t columns) {
  const Args& args = tiled.args;
  const Element* keys = keys_of_chunk<Element>(tiled, chunk);
  clear(tiled.probs, kRows, kKeyChunk, columns);
  add_in_tile_order<kRows>(columns, {tiled.scratch.queries + first * args.head_dim, args.head_dim, 1}, args.head_dim, tiled.probs, kKeyChunk, [](int64_t) { return true; }, [&](int64_t x, int64_t j) {
    const Element* at = keys + x * args.kv.block_size + j;
    __builtin_prefetch(at + tiled.keys_ahead, 0, 2);
    return rounded(at);
  });
}
// The probabilities are rounded first.
template <int kRows, class Element>
void mix_in_tile_order(const Tiled& tiled, int64_t chunk, const Seen& seen, float* mixed, const float* factor) {
  Scratch& scratch = tiled.scratch;
  for (int64_t i = 0; i < kRows * kKeyChunk; i += Floats::kLanes) as_operand(Floats::load(tiled.probs + i)).store(tiled.probs + i);
  const int64_t next = tiled.args.kv.token_stride;
  const Element* values = static_cast<const Element*>(tiled.args.kv.v) + tiled.args.kv.at(tiled.kv_head, chunk * kKeyChunk);
  clear(scratch.sums, kRows, tiled.padded_dim, tiled.padded_dim);
  add_in_tile_order<kRows>(tiled.padded_dim, {tiled.probs, kKeyChunk, 1}, kKeyChunk, scratch.sums, tiled.padded_dim, [&](int64_t key) { return key < seen.sinks || (key >= seen.begin && key < seen.end); },
                           [&](int64_t key, int64_t x) {
                             const Element* at = values + key * next + x;
                             __builtin_prefetch(at + tiled.values_ahead, 0, 2);
                             return rounded(at);
                           });
  add_sums(scratch.sums, kRows, tiled.padded_dim, mixed, factor);
}

template <int kRows, Start kStart, class Element, class Step>
void mix(const Tiled& tiled, int64_t chunk, Range seen, float* mixed, const float* factor) {
  if constexpr (kRounded<Step>)
    mix_pairs_in_place<kRows, kStart, Element, Step>(tiled, chunk, seen, mixed, factor);
  else if constexpr (kScaled<Element>)
    mix_codes<kRows, kStart>(tiled.args, {tiled.probs + seen.begin, kKeyChunk, 1}, tiled.kv_head, chunk, seen, tiled.values_ahead, tiled.scratch.scales, mixed, factor);
  else
    mix_in_place<kRows, kStart, Element>(tiled, chunk, seen, mixed, factor);
}

}  // namespace orrery::cpu::ORRERY_ISA
