// Fused attention, forward (kernels/attention.h). A tile of queries goes over the chunks of keys; for each chunk the keys
// are transposed and the values copied to the scratch once, then blocks of a few queries make their scores, fold them in
// the online softmax and add the values, all within the nearest cache:
//
//   m' = max(m, max_j s_j)    p_j = e^(s_j - m')    l' = l e^(m - m') + sum_j p_j    o' = o e^(m - m') + sum_j p_j v_j
#include "kernels/cpu/attention_chunk.h"

namespace orrery::cpu::ORRERY_ISA {
namespace {

constexpr int64_t kTileQueries = 32 * kBlockQueries;
constexpr int64_t kMaxHeadDim = 256;

// The scratch of one call.
struct Scratch {
  float keys[kMaxHeadDim * kKeyChunk];       // [head_dim][kKeyChunk]
  float values[kKeyChunk * kMaxHeadDim];     // [kKeyChunk][padded_dim]
  float mixed[kTileQueries * kMaxHeadDim];   // o, [query][padded_dim]
  float max[kTileQueries + Floats::kLanes];  // m; read and written by whole vectors
  float sum[kTileQueries + Floats::kLanes];  // l
  float probs[kBlockQueries * kKeyChunk];    // s, then p, of one block of queries
};
static_assert(sizeof(Scratch) <= size_t(kAttentionScratchBytes));

struct Tiled {
  const Args& args;
  int64_t head, kv_head, begin, padded_dim;
  RelativeBias bias;
  PatternMask dropout;
  Scratch& scratch;
};

// Scores of query r of the block to probabilities; the row's new maximum and what its old sums are to be multiplied by.
struct Rescale {
  float max, factor, sum;
};
Rescale softmax_row(const Tiled& tiled, float* scores, Range seen, float max, int64_t query, int64_t chunk) {
  const Floats scale = Floats::broadcast(tiled.args.scale);
  const Floats minus_infinity = Floats::broadcast(-__builtin_inff());
  const bool whole = seen.begin <= 0 && seen.end >= kKeyChunk;
  Floats s[kChunkVectors];
  Floats largest = minus_infinity;
#pragma GCC unroll 8
  for (int64_t v = 0; v < kChunkVectors; ++v) {
    s[v] = Floats::load(scores + v * Floats::kLanes) * scale;
    if (tiled.bias.active()) s[v] = s[v] + tiled.bias.load(tiled.bias.distance(query, chunk, v));
    if (!whole) s[v] = select(lanes_seen(seen, v), s[v], minus_infinity);
    largest = ORRERY_ISA::max(largest, s[v]);
  }
  const float chunk_max = max_of(largest);
  const float new_max = chunk_max > max ? chunk_max : max;
  const Floats shift = Floats::broadcast(new_max == -__builtin_inff() ? 0.0f : new_max);
#pragma GCC unroll 8
  for (int64_t v = 0; v < kChunkVectors; ++v) s[v] = exp_of_shifted(s[v] - shift);
  // Lanes added by halves: the order is that of the keys' places in the chunk.
  Floats sums[kChunkVectors];
#pragma GCC unroll 8
  for (int64_t v = 0; v < kChunkVectors; ++v) sums[v] = s[v];
#pragma GCC unroll 4
  for (int64_t half = kChunkVectors / 2; half > 0; half /= 2)
    for (int64_t v = 0; v < half; ++v) sums[v] = sums[v] + sums[v + half];
  if (tiled.dropout.active()) {
    for (int64_t v = 0; v < kChunkVectors; v += 2) {
      Floats first, second;
      tiled.dropout.pair(query, chunk, v, first, second);
      s[v] = s[v] * first;
      s[v + 1] = s[v + 1] * second;
    }
  }
#pragma GCC unroll 8
  for (int64_t v = 0; v < kChunkVectors; ++v) s[v].store(scores + v * Floats::kLanes);
  return {new_max, max, sum(sums[0])};
}

// One block of kRows queries, from `first` of the tile, against the packed chunk.
template <int kRows>
void attend_block(const Tiled& tiled, int64_t chunk, int64_t first, bool finite) {
  const Args& args = tiled.args;
  Scratch& scratch = tiled.scratch;
  Range rows[kRows], all{kKeyChunk, 0}, common{0, kKeyChunk};
  for (int r = 0; r < kRows; ++r) {
    rows[r] = in_chunk(keys_seen(args, tiled.begin + first + r), chunk);
    all = {smaller(all.begin, rows[r].begin), larger(all.end, rows[r].end)};
    common = {larger(common.begin, rows[r].begin), smaller(common.end, rows[r].end)};
  }
  if (all.empty()) return;

  const float* q = args.q + (tiled.begin + first) * args.q_stride + tiled.head * args.head_dim;
  product<kRows, Start::kZero>(rounded_up(all.end, Floats::kLanes), {q, args.q_stride, 1}, scratch.keys, kKeyChunk, args.head_dim, scratch.probs,
                               kKeyChunk);

  alignas(64) float new_max[Floats::kLanes] = {}, chunk_sum[Floats::kLanes] = {}, factor[Floats::kLanes];
  for (int r = 0; r < kRows; ++r) {
    const Rescale row = softmax_row(tiled, scratch.probs + r * kKeyChunk, rows[r], scratch.max[first + r],
                                    tiled.begin + first + r, chunk);
    new_max[r] = row.max;
    chunk_sum[r] = row.sum;
  }
  // Where nothing has been seen yet both maxima are -inf, and the sums are 0 whatever the factor.
  const Floats next = Floats::load(new_max), minus_infinity = Floats::broadcast(-__builtin_inff());
  const Floats shift = select(equal(next, minus_infinity), Floats::zero(), next);
  const Floats factors = exp_of_shifted(Floats::load(scratch.max + first) - shift);
  factors.store(factor);
  fma(Floats::load(scratch.sum + first), factors, Floats::load(chunk_sum)).store(scratch.sum + first, kRows);
  next.store(scratch.max + first, kRows);

  float* mixed = scratch.mixed + first * tiled.padded_dim;
  if (finite || (common.begin == all.begin && common.end == all.end)) {
    product<kRows, Start::kScaled>(tiled.padded_dim, {scratch.probs + all.begin, kKeyChunk, 1},
                                   scratch.values + all.begin * tiled.padded_dim, tiled.padded_dim, all.end - all.begin,
                                   mixed, tiled.padded_dim, factor);
    return;
  }
  // A value is infinite or NaN and not every query of the block sees it: 0 times it would not be 0.
  for (int r = 0; r < kRows; ++r)
    if (!rows[r].empty())
      product<1, Start::kScaled>(tiled.padded_dim, {scratch.probs + r * kKeyChunk + rows[r].begin, kKeyChunk, 1},
                                 scratch.values + rows[r].begin * tiled.padded_dim, tiled.padded_dim,
                                 rows[r].end - rows[r].begin, mixed + r * tiled.padded_dim, tiled.padded_dim, factor + r);
}

void finish(const Tiled& tiled, int64_t count) {
  const Args& args = tiled.args;
  for (int64_t first = 0; first < count; first += Floats::kLanes) {
    const Floats sums = Floats::load(tiled.scratch.sum + first);
    const Floats empty_as_one = select(equal(sums, Floats::zero()), Floats::broadcast(1), sums);
    (Floats::broadcast(1) / empty_as_one).store(tiled.scratch.sum + first);
    (Floats::load(tiled.scratch.max + first) + log(sums)).store(tiled.scratch.max + first);
  }
  for (int64_t i = 0; i < count; ++i) {
    const float* mixed = tiled.scratch.mixed + i * tiled.padded_dim;
    float* out = args.out + (tiled.begin + i) * args.out_stride + tiled.head * args.head_dim;
    const Floats factor = Floats::broadcast(tiled.scratch.sum[i]);
    // Adding 0 makes one zero of the two, which sums of nothing but zeros may differ in.
    for (int64_t x = 0; x < args.head_dim; x += Floats::kLanes)
      ((Floats::load(mixed + x) + Floats::zero()) * factor).store(out + x, args.head_dim - x);
    if (args.lse) args.lse[(tiled.begin + i) * args.num_heads + tiled.head] = tiled.scratch.max[i];
  }
}

template <class Element>
void attend(const Args& args, int64_t head, int64_t query_begin, int64_t query_end, Scratch& scratch) {
  const int64_t kv_head = head / (args.num_heads / args.num_kv_heads);
  for (int64_t begin = query_begin; begin < query_end; begin += kTileQueries) {
    const int64_t count = smaller(kTileQueries, query_end - begin);
    const Tiled tiled{args, head, kv_head, begin, rounded_up(args.head_dim, Floats::kLanes), RelativeBias(args, head), PatternMask(args, head), scratch};
    for (int64_t i = 0; i < count * tiled.padded_dim; i += Floats::kLanes) Floats::zero().store(scratch.mixed + i);
    for (int64_t i = 0; i < count; i += Floats::kLanes) {
      Floats::broadcast(-__builtin_inff()).store(scratch.max + i);
      Floats::zero().store(scratch.sum + i);
    }
    const Range chunks = chunks_seen(args, begin, begin + count);
    for (int64_t chunk = chunks.begin; chunk < chunks.end; ++chunk) {
      pack_transposed<Element>(args, args.kv.k, kv_head, chunk, scratch.keys);
      const bool finite = pack_rows_of_chunk<Element>(args, args.kv.v, kv_head, chunk, scratch.values);
      for (int64_t first = 0; first < count; first += kBlockQueries)
        with_rows<kBlockQueries>(count - first, [&]<int kRows>() { attend_block<kRows>(tiled, chunk, first, finite); });
    }
    finish(tiled, count);
  }
}

}  // namespace

attention_fn<float> attention;

void attention(const Args& args, int64_t head, int64_t query_begin, int64_t query_end, void* scratch) {
  Scratch& own = *static_cast<Scratch*>(scratch);
  switch (args.kv.dtype) {
    case DType::bf16: return attend<Bf16>(args, head, query_begin, query_end, own);
    case DType::f16: return attend<F16>(args, head, query_begin, query_end, own);
    default: return attend<float>(args, head, query_begin, query_end, own);
  }
}

}  // namespace orrery::cpu::ORRERY_ISA
