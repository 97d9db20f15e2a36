// Fused attention, forward (kernels/attention.h). A tile of queries goes over the chunks of keys; for each chunk the keys
// are transposed and the values copied to the scratch once, then blocks of a few rows make their scores, fold them in
// the online softmax and add the values, all within the nearest cache. A row is a query of one head; where there is one query
// alone, one of the heads that read the same keys, and keys (of a cache) and values are read where they lie.
//
//   m' = max(m, max_j s_j)    p_j = e^(s_j - m')    l' = l e^(m - m') + sum_j p_j    o' = o e^(m - m') + sum_j p_j v_j
//
// So for the chunks of a part of the keys, from nothing on; parts are merged by the same formulas. Products of bf16 are the same loops over
// pairs of elements, and pairs of keys (attention_pairs.h).
#include "kernels/cpu/attention_codes.h"
#include "kernels/cpu/attention_pairs.h"
#ifdef ORRERY_ISA_avx512
#include "kernels/cpu/attention_tiles_avx512.h"
#endif

namespace orrery::cpu::ORRERY_ISA {
namespace {

constexpr int64_t kTileRows = 32 * kBlockQueries;
constexpr int64_t kMaxHeadDim = 256;
constexpr int64_t kPartChunks = kKeyPart / kKeyChunk;
constexpr int64_t kMostBlockRows = 16;   // that go through products together: kBlockQueries, or of tiles
static_assert(kTileRows % kMostBlockRows == 0 && kMostBlockRows % Floats::kLanes == 0 && kBlockQueries <= kMostBlockRows);

// What rows have seen so far.
struct Folded {
  float mixed[kTileRows * kMaxHeadDim];   // o, [row][padded_dim]
  float max[kTileRows + Floats::kLanes];  // m; read and written by whole vectors
  float sum[kTileRows + Floats::kLanes];  // l
  float spread[kTileRows + Floats::kLanes];  // sum_j p_j (s_j - m)   of these two, where statistics are wanted
  float mass[kTileRows + Floats::kLanes];    // sum over sinks j of p_j

  void clear(int64_t rows, int64_t padded_dim) {
    for (int64_t i = 0; i < rows * padded_dim; i += Floats::kLanes) Floats::zero().store(mixed + i);
    for (int64_t i = 0; i < rows; i += Floats::kLanes) {
      Floats::broadcast(-__builtin_inff()).store(max + i);
      Floats::zero().store(sum + i);
      Floats::zero().store(spread + i);
      Floats::zero().store(mass + i);
    }
  }
};

// The scratch of one call.
struct Scratch {
  float keys[kMaxHeadDim * kKeyChunk];       // [head_dim][kKeyChunk], or in pairs
  float values[kKeyChunk * kMaxHeadDim];     // [kKeyChunk][padded_dim], or in pairs
  Folded part, all;
  float probs[kMostBlockRows * kKeyChunk];   // s, then p, of one block of rows
  // Of products of bf16:
  alignas(64) float queries[kTileRows * kMaxHeadDim];                 // [row][pairs of the head], or [row][head_dim]
  alignas(64) float paired_probs[kMostBlockRows * pairs_in(kKeyChunk)];
  float sums[kMostBlockRows * kMaxHeadDim], values_seen[pairs_in(kKeyChunk) * kMaxHeadDim];   // of tiles
  float scales[scales_of_head(kMaxHeadDim) * kKeyChunk + Floats::kLanes];
};
static_assert(sizeof(Scratch) <= size_t(kAttentionScratchBytes / 2));

template <class Element>
constexpr bool kScaled = std::is_same_v<Element, Code>;

// The rows of a tile, from `first` on: queries of one head, or heads of one query.
struct TileRows {
  int64_t head, query;
  bool are_heads;

  TileRows from(int64_t first) const { return {head_of(first), query_of(first), are_heads}; }
  int64_t head_of(int64_t r) const { return are_heads ? head + r : head; }
  int64_t query_of(int64_t r) const { return are_heads ? query : query + r; }
  TileA queries(const Args& args) const {
    return {args.q + query * args.q_stride + head * args.head_dim, are_heads ? args.head_dim : args.q_stride, 1};
  }
};

struct Tiled {
  const Args& args;
  TileRows rows;
  int64_t kv_head, padded_dim;
  bool keys_in_place;        // they are turned, chunk by chunk
  bool values_in_place;      // rows end where vectors do, and all of the tile's see the same
  Scratch& scratch;
  int64_t keys_ahead = 0, values_ahead = 0;   // elements from a chunk to the next, which is asked for line by line, to L2: more than the nearest cache holds
};

// Products of a row to scores, -inf where nothing is seen; the largest of them and of `max`.
float score_row(const Args& args, float* scores, Seen seen, float max, int64_t head, int64_t query, int64_t chunk) {
  const ScoreRule rule(args, head);
  if (!rule.plain())
    for (int64_t v = 0; v < kChunkVectors; ++v) rule.score(Floats::load(scores + v * Floats::kLanes), query, chunk, v).store(scores + v * Floats::kLanes);
  const Floats scale = Floats::broadcast(rule.plain() ? args.scale : 1.0f);
  const Floats minus_infinity = Floats::broadcast(-__builtin_inff());
  const bool whole = seen.begin <= 0 && seen.end >= kKeyChunk;
  Floats largest = minus_infinity;
#pragma GCC unroll 8
  for (int64_t v = 0; v < kChunkVectors; ++v) {
    Floats s = Floats::load(scores + v * Floats::kLanes) * scale;
    if (!whole) s = select(lanes_seen(seen, v), s, minus_infinity);
    largest = ORRERY_ISA::max(largest, s);
    s.store(scores + v * Floats::kLanes);
  }
  const float chunk_max = max_of(largest);
  return chunk_max > max ? chunk_max : max;
}

// What a chunk adds to a row's sums.
struct RowSums {
  float sum, spread, mass;
};

// Scores of a row to probabilities, and what they add up to; spread and mass where kStatistics.
template <bool kStatistics>
RowSums exponentiate_row(const Args& args, float* scores, float max, int64_t head, int64_t query, int64_t chunk) {
  const Floats shift = Floats::broadcast(max == -__builtin_inff() ? 0.0f : max);
  Floats s[kChunkVectors], sums[kChunkVectors];
#pragma GCC unroll 8
  for (int64_t v = 0; v < kChunkVectors; ++v) sums[v] = s[v] = exp_of_shifted(Floats::load(scores + v * Floats::kLanes) - shift);
  RowSums row{};
  if constexpr (kStatistics) {
    const int64_t sinks = args.sinks ? 0 : larger(args.sink_tokens, 1) - chunk * kKeyChunk;
    Floats spread[kFoldParts], mass[kFoldParts];
    for (int p = 0; p < kFoldParts; ++p) spread[p] = mass[p] = Floats::zero();
    for (int64_t v = 0; v < kChunkVectors; ++v) {
      const int64_t p = v % kFoldParts;
      spread[p] = fma(s[v], ORRERY_ISA::max(Floats::broadcast(kLowestShift), Floats::load(scores + v * Floats::kLanes) - shift), spread[p]);
      if (sinks > v * Floats::kLanes) mass[p] = mass[p] + mask_lanes(first_lanes<float>(sinks - v * Floats::kLanes), s[v]);
    }
    for (int p = 1; p < kFoldParts; ++p) spread[0] = spread[0] + spread[p], mass[0] = mass[0] + mass[p];
    row.spread = sum(spread[0]), row.mass = sum(mass[0]);
  }
  // Lanes added by halves: the order is that of the keys' places in the chunk.
#pragma GCC unroll 4
  for (int64_t half = kChunkVectors / 2; half > 0; half /= 2)
    for (int64_t v = 0; v < half; ++v) sums[v] = sums[v] + sums[v + half];
  if (args.dropout.probability > 0) {
    const PatternMask dropout(args, head);
    for (int64_t v = 0; v < kChunkVectors; v += 2) {
      Floats first, second;
      dropout.pair(query, chunk, v, first, second);
      s[v] = s[v] * first;
      s[v + 1] = s[v + 1] * second;
    }
  }
#pragma GCC unroll 8
  for (int64_t v = 0; v < kChunkVectors; ++v) s[v].store(scores + v * Floats::kLanes);
  row.sum = sum(sums[0]);
  return row;
}

// The keys of a chunk, [head_dim][block_size], where they lie.
template <class Element>
const Element* keys_of_chunk(const Tiled& tiled, int64_t chunk) {
  return static_cast<const Element*>(tiled.args.kv.k) + tiled.args.kv.of_key(tiled.kv_head, chunk * kKeyChunk, 0);
}

// The scores of kRows heads' query.
template <int kRows, class Element>
void score_in_place(const Tiled& tiled, int64_t chunk, TileA queries, int64_t columns) {
  const Element* keys = keys_of_chunk<Element>(tiled, chunk);
  product_of<kRows, Start::kZero>(columns, queries, tiled.args.head_dim, tiled.scratch.probs, kKeyChunk, nullptr, [&](int64_t x, int64_t j) {
    const Element* at = keys + x * tiled.args.kv.block_size + j;
    __builtin_prefetch(at + tiled.keys_ahead, 0, 2);
    return widen(at);
  });
}

// mixed = factor mixed + probabilities values, of the keys seen, for kRows rows that all see the same. With kOnto there is no factor.
template <int kRows, Start kStart, class Element>
void mix_in_place(const Tiled& tiled, int64_t chunk, Range seen, float* mixed, const float* factor) {
  const Args& args = tiled.args;
  const Element* values = static_cast<const Element*>(args.kv.v) + tiled.kv_head * args.kv.head_stride;
  each_run(args.kv, chunk * kKeyChunk + seen.begin, seen.end - seen.begin, [&](int64_t row, int64_t j, int64_t run) {
    const TileA probs{tiled.scratch.probs + seen.begin + j, kKeyChunk, 1};
    const auto lanes = [&](int64_t p, int64_t x) {
      const Element* at = values + row + p * args.kv.token_stride + x;
      __builtin_prefetch(at + tiled.values_ahead, 0, 2);
      return widen(at);
    };
    if (j == 0) product_of<kRows, kStart>(tiled.padded_dim, probs, run, mixed, tiled.padded_dim, factor, lanes);
    else product_of<kRows, Start::kOnto>(tiled.padded_dim, probs, run, mixed, tiled.padded_dim, nullptr, lanes);
  });
}

// The same of pairs: `queries` and the probabilities are rounded in the scratch.
template <class Step>
TileA rounded_queries(const Tiled& tiled, int64_t first) {
  const int64_t steps = pairs_of_head<Step>(tiled.args.head_dim);
  return {tiled.scratch.queries + first * steps, steps, 1};
}
template <int kRows, class Element, class Step>
void score_pairs_in_place(const Tiled& tiled, int64_t chunk, TileA queries, int64_t columns) {
  const Element* keys = keys_of_chunk<Element>(tiled, chunk);
  const int64_t next = tiled.args.kv.block_size, dim = tiled.args.head_dim;
  product_of<kRows, Start::kZero, Step>(columns, queries, pairs_in(dim), tiled.scratch.probs, kKeyChunk, nullptr, [&](int64_t s, int64_t j) {
    const Element* at = keys + 2 * s * next + j;
    __builtin_prefetch(at + tiled.keys_ahead, 0, 2);
    __builtin_prefetch(at + tiled.keys_ahead + next, 0, 2);
    return pair_of(rounded(at), 2 * s + 1 < dim ? rounded(at + next) : Floats::zero());
  });
}
// f(the first pair that is seen, how many)
template <class F>
void with_pairs(Range seen, F f) { f(seen.begin / 2, (seen.end + 1) / 2 - seen.begin / 2); }
template <int kRows, Start kStart, class Element, class Step>
void mix_pairs_in_place(const Tiled& tiled, int64_t chunk, Range seen, float* mixed, const float* factor) {
  const int64_t next = tiled.args.kv.token_stride;
  const Element* values = static_cast<const Element*>(tiled.args.kv.v) + tiled.args.kv.at(tiled.kv_head, chunk * kKeyChunk);
  with_pairs(seen, [&](int64_t first, int64_t count) {
    const TileA probs{tiled.scratch.paired_probs + first, pairs_in(kKeyChunk), 1};
    product_of<kRows, kStart, Step>(tiled.padded_dim, probs, count, mixed, tiled.padded_dim, factor, [&](int64_t s, int64_t x) {
      const int64_t key = 2 * (first + s);
      const Element* at = values + key * next + x;
      __builtin_prefetch(at + tiled.values_ahead, 0, 2);
      __builtin_prefetch(at + tiled.values_ahead + next, 0, 2);
      return pair_of(key >= seen.begin ? rounded(at) : Floats::zero(), key + 1 < seen.end ? rounded(at + next) : Floats::zero());
    });
  });
}
// Of packed pairs, those halves alone that are seen: the others may hold anything.
template <Start kStart, class Step>
void mix_pairs_seen(const Tiled& tiled, Range seen, const float* probs, float* mixed, const float* factor) {
  with_pairs(seen, [&](int64_t first, int64_t count) {
    const float* values = tiled.scratch.values + first * tiled.padded_dim;
    product_of<1, kStart, Step>(tiled.padded_dim, {probs + first, 0, 1}, count, mixed, tiled.padded_dim, factor,
                                [&](int64_t s, int64_t x) { return halves_seen(Floats::load(values + s * tiled.padded_dim + x), first + s, {seen.begin, seen.end, 0}); });
  });
}

// mixed[r] = factor[r] mixed[r] + sums[r]
void add_sums(const float* sums, int64_t rows, int64_t padded_dim, float* mixed, const float* factor) {
  for (int64_t r = 0; r < rows; ++r, sums += padded_dim, mixed += padded_dim)
    for (int64_t x = 0; x < padded_dim; x += Floats::kLanes) fma(Floats::load(mixed + x), Floats::broadcast(factor[r]), Floats::load(sums + x)).store(mixed + x);
}

// rows[r] = row r of a, rounded.
void round_rows_of(TileA a, int64_t count, int64_t k, float* rows) {
  for (int64_t r = 0; r < count; ++r)
    for (int64_t x = 0; x < k; x += Floats::kLanes) rounded(a.data + r * a.row_stride + x, k - x).store(rows + r * k + x, k - x);
}

// In the order of tiles, of cached keys and values where they lie: 32 at a time, even and odd ones each in a chain of its own, from 0 on.
// c[r, j] += sum over p of a[r, p] lanes(p, j), of a and lanes that are rounded; lanes of p that do not count are not asked for.
template <int kRows, class Counts, class Lanes>
void add_in_tile_order(int64_t columns, TileA a, int64_t k, float* c, int64_t c_stride, Counts counts, Lanes lanes) {
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
void clear(float* c, int64_t rows, int64_t stride, int64_t columns) {
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t j = 0; j < columns; j += Floats::kLanes) Floats::zero().store(c + r * stride + j);
}
template <int kRows, class Element>
void score_in_tile_order(const Tiled& tiled, int64_t chunk, int64_t first, int64_t columns) {
  const Args& args = tiled.args;
  const Element* keys = keys_of_chunk<Element>(tiled, chunk);
  clear(tiled.scratch.probs, kRows, kKeyChunk, columns);
  add_in_tile_order<kRows>(columns, {tiled.scratch.queries + first * args.head_dim, args.head_dim, 1}, args.head_dim, tiled.scratch.probs, kKeyChunk, [](int64_t) { return true; }, [&](int64_t x, int64_t j) {
    const Element* at = keys + x * args.kv.block_size + j;
    __builtin_prefetch(at + tiled.keys_ahead, 0, 2);
    return rounded(at);
  });
}
// The probabilities are rounded first.
template <int kRows, class Element>
void mix_in_tile_order(const Tiled& tiled, int64_t chunk, Seen seen, float* mixed, const float* factor) {
  Scratch& scratch = tiled.scratch;
  for (int64_t i = 0; i < kRows * kKeyChunk; i += Floats::kLanes) round_to_bf16(Floats::load(scratch.probs + i)).store(scratch.probs + i);
  const int64_t next = tiled.args.kv.token_stride;
  const Element* values = static_cast<const Element*>(tiled.args.kv.v) + tiled.args.kv.at(tiled.kv_head, chunk * kKeyChunk);
  clear(scratch.sums, kRows, tiled.padded_dim, tiled.padded_dim);
  add_in_tile_order<kRows>(tiled.padded_dim, {scratch.probs, kKeyChunk, 1}, kKeyChunk, scratch.sums, tiled.padded_dim, [&](int64_t key) { return key < seen.sinks || (key >= seen.begin && key < seen.end); },
                           [&](int64_t key, int64_t x) {
                             const Element* at = values + key * next + x;
                             __builtin_prefetch(at + tiled.values_ahead, 0, 2);
                             return rounded(at);
                           });
  add_sums(scratch.sums, kRows, tiled.padded_dim, mixed, factor);
}

template <int kRows, Start kStart, class Element, class Step>
void mix(const Tiled& tiled, int64_t chunk, Range seen, float* mixed, const float* factor) {
  if constexpr (kPaired<Step>)
    mix_pairs_in_place<kRows, kStart, Element, Step>(tiled, chunk, seen, mixed, factor);
  else if constexpr (kScaled<Element>)
    mix_codes<kRows, kStart>(tiled.args, {tiled.scratch.probs + seen.begin, kKeyChunk, 1}, tiled.kv_head, chunk, seen, tiled.values_ahead, tiled.scratch.scales, mixed, factor);
  else
    mix_in_place<kRows, kStart, Element>(tiled, chunk, seen, mixed, factor);
}

// The spread of rows from `first` on about another maximum: e^(s - m') (s - m') = e^(m - m') (e^(s - m) (s - m) + (m - m') e^(s - m)),
// but for the factor in front.
Floats shifted_spread(const Folded& rows, int64_t first, Floats new_max, int64_t count) {
  const Floats by = ORRERY_ISA::max(Floats::broadcast(kLowestShift), Floats::load(rows.max + first, count) - new_max);
  return fma(by, Floats::load(rows.sum + first, count), Floats::load(rows.spread + first, count));
}

// Scores of `count` rows from `first` of the tile on to probabilities, in scratch.probs, folded into the part's maxima and sums; factor: what
// becomes of the values mixed so far, to whole vectors of rows.
void soften(const Tiled& tiled, const Seen* rows, int64_t count, int64_t chunk, int64_t first, float* factor) {
  const Args& args = tiled.args;
  Scratch& scratch = tiled.scratch;
  const TileRows block = tiled.rows.from(first);
  const bool statistics = args.statistics.wanted();
  alignas(64) float new_max[kMostBlockRows] = {}, chunk_sum[kMostBlockRows] = {}, chunk_spread[kMostBlockRows] = {}, chunk_mass[kMostBlockRows] = {};
  // Row after row in two passes, so that no row's exponentials wait for its maximum.
  for (int64_t r = 0; r < count; ++r) new_max[r] = score_row(args, scratch.probs + r * kKeyChunk, rows[r], scratch.part.max[first + r], block.head_of(r), block.query_of(r), chunk);
  for (int64_t r = 0; r < count; ++r) {
    float* scores = scratch.probs + r * kKeyChunk;
    const RowSums sums = statistics ? exponentiate_row<true>(args, scores, new_max[r], block.head_of(r), block.query_of(r), chunk)
                                    : exponentiate_row<false>(args, scores, new_max[r], block.head_of(r), block.query_of(r), chunk);
    chunk_sum[r] = sums.sum, chunk_spread[r] = sums.spread, chunk_mass[r] = sums.mass;
  }
  // Where nothing has been seen yet both maxima are -inf, and the sums are 0 whatever the factor.
  for (int64_t r = 0; r < count; r += Floats::kLanes) {
    const int64_t at = first + r, some = count - r;
    const Floats next = Floats::load(new_max + r), minus_infinity = Floats::broadcast(-__builtin_inff());
    const Floats shift = select(equal(next, minus_infinity), Floats::zero(), next);
    const Floats factors = exp_of_shifted(Floats::load(scratch.part.max + at) - shift);
    factors.store(factor + r);
    if (statistics) {
      const Floats moved = shifted_spread(scratch.part, at, shift, Floats::kLanes);
      fma(moved, factors, Floats::load(chunk_spread + r)).store(scratch.part.spread + at, some);
      fma(Floats::load(scratch.part.mass + at), factors, Floats::load(chunk_mass + r)).store(scratch.part.mass + at, some);
    }
    fma(Floats::load(scratch.part.sum + at), factors, Floats::load(chunk_sum + r)).store(scratch.part.sum + at, some);
    next.store(scratch.part.max + at, some);
  }
}

// The values of a chunk, by the probabilities of kRows rows, whose keys seen lie in `all`; finite: all values are, if they are packed; same: rows
// see just these.
template <int kRows, class Element, class Step>
void mix_block(const Tiled& tiled, int64_t chunk, int64_t first, const Seen* rows, Range all, bool finite, bool same, const float* factor) {
  Scratch& scratch = tiled.scratch;
  if constexpr (kPaired<Step>) pack_rows_in_pairs(scratch.probs, kKeyChunk, kRows, kKeyChunk, scratch.paired_probs, pairs_in(kKeyChunk));
  float* mixed = scratch.part.mixed + first * tiled.padded_dim;
  if (tiled.values_in_place) {   // all rows see the same
    const Range window{rows[0].begin, rows[0].end}, before{0, rows[0].sinks};
    if (before.empty()) return mix<kRows, Start::kScaled, Element, Step>(tiled, chunk, window, mixed, factor);
    mix<kRows, Start::kScaled, Element, Step>(tiled, chunk, before, mixed, factor);
    if (!window.empty()) mix<kRows, Start::kOnto, Element, Step>(tiled, chunk, window, mixed, nullptr);
    return;
  }
  if constexpr (kPaired<Step>) {
    if (finite)
      return with_pairs(all, [&](int64_t pair, int64_t count) {
        product<kRows, Start::kScaled>(tiled.padded_dim, {scratch.paired_probs + pair, pairs_in(kKeyChunk), 1}, reinterpret_cast<const Step*>(scratch.values + pair * tiled.padded_dim),
                                       tiled.padded_dim, count, mixed, tiled.padded_dim, factor);
      });
    for (int r = 0; r < kRows; ++r) {
      const Range window{rows[r].begin, rows[r].end}, before{0, rows[r].sinks};
      const float* probs = scratch.paired_probs + r * pairs_in(kKeyChunk);
      float* to = mixed + r * tiled.padded_dim;
      if (before.empty()) {
        mix_pairs_seen<Start::kScaled, Step>(tiled, window, probs, to, factor + r);
        continue;
      }
      mix_pairs_seen<Start::kScaled, Step>(tiled, before, probs, to, factor + r);
      if (!window.empty()) mix_pairs_seen<Start::kOnto, Step>(tiled, window, probs, to, nullptr);
    }
    return;
  }
  if (finite || same) {
    product<kRows, Start::kScaled>(tiled.padded_dim, {scratch.probs + all.begin, kKeyChunk, 1},
                                   scratch.values + all.begin * tiled.padded_dim, tiled.padded_dim, all.end - all.begin,
                                   mixed, tiled.padded_dim, factor);
    return;
  }
  // A value is infinite or NaN and not every row of the block sees it: 0 times it would not be 0.
  for (int r = 0; r < kRows; ++r) {
    const TileA probs{scratch.probs + r * kKeyChunk, kKeyChunk, 1};
    const Range window{rows[r].begin, rows[r].end};
    float* to = mixed + r * tiled.padded_dim;
    if (rows[r].sinks > 0) product<1, Start::kScaled>(tiled.padded_dim, probs, scratch.values, tiled.padded_dim, rows[r].sinks, to, tiled.padded_dim, factor + r);
    if (window.empty()) continue;
    const TileA seen{probs.data + window.begin, kKeyChunk, 1};
    const float* values = scratch.values + window.begin * tiled.padded_dim;
    const int64_t keys = window.end - window.begin;
    if (rows[r].sinks > 0) product<1, Start::kOnto>(tiled.padded_dim, seen, values, tiled.padded_dim, keys, to, tiled.padded_dim);
    else product<1, Start::kScaled>(tiled.padded_dim, seen, values, tiled.padded_dim, keys, to, tiled.padded_dim, factor + r);
  }
}

// One block of kRows rows, from `first` of the tile, against the packed chunk. `finite`: all its values are, if they are packed.
template <int kRows, class Element, class Step>
void attend_block(const Tiled& tiled, int64_t chunk, int64_t first, bool finite) {
  const Args& args = tiled.args;
  Scratch& scratch = tiled.scratch;
  const TileRows block = tiled.rows.from(first);
  Seen rows[kRows];
  Range all{kKeyChunk, 0}, common{0, kKeyChunk};
  bool sinks = false;
  for (int r = 0; r < kRows; ++r) {
    rows[r] = in_chunk(keys_seen(args, block.query_of(r)), chunk);
    const Range hull = rows[r].hull();
    all = {smaller(all.begin, hull.begin), larger(all.end, hull.end)};
    common = {larger(common.begin, hull.begin), smaller(common.end, hull.end)};
    sinks |= rows[r].sinks > 0;
  }
  if (all.empty()) return;

  const int64_t columns = rounded_up(all.end, Floats::kLanes);
  if constexpr (kTiled<Step>) {
    score_in_tile_order<kRows, Element>(tiled, chunk, first, columns);
  } else if constexpr (kPaired<Step>) {
    const TileA queries = rounded_queries<Step>(tiled, first);
    if (tiled.keys_in_place) score_pairs_in_place<kRows, Element, Step>(tiled, chunk, queries, columns);
    else product<kRows, Start::kZero>(columns, queries, reinterpret_cast<const Step*>(scratch.keys), kKeyChunk, pairs_in(args.head_dim), scratch.probs, kKeyChunk);
  } else if (tiled.keys_in_place && kScaled<Element>)
    scores_of_codes<kRows>(args, block.queries(args), tiled.kv_head, chunk, columns, tiled.keys_ahead, scratch.scales, scratch.probs);
  else if (tiled.keys_in_place && tiled.rows.are_heads)
    score_in_place<kRows, Element>(tiled, chunk, block.queries(args), columns);
  else if (tiled.keys_in_place)
    product<kRows, Start::kZero>(columns, block.queries(args), keys_of_chunk<Element>(tiled, chunk), args.kv.block_size, args.head_dim, scratch.probs, kKeyChunk);
  else
    product<kRows, Start::kZero>(columns, block.queries(args), scratch.keys, kKeyChunk, args.head_dim, scratch.probs, kKeyChunk);

  alignas(64) float factor[rounded_up(kRows, Floats::kLanes)];
  soften(tiled, rows, kRows, chunk, first, factor);

  if constexpr (kTiled<Step>) {
    mix_in_tile_order<kRows, Element>(tiled, chunk, rows[0], scratch.part.mixed + first * tiled.padded_dim, factor);   // all rows see the same
  } else {
    const bool same = !sinks && common.begin == all.begin && common.end == all.end;
    mix_block<kRows, Element, Step>(tiled, chunk, first, rows, all, finite, same, factor);
  }
}

#ifdef ORRERY_ISA_avx512
// Up to 16 rows from `first` of the tile on, by tiles of pairs; a chunk's products are added to what was mixed as a whole.
void attend_block_in_tiles(const Tiled& tiled, int64_t chunk, int64_t first, int64_t count, bool finite) {
  const Args& args = tiled.args;
  Scratch& scratch = tiled.scratch;
  const TileRows block = tiled.rows.from(first);
  const int64_t padded = tiled.padded_dim;
  Seen rows[kMostBlockRows];
  bool nothing = true;
  for (int64_t r = 0; r < count; ++r) {
    rows[r] = in_chunk(keys_seen(args, block.query_of(r)), chunk);
    nothing &= rows[r].empty();
  }
  if (nothing) return;
  scores_in_tiles(rounded_queries<InTiles>(tiled, first).data, pairs_of_head<InTiles>(args.head_dim), scratch.keys, scratch.probs);
  alignas(64) float factor[kMostBlockRows];
  soften(tiled, rows, count, chunk, first, factor);
  pack_rows_in_pairs(scratch.probs, kKeyChunk, count, kKeyChunk, scratch.paired_probs, pairs_in(kKeyChunk));
  float* mixed = scratch.part.mixed + first * padded;
  if (finite) {
    mix_in_tiles(scratch.paired_probs, scratch.values, padded, scratch.sums);
    return add_sums(scratch.sums, count, padded, mixed, factor);
  }
  // Row by row with the values that it sees, and zeros for the others, which may be anything.
  for (int64_t r = 0; r < count; ++r) {
    for (int64_t s = 0; s < pairs_in(kKeyChunk); ++s)
      for (int64_t x = 0; x < padded; x += Floats::kLanes) halves_seen(Floats::load(scratch.values + s * padded + x), s, rows[r]).store(scratch.values_seen + s * padded + x);
    mix_in_tiles(scratch.paired_probs, scratch.values_seen, padded, scratch.sums);
    add_sums(scratch.sums + r * padded, 1, padded, mixed + r * padded, factor + r);
  }
}
#else
void attend_block_in_tiles(const Tiled&, int64_t, int64_t, int64_t, bool) {}
#endif

// What rows of one query, or queries of one head, have seen in two parts together, the earlier one first.
// Of the later one `part` holds all but what is mixed.
void merge(const float* mixed, const Folded& part, int64_t rows, int64_t row_stride, int64_t padded_dim, bool statistics, Folded& onto) {
  const Floats minus_infinity = Floats::broadcast(-__builtin_inff());
  for (int64_t first = 0; first < rows; first += Floats::kLanes) {
    const int64_t some = smaller(Floats::kLanes, rows - first);
    const Floats before = Floats::load(onto.max + first, some), here = Floats::load(part.max + first, some), next = ORRERY_ISA::max(before, here);
    const Floats shift = select(equal(next, minus_infinity), Floats::zero(), next);
    alignas(64) float old_factor[Floats::kLanes], factor[Floats::kLanes];
    const Floats old_factors = exp_of_shifted(before - shift), factors = exp_of_shifted(here - shift);
    old_factors.store(old_factor);
    factors.store(factor);
    if (statistics) {
      fma(shifted_spread(onto, first, shift, some), old_factors, shifted_spread(part, first, shift, some) * factors).store(onto.spread + first, some);
      fma(Floats::load(onto.mass + first, some), old_factors, Floats::load(part.mass + first, some) * factors).store(onto.mass + first, some);
    }
    next.store(onto.max + first, some);
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
void add_sinks(const Args& args, TileRows rows, int64_t first, int64_t count, Folded& seen, float* factor) {
  alignas(64) float sinks[Floats::kLanes] = {};
  for (int64_t r = 0; r < count; ++r) sinks[r] = args.sinks[rows.head_of(first + r)];
  const Floats sink = Floats::load(sinks), before = Floats::load(seen.max + first, count), next = max(before, sink);
  const Floats shift = select(equal(next, Floats::broadcast(-__builtin_inff())), Floats::zero(), next);
  const Floats factors = exp_of_shifted(before - shift), weight = exp_of_shifted(sink - shift);
  factors.store(factor);
  if (args.statistics.wanted()) {
    const Floats own = weight * max(Floats::broadcast(kLowestShift), sink - shift);
    fma(shifted_spread(seen, first, shift, count), factors, own).store(seen.spread + first, count);
    weight.store(seen.mass + first, count);
  }
  fma(Floats::load(seen.sum + first, count), factors, weight).store(seen.sum + first, count);
  next.store(seen.max + first, count);
}

// Statistics of rows from `first` on, whose sums are whole.
void write_statistics(const Args& args, TileRows rows, int64_t first, int64_t count, const Folded& seen) {
  const Floats sums = Floats::load(seen.sum + first, count);
  const Mask<float> empty = equal(sums, Floats::zero());
  const Floats share = Floats::broadcast(1) / select(empty, Floats::broadcast(1), sums);
  alignas(64) float entropy[Floats::kLanes], mass[Floats::kLanes];
  mask_lanes(~empty, fnma(Floats::load(seen.spread + first, count), share, log(sums))).store(entropy);
  (Floats::load(seen.mass + first, count) * share).store(mass);
  for (int64_t r = 0; r < count; ++r) {
    const int64_t at = rows.query_of(first + r) * args.num_heads + rows.head_of(first + r);
    if (args.statistics.entropy) args.statistics.entropy[at] = entropy[r];
    if (args.statistics.sink_mass) args.statistics.sink_mass[at] = mass[r];
  }
}

void finish(const Args& args, TileRows rows, int64_t count, Folded& seen) {
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

// The chunks of one part, from nothing on, into scratch.part.
template <class Element, class Step>
void fold(const Args& args, TileRows rows, int64_t count, Range chunks, Scratch& scratch) {
  const int64_t padded_dim = rounded_up(args.head_dim, Floats::kLanes), kv_head = rows.head / (args.num_heads / args.num_kv_heads);
  const bool whole = args.kv.blocks && args.kv.block_size % kKeyChunk == 0;   // chunks lie in one block
  bool keys_in_place = whole && args.kv.keys_turned && (rows.are_heads || (sizeof(Element) == 4 && !kPaired<Step>));
  bool values_in_place = rows.are_heads && padded_dim == args.head_dim && (whole || (!kScaled<Element> && !kPaired<Step>));
  if (kTiled<Step>) keys_in_place = values_in_place = keys_in_place && values_in_place;   // both, in the order of tiles, or tiles
  Tiled tiled{args, rows, kv_head, padded_dim, keys_in_place, values_in_place, scratch};
  scratch.part.clear(count, padded_dim);
  if constexpr (kPaired<Step>) {
    const TileA queries = rows.queries(args);
    if (kTiled<Step> && keys_in_place) round_rows_of(queries, count, args.head_dim, scratch.queries);
    else pack_rows_in_pairs(queries.data, queries.row_stride, count, args.head_dim, scratch.queries, pairs_of_head<Step>(args.head_dim));
  }
  const Slivers slivers(count, keys_in_place ? kBlockQueries : kBlockRows<Step>);
  for (int64_t chunk = chunks.begin; chunk < chunks.end; ++chunk) {
    if (!chunk_seen(args, rows.query, rows.query_of(count - 1) + 1, chunk)) continue;
    const int64_t first = chunk * kKeyChunk, next = chunk + 1 < chunks.end ? first + kKeyChunk : first;
    tiled.keys_ahead = args.kv.of_key(kv_head, next, 0) - args.kv.of_key(kv_head, first, 0);
    tiled.values_ahead = args.kv.at(kv_head, next) - args.kv.at(kv_head, first);
    bool finite = true;
    if constexpr (kPaired<Step>) {
      if (!tiled.keys_in_place) pack_in_pairs<Element>(args, args.kv.k, args.kv.keys_turned, kv_head, chunk, scratch.keys, scratch.values, pairs_of_head<Step>(args.head_dim));
      if (!tiled.values_in_place) finite = pack_values_in_pairs<Element>(args, args.kv.v, kv_head, chunk, scratch.values);
    } else {
      if (!tiled.keys_in_place) pack_transposed<Element>(args, args.kv.k, kv_head, chunk, scratch.keys);
      if (!tiled.values_in_place) finite = pack_rows_of_chunk<Element>(args, args.kv.v, kv_head, chunk, scratch.values);
    }
    for (int64_t s = 0; s < slivers.count; ++s) {
      if (kTiled<Step> && !keys_in_place) attend_block_in_tiles(tiled, chunk, slivers.begin(s), slivers.height(s), finite);
      else with_rows<kBlockQueries>(slivers.height(s), [&]<int kRows>() { attend_block<kRows, Element, Step>(tiled, chunk, slivers.begin(s), finite); });
    }
  }
}
template <class Step>
void fold(const Args& args, TileRows rows, int64_t count, Range chunks, Scratch& scratch) {
  switch (args.kv.dtype) {
    case DType::bf16: return fold<Bf16, Step>(args, rows, count, chunks, scratch);
    case DType::f16: return fold<F16, Step>(args, rows, count, chunks, scratch);
    case DType::i8:
      if constexpr (!kPaired<Step>) return fold<Code, Step>(args, rows, count, chunks, scratch);
      return;   // with_step takes floats
    default: return fold<float, Step>(args, rows, count, chunks, scratch);
  }
}

// The part of a range of chunks.
Range part_of(Range chunks, int64_t part) { return {larger(chunks.begin, part * kPartChunks), smaller(chunks.end, (part + 1) * kPartChunks)}; }

template <class Step>
void attend_tile(const Args& args, TileRows rows, int64_t count, Scratch& scratch) {
  const int64_t padded_dim = rounded_up(args.head_dim, Floats::kLanes);
  const Range chunks = chunks_seen(args, rows.query, rows.query_of(count - 1) + 1);
  const int64_t first = chunks.begin / kPartChunks, end = (chunks.end + kPartChunks - 1) / kPartChunks;
  if (end - first <= 1) {   // merged with nothing, it is what it is
    fold<Step>(args, rows, count, chunks, scratch);
    return finish(args, rows, count, scratch.part);
  }
  scratch.all.clear(count, padded_dim);
  for (int64_t part = first; part < end; ++part) {
    fold<Step>(args, rows, count, part_of(chunks, part), scratch);
    merge(scratch.part.mixed, scratch.part, count, padded_dim, padded_dim, args.statistics.wanted(), scratch.all);
  }
  finish(args, rows, count, scratch.all);
}

// Rows [0, count) of `rows`. (What stands under TinyIsZero stands in functions of its own.)
template <class Step>
[[gnu::noinline]] void attend(const Args& args, TileRows rows, int64_t count, Scratch& scratch) {
  for (int64_t first = 0; first < count; first += kTileRows) {
    const TileRows tile = rows.from(first);
    const int64_t height = smaller(kTileRows, count - first);
    attend_tile<Step>(args, tile, height, scratch);
  }
}

template <class Step>
[[gnu::noinline]] void attend_part(const Args& args, int64_t kv_head, int64_t part, float* states, Scratch& scratch) {
  const int64_t group = args.num_heads / args.num_kv_heads, padded_dim = rounded_up(args.head_dim, Floats::kLanes), width = state_width(args.head_dim);
  const Range chunks = part_of(chunks_seen(args, 0, 1), part);
  for (int64_t first = 0; first < group; first += kTileRows) {
    const int64_t count = smaller(kTileRows, group - first);
    fold<Step>(args, {kv_head * group + first, 0, true}, count, chunks, scratch);
    for (int64_t r = 0; r < count; ++r) {
      float* state = states + (first + r) * width;
      for (int64_t x = 0; x < padded_dim; x += Floats::kLanes) Floats::load(scratch.part.mixed + r * padded_dim + x).store(state + x);
      state[width - 4] = scratch.part.spread[r];
      state[width - 3] = scratch.part.mass[r];
      state[width - 2] = scratch.part.max[r];
      state[width - 1] = scratch.part.sum[r];
    }
  }
}

[[gnu::noinline]] void merge_parts(const Args& args, int64_t kv_head, int64_t parts, const float* states, Scratch& scratch) {
  const int64_t group = args.num_heads / args.num_kv_heads, padded_dim = rounded_up(args.head_dim, Floats::kLanes), width = state_width(args.head_dim);
  for (int64_t first = 0; first < group; first += kTileRows) {
    const int64_t count = smaller(kTileRows, group - first);
    scratch.all.clear(count, padded_dim);
    for (int64_t part = 0; part < parts; ++part) {
      const float* state = states + (part * group + first) * width;
      for (int64_t r = 0; r < count; ++r) {
        scratch.part.spread[r] = state[r * width + width - 4];
        scratch.part.mass[r] = state[r * width + width - 3];
        scratch.part.max[r] = state[r * width + width - 2];
        scratch.part.sum[r] = state[r * width + width - 1];
      }
      merge(state, scratch.part, count, width, padded_dim, args.statistics.wanted(), scratch.all);
    }
    finish(args, {kv_head * group + first, 0, true}, count, scratch.all);
  }
}

}  // namespace

attention_fn<float> attention;
attention_step_fn<float> attention_step;
attention_part_fn<float> attention_part;
attention_merge_fn<float> attention_merge;

void attention(const Args& args, int64_t head, int64_t query_begin, int64_t query_end, void* scratch) {
  with_step(args, [&]<class Step>(Step) { attend<Step>(args, {head, query_begin, false}, query_end - query_begin, *static_cast<Scratch*>(scratch)); });
}

void attention_step(const Args& args, int64_t kv_head, void* scratch) {
  const int64_t group = args.num_heads / args.num_kv_heads;
  with_step(args, [&]<class Step>(Step) { attend<Step>(args, {kv_head * group, 0, true}, group, *static_cast<Scratch*>(scratch)); });
}

void attention_part(const Args& args, int64_t kv_head, int64_t part, float* states, void* scratch) {
  with_step(args, [&]<class Step>(Step) { attend_part<Step>(args, kv_head, part, states, *static_cast<Scratch*>(scratch)); });
}

void attention_merge(const Args& args, int64_t kv_head, int64_t parts, const float* states, void* scratch) {
  with_step(args, [&]<class Step>(Step) { merge_parts(args, kv_head, parts, states, *static_cast<Scratch*>(scratch)); });
}

#ifdef ORRERY_ISA_avx512
// The same with products of bf16 in tiles: the class "amx".
attention_fn<float> attention_in_tiles;
attention_step_fn<float> attention_step_in_tiles;
attention_part_fn<float> attention_part_in_tiles;

void attention_in_tiles(const Args& args, int64_t head, int64_t query_begin, int64_t query_end, void* scratch) {
  if (!takes_pairs(args)) return attention(args, head, query_begin, query_end, scratch);
  const TinyIsZero tiny;
  const Tiles tiles;
  attend<InTiles>(args, {head, query_begin, false}, query_end - query_begin, *static_cast<Scratch*>(scratch));
}

void attention_step_in_tiles(const Args& args, int64_t kv_head, void* scratch) {
  if (!takes_pairs(args)) return attention_step(args, kv_head, scratch);
  const TinyIsZero tiny;
  const Tiles tiles;
  const int64_t group = args.num_heads / args.num_kv_heads;
  attend<InTiles>(args, {kv_head * group, 0, true}, group, *static_cast<Scratch*>(scratch));
}

void attention_part_in_tiles(const Args& args, int64_t kv_head, int64_t part, float* states, void* scratch) {
  if (!takes_pairs(args)) return attention_part(args, kv_head, part, states, scratch);
  const TinyIsZero tiny;
  const Tiles tiles;
  attend_part<InTiles>(args, kv_head, part, states, *static_cast<Scratch*>(scratch));
}
#endif

}  // namespace orrery::cpu::ORRERY_ISA
