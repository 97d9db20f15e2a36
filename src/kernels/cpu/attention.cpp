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

  void clear(int64_t rows, int64_t padded_dim) {
    for (int64_t i = 0; i < rows * padded_dim; i += Floats::kLanes) Floats::zero().store(mixed + i);
    for (int64_t i = 0; i < rows; i += Floats::kLanes) {
      Floats::broadcast(-__builtin_inff()).store(max + i);
      Floats::zero().store(sum + i);
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
float score_row(const Args& args, float* scores, Range seen, float max, int64_t head, int64_t query, int64_t chunk) {
  const Floats scale = Floats::broadcast(args.scale);
  const RelativeBias bias(args, head);
  const Floats minus_infinity = Floats::broadcast(-__builtin_inff());
  const bool whole = seen.begin <= 0 && seen.end >= kKeyChunk;
  Floats largest = minus_infinity;
#pragma GCC unroll 8
  for (int64_t v = 0; v < kChunkVectors; ++v) {
    Floats s = Floats::load(scores + v * Floats::kLanes) * scale;
    if (bias.active()) s = s + bias.load(bias.distance(query, chunk, v));
    if (!whole) s = select(lanes_seen(seen, v), s, minus_infinity);
    largest = ORRERY_ISA::max(largest, s);
    s.store(scores + v * Floats::kLanes);
  }
  const float chunk_max = max_of(largest);
  return chunk_max > max ? chunk_max : max;
}

// Scores of a row to probabilities; the chunk's sum.
float exponentiate_row(const Args& args, float* scores, float max, int64_t head, int64_t query, int64_t chunk) {
  const Floats shift = Floats::broadcast(max == -__builtin_inff() ? 0.0f : max);
  Floats s[kChunkVectors], sums[kChunkVectors];
#pragma GCC unroll 8
  for (int64_t v = 0; v < kChunkVectors; ++v) sums[v] = s[v] = exp_of_shifted(Floats::load(scores + v * Floats::kLanes) - shift);
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
  return sum(sums[0]);
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

// mixed = factor mixed + probabilities values, of the keys seen, for kRows rows that all see the same.
template <int kRows, class Element>
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
    if (j == 0) product_of<kRows, Start::kScaled>(tiled.padded_dim, probs, run, mixed, tiled.padded_dim, factor, lanes);
    else product_of<kRows, Start::kOnto>(tiled.padded_dim, probs, run, mixed, tiled.padded_dim, nullptr, lanes);
  });
}

// One block of kRows rows, from `first` of the tile, against the packed chunk. `finite`: all its values are, if they are packed.
template <int kRows, class Element>
void attend_block(const Tiled& tiled, int64_t chunk, int64_t first, bool finite) {
  const Args& args = tiled.args;
  Scratch& scratch = tiled.scratch;
  const TileRows block = tiled.rows.from(first);
  Range rows[kRows], all{kKeyChunk, 0}, common{0, kKeyChunk};
  for (int r = 0; r < kRows; ++r) {
    rows[r] = in_chunk(keys_seen(args, block.query_of(r)), chunk);
    all = {smaller(all.begin, rows[r].begin), larger(all.end, rows[r].end)};
    common = {larger(common.begin, rows[r].begin), smaller(common.end, rows[r].end)};
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

  alignas(64) float new_max[Floats::kLanes] = {}, chunk_sum[Floats::kLanes] = {}, factor[Floats::kLanes];
  // Row after row in two passes, so that no row's exponentials wait for its maximum.
  for (int r = 0; r < kRows; ++r) new_max[r] = score_row(args, scratch.probs + r * kKeyChunk, rows[r], scratch.part.max[first + r], block.head_of(r), block.query_of(r), chunk);
  for (int r = 0; r < kRows; ++r) chunk_sum[r] = exponentiate_row(args, scratch.probs + r * kKeyChunk, new_max[r], block.head_of(r), block.query_of(r), chunk);
  // Where nothing has been seen yet both maxima are -inf, and the sums are 0 whatever the factor.
  const Floats next = Floats::load(new_max), minus_infinity = Floats::broadcast(-__builtin_inff());
  const Floats shift = select(equal(next, minus_infinity), Floats::zero(), next);
  const Floats factors = exp_of_shifted(Floats::load(scratch.part.max + first) - shift);
  factors.store(factor);
  fma(Floats::load(scratch.part.sum + first), factors, Floats::load(chunk_sum)).store(scratch.part.sum + first, kRows);
  next.store(scratch.part.max + first, kRows);

  float* mixed = scratch.part.mixed + first * tiled.padded_dim;
  if (tiled.values_in_place && kScaled<Element>)
    return mix_codes<kRows>(args, {scratch.probs + all.begin, kKeyChunk, 1}, tiled.kv_head, chunk, all, tiled.values_ahead, scratch.scales, mixed, factor);
  if (tiled.values_in_place) return mix_in_place<kRows, Element>(tiled, chunk, all, mixed, factor);
  if (finite || (common.begin == all.begin && common.end == all.end)) {
    product<kRows, Start::kScaled>(tiled.padded_dim, {scratch.probs + all.begin, kKeyChunk, 1},
                                   scratch.values + all.begin * tiled.padded_dim, tiled.padded_dim, all.end - all.begin,
                                   mixed, tiled.padded_dim, factor);
    return;
  }
  // A value is infinite or NaN and not every row of the block sees it: 0 times it would not be 0.
  for (int r = 0; r < kRows; ++r)
    if (!rows[r].empty())
      product<1, Start::kScaled>(tiled.padded_dim, {scratch.probs + r * kKeyChunk + rows[r].begin, kKeyChunk, 1},
                                 scratch.values + rows[r].begin * tiled.padded_dim, tiled.padded_dim,
                                 rows[r].end - rows[r].begin, mixed + r * tiled.padded_dim, tiled.padded_dim, factor + r);
}

// What rows of one query, or queries of one head, have seen in two parts together, the earlier one first.
void merge(const float* mixed, const float* max, const float* sum, int64_t rows, int64_t row_stride, int64_t padded_dim, Folded& onto) {
  const Floats minus_infinity = Floats::broadcast(-__builtin_inff());
  for (int64_t first = 0; first < rows; first += Floats::kLanes) {
    const int64_t some = smaller(Floats::kLanes, rows - first);
    const Floats before = Floats::load(onto.max + first, some), here = Floats::load(max + first, some), next = ORRERY_ISA::max(before, here);
    const Floats shift = select(equal(next, minus_infinity), Floats::zero(), next);
    alignas(64) float old_factor[Floats::kLanes], factor[Floats::kLanes];
    const Floats old_factors = exp_of_shifted(before - shift), factors = exp_of_shifted(here - shift);
    old_factors.store(old_factor);
    factors.store(factor);
    next.store(onto.max + first, some);
    fma(Floats::load(onto.sum + first, some), old_factors, Floats::load(sum + first, some) * factors).store(onto.sum + first, some);
    for (int64_t r = 0; r < some; ++r) {
      const Floats old_times = Floats::broadcast(old_factor[r]), times = Floats::broadcast(factor[r]);
      float* to = onto.mixed + (first + r) * padded_dim;
      const float* from = mixed + (first + r) * row_stride;
      for (int64_t x = 0; x < padded_dim; x += Floats::kLanes) fma(Floats::load(to + x), old_times, Floats::load(from + x) * times).store(to + x);
    }
  }
}

void finish(const Args& args, TileRows rows, int64_t count, Folded& seen) {
  const int64_t padded_dim = rounded_up(args.head_dim, Floats::kLanes);
  for (int64_t first = 0; first < count; first += Floats::kLanes) {
    const Floats sums = Floats::load(seen.sum + first);
    const Floats empty_as_one = select(equal(sums, Floats::zero()), Floats::broadcast(1), sums);
    (Floats::broadcast(1) / empty_as_one).store(seen.sum + first);
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
    merge(scratch.part.mixed, scratch.part.max, scratch.part.sum, count, padded_dim, padded_dim, scratch.all);
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
        scratch.part.max[r] = state[r * width + width - 2];
        scratch.part.sum[r] = state[r * width + width - 1];
      }
      merge(state, scratch.part.max, scratch.part.sum, count, width, padded_dim, scratch.all);
    }
    finish(args, {kv_head * group + first, 0, true}, count, scratch.all);
  }
}

}  // namespace orrery::cpu::ORRERY_ISA
