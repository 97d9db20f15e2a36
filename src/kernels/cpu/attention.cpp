// Fused attention, forward (kernels/attention.h). A tile of queries goes over the chunks of keys; for each chunk the keys
// are transposed and the values copied to the scratch once, then blocks of a few rows make their scores, fold them in
// the online softmax and add the values, all within the nearest cache. A row is a query of one head; where there is one query
// alone, one of the heads that read the same keys, and keys (of a cache) and values are read where they lie.
//
//   m' = max(m, max_j s_j)    p_j = e^(s_j - m')    l' = l e^(m - m') + sum_j p_j    o' = o e^(m - m') + sum_j p_j v_j
//
// So for the chunks of a part of the keys, from nothing on; parts are merged by the same formulas.
#include "kernels/cpu/attention_codes.h"

namespace orrery::cpu::ORRERY_ISA {
namespace {

constexpr int64_t kTileRows = 32 * kBlockQueries;
constexpr int64_t kMaxHeadDim = 256;
constexpr int64_t kPartChunks = kKeyPart / kKeyChunk;

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
  float keys[kMaxHeadDim * kKeyChunk];       // [head_dim][kKeyChunk]
  float values[kKeyChunk * kMaxHeadDim];     // [kKeyChunk][padded_dim]
  Folded part, all;
  float probs[kBlockQueries * kKeyChunk];    // s, then p, of one block of rows
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

template <int kRows, Start kStart, class Element>
void mix(const Tiled& tiled, int64_t chunk, Range seen, float* mixed, const float* factor) {
  if constexpr (kScaled<Element>)
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

// One block of kRows rows, from `first` of the tile, against the packed chunk. `finite`: all its values are, if they are packed.
template <int kRows, class Element>
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
  if (tiled.keys_in_place && kScaled<Element>)
    scores_of_codes<kRows>(args, block.queries(args), tiled.kv_head, chunk, columns, tiled.keys_ahead, scratch.scales, scratch.probs);
  else if (tiled.keys_in_place && tiled.rows.are_heads)
    score_in_place<kRows, Element>(tiled, chunk, block.queries(args), columns);
  else if (tiled.keys_in_place)
    product<kRows, Start::kZero>(columns, block.queries(args), keys_of_chunk<Element>(tiled, chunk), args.kv.block_size, args.head_dim, scratch.probs, kKeyChunk);
  else
    product<kRows, Start::kZero>(columns, block.queries(args), scratch.keys, kKeyChunk, args.head_dim, scratch.probs, kKeyChunk);

  constexpr int64_t kSpan = rounded_up(kRows, Floats::kLanes);   // whole vectors of rows
  alignas(64) float new_max[kSpan] = {}, chunk_sum[kSpan] = {}, factor[kSpan];
  // Row after row in two passes, so that no row's exponentials wait for its maximum.
  for (int r = 0; r < kRows; ++r) new_max[r] = score_row(args, scratch.probs + r * kKeyChunk, rows[r], scratch.part.max[first + r], block.head_of(r), block.query_of(r), chunk);
  alignas(64) float chunk_spread[kSpan] = {}, chunk_mass[kSpan] = {};
  const bool statistics = args.statistics.wanted();
  for (int r = 0; r < kRows; ++r) {
    float* scores = scratch.probs + r * kKeyChunk;
    const RowSums sums = statistics ? exponentiate_row<true>(args, scores, new_max[r], block.head_of(r), block.query_of(r), chunk)
                                    : exponentiate_row<false>(args, scores, new_max[r], block.head_of(r), block.query_of(r), chunk);
    chunk_sum[r] = sums.sum, chunk_spread[r] = sums.spread, chunk_mass[r] = sums.mass;
  }
  // Where nothing has been seen yet both maxima are -inf, and the sums are 0 whatever the factor.
  for (int64_t r = 0; r < kSpan; r += Floats::kLanes) {
    const int64_t at = first + r, count = kRows - r;
    const Floats next = Floats::load(new_max + r), minus_infinity = Floats::broadcast(-__builtin_inff());
    const Floats shift = select(equal(next, minus_infinity), Floats::zero(), next);
    const Floats factors = exp_of_shifted(Floats::load(scratch.part.max + at) - shift);
    factors.store(factor + r);
    if (statistics) {
      const Floats moved = shifted_spread(scratch.part, at, shift, Floats::kLanes);
      fma(moved, factors, Floats::load(chunk_spread + r)).store(scratch.part.spread + at, count);
      fma(Floats::load(scratch.part.mass + at), factors, Floats::load(chunk_mass + r)).store(scratch.part.mass + at, count);
    }
    fma(Floats::load(scratch.part.sum + at), factors, Floats::load(chunk_sum + r)).store(scratch.part.sum + at, count);
    next.store(scratch.part.max + at, count);
  }

  float* mixed = scratch.part.mixed + first * tiled.padded_dim;
  if (tiled.values_in_place) {   // all rows see the same
    const Range window{rows[0].begin, rows[0].end}, before{0, rows[0].sinks};
    if (before.empty()) return mix<kRows, Start::kScaled, Element>(tiled, chunk, window, mixed, factor);
    mix<kRows, Start::kScaled, Element>(tiled, chunk, before, mixed, factor);
    if (!window.empty()) mix<kRows, Start::kOnto, Element>(tiled, chunk, window, mixed, nullptr);
    return;
  }
  if (finite || (!sinks && common.begin == all.begin && common.end == all.end)) {
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
template <class Element>
void fold(const Args& args, TileRows rows, int64_t count, Range chunks, Scratch& scratch) {
  const int64_t padded_dim = rounded_up(args.head_dim, Floats::kLanes), kv_head = rows.head / (args.num_heads / args.num_kv_heads);
  const bool whole = args.kv.keys_turned && args.kv.block_size % kKeyChunk == 0;   // chunks lie in one block
  Tiled tiled{args, rows, kv_head, padded_dim, whole && (rows.are_heads || sizeof(Element) == 4), rows.are_heads && padded_dim == args.head_dim && (whole || !kScaled<Element>), scratch};
  scratch.part.clear(count, padded_dim);
  const Slivers slivers(count, kBlockQueries);
  for (int64_t chunk = chunks.begin; chunk < chunks.end; ++chunk) {
    if (!chunk_seen(args, rows.query, rows.query_of(count - 1) + 1, chunk)) continue;
    const int64_t first = chunk * kKeyChunk, next = chunk + 1 < chunks.end ? first + kKeyChunk : first;
    tiled.keys_ahead = args.kv.of_key(kv_head, next, 0) - args.kv.of_key(kv_head, first, 0);
    tiled.values_ahead = args.kv.at(kv_head, next) - args.kv.at(kv_head, first);
    if (!tiled.keys_in_place) pack_transposed<Element>(args, args.kv.k, kv_head, chunk, scratch.keys);
    const bool finite = tiled.values_in_place || pack_rows_of_chunk<Element>(args, args.kv.v, kv_head, chunk, scratch.values);
    for (int64_t s = 0; s < slivers.count; ++s)
      with_rows<kBlockQueries>(slivers.height(s), [&]<int kRows>() { attend_block<kRows, Element>(tiled, chunk, slivers.begin(s), finite); });
  }
}
void fold(const Args& args, TileRows rows, int64_t count, Range chunks, Scratch& scratch) {
  switch (args.kv.dtype) {
    case DType::bf16: return fold<Bf16>(args, rows, count, chunks, scratch);
    case DType::f16: return fold<F16>(args, rows, count, chunks, scratch);
    case DType::i8: return fold<Code>(args, rows, count, chunks, scratch);
    default: return fold<float>(args, rows, count, chunks, scratch);
  }
}

// The part of a range of chunks.
Range part_of(Range chunks, int64_t part) { return {larger(chunks.begin, part * kPartChunks), smaller(chunks.end, (part + 1) * kPartChunks)}; }

void attend_tile(const Args& args, TileRows rows, int64_t count, Scratch& scratch) {
  const int64_t padded_dim = rounded_up(args.head_dim, Floats::kLanes);
  const Range chunks = chunks_seen(args, rows.query, rows.query_of(count - 1) + 1);
  const int64_t first = chunks.begin / kPartChunks, end = (chunks.end + kPartChunks - 1) / kPartChunks;
  if (end - first <= 1) {   // merged with nothing, it is what it is
    fold(args, rows, count, chunks, scratch);
    return finish(args, rows, count, scratch.part);
  }
  scratch.all.clear(count, padded_dim);
  for (int64_t part = first; part < end; ++part) {
    fold(args, rows, count, part_of(chunks, part), scratch);
    merge(scratch.part.mixed, scratch.part, count, padded_dim, padded_dim, args.statistics.wanted(), scratch.all);
  }
  finish(args, rows, count, scratch.all);
}

// Rows [0, count) of `rows`.
void attend(const Args& args, TileRows rows, int64_t count, Scratch& scratch) {
  for (int64_t first = 0; first < count; first += kTileRows) {
    const TileRows tile = rows.from(first);
    const int64_t height = smaller(kTileRows, count - first);
    attend_tile(args, tile, height, scratch);
  }
}

}  // namespace

attention_fn<float> attention;
attention_step_fn<float> attention_step;
attention_part_fn<float> attention_part;
attention_merge_fn<float> attention_merge;

void attention(const Args& args, int64_t head, int64_t query_begin, int64_t query_end, void* scratch) {
  attend(args, {head, query_begin, false}, query_end - query_begin, *static_cast<Scratch*>(scratch));
}

void attention_step(const Args& args, int64_t kv_head, void* scratch) {
  const int64_t group = args.num_heads / args.num_kv_heads;
  attend(args, {kv_head * group, 0, true}, group, *static_cast<Scratch*>(scratch));
}

void attention_part(const Args& args, int64_t kv_head, int64_t part, float* states, void* scratch_of_call) {
  Scratch& scratch = *static_cast<Scratch*>(scratch_of_call);
  const int64_t group = args.num_heads / args.num_kv_heads, padded_dim = rounded_up(args.head_dim, Floats::kLanes), width = state_width(args.head_dim);
  const Range chunks = part_of(chunks_seen(args, 0, 1), part);
  for (int64_t first = 0; first < group; first += kTileRows) {
    const int64_t count = smaller(kTileRows, group - first);
    fold(args, {kv_head * group + first, 0, true}, count, chunks, scratch);
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

void attention_merge(const Args& args, int64_t kv_head, int64_t parts, const float* states, void* scratch_of_call) {
  Scratch& scratch = *static_cast<Scratch*>(scratch_of_call);
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

}  // namespace orrery::cpu::ORRERY_ISA
