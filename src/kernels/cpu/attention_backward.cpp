// Gradients of fused attention (kernels/attention.h), by recomputing the probabilities from the kept log-sum-exp. For each
// head, chunks of keys are outermost: a chunk's dk and dv stay in the scratch while the queries that see it pass by in
// tiles, and dq goes on from chunk to chunk. All five products run in register tiles, over
//
//   s = q k^T     dp = dout v^T     dq += ds k     dk += ds^T q     dv += (keep p)^T dout
//
// of floats, or of pairs of bf16, or of rounded floats in the order of pairs: neighbours in the head, of keys, or of queries (counted from the tile's first one); these also in tiles of
// pairs, where a processor has them.
#include "kernels/cpu/attention_chunk.h"
#include "kernels/cpu/attention_pairs.h"
#ifdef ORRERY_ISA_avx512
#include "kernels/cpu/attention_tiles_avx512.h"
#endif

namespace orrery::cpu::ORRERY_ISA {
namespace {

constexpr int64_t kTileQueries = 16 * kBlockQueries;
constexpr int64_t kMostBlockRows = 16;   // of tiles
static_assert(kTileQueries % (2 * kMostBlockRows) == 0);   // whole blocks, and whole tiles of their pairs

struct Scratch {
  // Of the chunk; in pairs, where products are of bf16, but for the sums.
  float keys_transposed[kMaxHeadDim * kKeyChunk], values_transposed[kMaxHeadDim * kKeyChunk];  // [head_dim][kKeyChunk]
  float keys[kKeyChunk * kMaxHeadDim];                                                         // [kKeyChunk][padded_dim]
  float dk[kKeyChunk * kMaxHeadDim], dv[kKeyChunk * kMaxHeadDim];
  // Of the tile of queries.
  float q[kTileQueries * kMaxHeadDim], dout[kTileQueries * kMaxHeadDim];                       // [query][padded_dim], or [pairs of queries][padded_dim]
  float probs[kTileQueries * kKeyChunk], dscores[kTileQueries * kKeyChunk];                    // keep p and ds
  // Of pairs: along the head, along keys, and of neighbouring queries.
  float q_rows[kTileQueries * pairs_in(kMaxHeadDim)], dout_rows[kTileQueries * pairs_in(kMaxHeadDim)];
  alignas(64) float dscore_rows[kMostBlockRows * pairs_in(kKeyChunk)];
  float paired_probs[pairs_in(kTileQueries) * kKeyChunk], paired_dscores[pairs_in(kTileQueries) * kKeyChunk];
  // Of tiles.
  alignas(64) float sums[kMostBlockRows * kMaxHeadDim];       // of a block's dq
  alignas(64) float turned[kKeyChunk * pairs_in(kTileQueries)];   // [key][pairs of queries]
};
static_assert(sizeof(Scratch) <= size_t(kAttentionScratchBytes));

struct Pass {
  const AttentionBackward<float>& args;
  const Args& forward;
  int64_t head, kv_head, padded_dim;
  const float* delta;
  ScoreRule rule;
  float* dbias;   // of distance 0; null where nobody wants it
  PatternMask dropout;
  Scratch& scratch;
};

// The queries that see any of the keys [begin, end).
Range queries_seeing(const Args& args, int64_t begin, int64_t end) {
  return {args.causal ? larger(0, begin - args.query_start) : 0,
          args.window > 0 && begin >= args.sink_tokens ? smaller(args.num_queries, end - 1 + args.window - args.query_start) : args.num_queries};
}

// From the scores and dp of query i (in scratch rows r) to keep p and ds.
void score_gradients(const Pass& pass, int64_t i, int64_t r, const Seen& seen, int64_t chunk) {
  const Args& forward = pass.forward;
  const Floats scale = Floats::broadcast(forward.scale), delta = Floats::broadcast(pass.delta[i]);
  const Floats factor = Floats::broadcast((pass.rule.capped() ? forward.softcap : forward.scale) * kLog2E);
  const Floats lse = Floats::broadcast(forward.lse[i * forward.num_heads + pass.head]), plain_shift = lse * constant(-kLog2E);
  float* probs = pass.scratch.probs + r * kKeyChunk;
  float* dscores = pass.scratch.dscores + r * kKeyChunk;
  constexpr Vectors<kSoftened> kSome;
#pragma GCC unroll 2
  for (int64_t v = 0; v < kChunkVectors; v += kSoftened) {
    const int64_t at = v * Floats::kLanes;
    Several<Mask<float>, kSoftened> lanes;
    Several<Floats, kSoftened> keep, shift, derivative, product = load(probs + at, kSome);
#pragma GCC unroll 4
    for (int x = 0; x < kSoftened; ++x) {
      lanes.of[x] = lanes_seen(seen, v + x);
      keep.of[x] = Floats::broadcast(1);
      shift.of[x] = pass.rule.by_distance() ? pass.rule.add_distances(-lse, i, chunk, v + x) * constant(kLog2E) : plain_shift;
      derivative.of[x] = scale;
    }
    if (pass.dropout.active())
#pragma GCC unroll 2
      for (int x = 0; x < kSoftened; x += 2) pass.dropout.pair(i, chunk, v + x, keep.of[x], keep.of[x + 1]);
    if (pass.rule.capped()) {
      product = pass.rule.capped_part(product);
      derivative = fnma(product * product, scale, scale);
    }
    const auto p = exp2_of_shifted(fma(product, factor, shift));
    const auto dp = load(dscores + at, kSome) * keep;
    store(probs + at, mask_lanes(lanes, p * keep), kSome);
    const auto ds = mask_lanes(lanes, p * (dp - delta));
    store(dscores + at, mask_lanes(lanes, ds * derivative), kSome);   // what is not seen may be anything
    if (pass.dbias)
      for (int x = 0; x < kSoftened; ++x) pass.rule.bias.add(pass.dbias, pass.rule.bias.distance(i, chunk, v + x), ds.of[x]);
  }
}

// Rows `first` and on of the tile, which starts at query `begin`: their probabilities and ds, and what they add to dq.
template <int kRows, class Step>
void query_block(const Pass& pass, int64_t begin, int64_t first, int64_t chunk) {
  const Args& forward = pass.forward;
  Scratch& scratch = pass.scratch;
  const int64_t dim = forward.head_dim, padded = pass.padded_dim;
  Seen rows[kRows];
  Range all{kKeyChunk, 0};
  for (int r = 0; r < kRows; ++r) {
    rows[r] = in_chunk(keys_seen(forward, begin + first + r), chunk);
    const Range hull = rows[r].hull();
    all = {smaller(all.begin, hull.begin), larger(all.end, hull.end)};
  }
  float* probs = scratch.probs + first * kKeyChunk;
  float* dscores = scratch.dscores + first * kKeyChunk;
  const int64_t columns = rounded_up(all.end, Floats::kLanes);
  const int64_t steps = words_of<Step>(dim), stride = kPaired<Step> ? steps : padded;
  const auto scores = [&](const float* from, const float* transposed, float* to) {
    product<kRows, Start::kZero>(columns, {from + first * stride, stride, 1}, reinterpret_cast<const Step*>(transposed), kKeyChunk, steps, to, kKeyChunk);
  };
  scores(kPaired<Step> ? scratch.q_rows : scratch.q, scratch.keys_transposed, probs);
  scores(kPaired<Step> ? scratch.dout_rows : scratch.dout, scratch.values_transposed, dscores);
  for (int r = 0; r < kRows; ++r) score_gradients(pass, begin + first + r, first + r, rows[r], chunk);
  if constexpr (kInTwos<Step>) {
    round_all(probs, kRows * kKeyChunk);
    round_all(dscores, kRows * kKeyChunk);
  }
  if (all.empty()) return;
  float* dq = pass.args.dq + (begin + first) * pass.args.dq_stride + pass.head * dim;
  TileA factors{dscores, kKeyChunk, 1};
  if constexpr (kPaired<Step>) {
    ready_rows<Step>(dscores, kKeyChunk, kRows, kKeyChunk, scratch.dscore_rows);
    factors = {scratch.dscore_rows, pairs_in(kKeyChunk), 1};
  }
  const Range keys = steps_of<Step>(all);
  product<kRows, Start::kOnto>(dim, factors.from(keys.begin), reinterpret_cast<const Step*>(scratch.keys + keys.begin * padded), padded, keys.end - keys.begin, dq, pass.args.dq_stride);
}

// What the tile of `count` queries from `begin` adds to the chunk's dk and dv, a block of keys at a time.
template <class Step>
void key_blocks(const Pass& pass, int64_t begin, int64_t count, int64_t chunk, int64_t num_keys) {
  Scratch& scratch = pass.scratch;
  const int64_t padded = pass.padded_dim;
  if constexpr (kPaired<Step>) {
    pair_rows_of<Step>(scratch.probs, kKeyChunk, count, kKeyChunk, kKeyChunk, scratch.paired_probs);
    pair_rows_of<Step>(scratch.dscores, kKeyChunk, count, kKeyChunk, kKeyChunk, scratch.paired_dscores);
  }
  if (kInTwos<Step> && count % 2) {
    clear_row(scratch.probs + count * kKeyChunk, kKeyChunk);
    clear_row(scratch.dscores + count * kKeyChunk, kKeyChunk);
  }
  for (int64_t j = 0; j < num_keys; j += kBlockQueries) {
    const int64_t first_key = chunk * kKeyChunk + j;
    const Range seeing = queries_seeing(pass.forward, first_key, first_key + smaller(kBlockQueries, num_keys - j));
    const Range rows{larger(0, seeing.begin - begin), smaller(count, seeing.end - begin)};
    if (rows.empty()) continue;
    with_rows<kBlockQueries>(num_keys - j, [&]<int kRows>() {
      // A pair of queries of which one does not see the keys: what it would add is 0.
      const Range steps = steps_of<Step>(rows);
      const auto add = [&](const float* factors, const float* queries, float* sums) {
        product<kRows, Start::kOnto>(padded, {factors + steps.begin * kKeyChunk + j, 1, kKeyChunk}, reinterpret_cast<const Step*>(queries + steps.begin * padded), padded, steps.end - steps.begin, sums + j * padded,
                                     padded);
      };
      add(kPaired<Step> ? scratch.paired_dscores : scratch.dscores, scratch.q, scratch.dk);
      add(kPaired<Step> ? scratch.paired_probs : scratch.probs, scratch.dout, scratch.dv);
    });
  }
}

#ifdef ORRERY_ISA_avx512
// The same of up to 16 rows, and of all keys, in tiles. Rows behind the last one may be anything.
void query_block_in_tiles(const Pass& pass, int64_t begin, int64_t first, int64_t count, int64_t chunk) {
  Scratch& scratch = pass.scratch;
  const int64_t dim = pass.forward.head_dim, words = words_of<InTiles>(dim);
  float* probs = scratch.probs + first * kKeyChunk;
  float* dscores = scratch.dscores + first * kKeyChunk;
  scores_in_tiles(scratch.q_rows + first * words, words, scratch.keys_transposed, probs);
  scores_in_tiles(scratch.dout_rows + first * words, words, scratch.values_transposed, dscores);
  for (int64_t r = 0; r < count; ++r) score_gradients(pass, begin + first + r, first + r, in_chunk(keys_seen(pass.forward, begin + first + r), chunk), chunk);
  ready_rows<InTiles>(dscores, kKeyChunk, count, kKeyChunk, scratch.dscore_rows);
  mix_in_tiles(scratch.dscore_rows, pairs_in(kKeyChunk), scratch.keys, pass.padded_dim, scratch.sums);
  for (int64_t r = 0; r < count; ++r) {
    float* dq = pass.args.dq + (begin + first + r) * pass.args.dq_stride + pass.head * dim;
    for (int64_t x = 0; x < dim; x += Floats::kLanes) (Floats::load(dq + x, dim - x) + Floats::load(scratch.sums + r * pass.padded_dim + x)).store(dq + x, dim - x);
  }
}
void key_blocks_in_tiles(const Pass& pass, int64_t count, int64_t num_keys) {
  Scratch& scratch = pass.scratch;
  const int64_t padded = pass.padded_dim, pairs = pairs_in(count), steps = rounded_up(pairs, kTileWords);
  const auto fill = [&](float* rows, int64_t width) {   // to whole tiles of pairs
    for (int64_t i = pairs * width; i < steps * width; i += Floats::kLanes) Floats::zero().store(rows + i);
  };
  const auto add = [&](const float* factors, float* paired, float* queries, float* sums) {
    pair_rows_of<InTiles>(factors, kKeyChunk, count, kKeyChunk, kKeyChunk, paired);
    fill(paired, kKeyChunk);
    fill(queries, padded);
    transpose(paired, kKeyChunk, steps, kKeyChunk, scratch.turned, steps);
    for (int64_t j = 0; j < num_keys; j += kMostBlockRows) mix_in_tiles<true>(scratch.turned + j * steps, steps, queries, padded, sums + j * padded);
  };
  add(scratch.dscores, scratch.paired_dscores, scratch.q, scratch.dk);
  add(scratch.probs, scratch.paired_probs, scratch.dout, scratch.dv);
}
#else
[[maybe_unused]] void query_block_in_tiles(const Pass&, int64_t, int64_t, int64_t, int64_t) {}
[[maybe_unused]] void key_blocks_in_tiles(const Pass&, int64_t, int64_t) {}
#endif

// to[r, x] = from[r, x], padded with zeros; or back.
void copy_padded(const float* from, int64_t stride, int64_t rows, int64_t dim, float* to) {
  const int64_t padded = rounded_up(dim, Floats::kLanes);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t x = 0; x < dim; x += Floats::kLanes) Floats::load(from + r * stride + x, dim - x).store(to + r * padded + x);
}
void copy_back(const float* from, int64_t rows, int64_t dim, float* to, int64_t stride) {
  const int64_t padded = rounded_up(dim, Floats::kLanes);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t x = 0; x < dim; x += Floats::kLanes) Floats::load(from + r * padded + x).store(to + r * stride + x, dim - x);
}

// The tile's rows from `from` on, in what the products read.
template <class Step>
void ready_queries(const float* from, int64_t stride, int64_t count, int64_t dim, float* queries, float* rows) {
  if constexpr (kPaired<Step>) {
    ready_rows<Step>(from, stride, count, dim, rows);
    pair_rows_of<Step>(from, stride, count, dim, rounded_up(dim, Floats::kLanes), queries);
  } else {
    copy_padded(from, stride, count, dim, queries);
    if constexpr (kInTwos<Step>) {
      const int64_t padded = rounded_up(dim, Floats::kLanes);
      round_all(queries, count * padded);
      if (count % 2) clear_row(queries + count * padded, padded);
    }
  }
}

template <class Step>
void chunk_gradients(const Pass& pass, int64_t chunk, bool first_head) {
  const Args& forward = pass.forward;
  Scratch& scratch = pass.scratch;
  const int64_t dim = forward.head_dim, first_key = chunk * kKeyChunk;
  const int64_t num_keys = smaller(kKeyChunk, forward.num_keys - first_key);
  ready_keys<float, Step>(forward, forward.kv.k, false, pass.kv_head, chunk, scratch.keys_transposed, scratch.q);
  ready_keys<float, Step>(forward, forward.kv.v, false, pass.kv_head, chunk, scratch.values_transposed, scratch.q);
  ready_values<float, Step>(forward, forward.kv.k, pass.kv_head, chunk, scratch.keys);
  float* dk = pass.args.dk + first_key * pass.args.dkv_stride + pass.kv_head * dim;
  float* dv = pass.args.dv + first_key * pass.args.dkv_stride + pass.kv_head * dim;
  if (first_head) {
    for (int64_t i = 0; i < num_keys * pass.padded_dim; i += Floats::kLanes) {
      Floats::zero().store(scratch.dk + i);
      Floats::zero().store(scratch.dv + i);
    }
  } else {
    copy_padded(dk, pass.args.dkv_stride, num_keys, dim, scratch.dk);
    copy_padded(dv, pass.args.dkv_stride, num_keys, dim, scratch.dv);
  }
  const Range queries = queries_seeing(forward, first_key, first_key + num_keys);
  for (int64_t begin = queries.begin; begin < queries.end; begin += kTileQueries) {
    const int64_t count = smaller(kTileQueries, queries.end - begin);
    ready_queries<Step>(forward.q + begin * forward.q_stride + pass.head * dim, forward.q_stride, count, dim, scratch.q, scratch.q_rows);
    ready_queries<Step>(pass.args.dout + begin * pass.args.dout_stride + pass.head * dim, pass.args.dout_stride, count, dim, scratch.dout, scratch.dout_rows);
    if constexpr (kTiled<Step>) {
      for (int64_t first = 0; first < count; first += kMostBlockRows) query_block_in_tiles(pass, begin, first, smaller(kMostBlockRows, count - first), chunk);
      key_blocks_in_tiles(pass, count, num_keys);
    } else {
      for (int64_t first = 0; first < count; first += kBlockQueries)
        with_rows<kBlockQueries>(count - first, [&]<int kRows>() { query_block<kRows, Step>(pass, begin, first, chunk); });
      key_blocks<Step>(pass, begin, count, chunk, num_keys);
    }
  }
  copy_back(scratch.dk, num_keys, dim, dk, pass.args.dkv_stride);
  copy_back(scratch.dv, num_keys, dim, dv, pass.args.dkv_stride);
}

// delta = <dout, out> of each query, and dq = 0.
void start_head(const AttentionBackward<float>& args, int64_t head, float* delta) {
  const Args& forward = args.forward;
  const int64_t dim = forward.head_dim;
  for (int64_t i = 0; i < forward.num_queries; ++i) {
    const float* out = forward.out + i * forward.out_stride + head * dim;
    const float* dout = args.dout + i * args.dout_stride + head * dim;
    float* dq = args.dq + i * args.dq_stride + head * dim;
    Floats dots[kFoldParts];
    for (int p = 0; p < kFoldParts; ++p) dots[p] = Floats::zero();
    for (int64_t x = 0; x < dim; x += Floats::kLanes) {
      Floats& dot = dots[x / Floats::kLanes % kFoldParts];
      dot = fma(Floats::load(dout + x, dim - x), Floats::load(out + x, dim - x), dot);
      Floats::zero().store(dq + x, dim - x);
    }
    for (int p = 1; p < kFoldParts; ++p) dots[0] = dots[0] + dots[p];
    delta[i] = sum(dots[0]);
    if (args.dsinks && forward.lse[i * forward.num_heads + head] > -__builtin_inff())
      args.dsinks[head] -= __builtin_expf(forward.sinks[head] - forward.lse[i * forward.num_heads + head]) * delta[i];
  }
}

template <class Step>
[[gnu::noinline]] void gradients(const AttentionBackward<float>& args, int64_t kv_head, float* delta, Scratch& scratch) {
  const Args& forward = args.forward;
  const int64_t group = forward.num_heads / forward.num_kv_heads;
  for (int64_t head = kv_head * group; head < (kv_head + 1) * group; ++head) {
    start_head(args, head, delta);
    float* dbias = args.dbias ? args.dbias + head * (2 * forward.bias_reach + 1) + forward.bias_reach : nullptr;
    const Pass pass{args,  forward, head, kv_head, rounded_up(forward.head_dim, Floats::kLanes), delta, ScoreRule(forward, head), dbias,
                    PatternMask(forward, head), scratch};
    for (int64_t chunk = 0; chunk * kKeyChunk < forward.num_keys; ++chunk)
      chunk_gradients<Step>(pass, chunk, head == kv_head * group);
  }
}

}  // namespace

attention_backward_fn<float> attention_backward;

void attention_backward(const AttentionBackward<float>& args, int64_t kv_head, float* delta, void* scratch) {
  with_step(args.forward, [&]<class Step>(Step) { gradients<Step>(args, kv_head, delta, *static_cast<Scratch*>(scratch)); });
}

#ifdef ORRERY_ISA_avx512
// The same with products of bf16 in tiles: the class "amx".
attention_backward_fn<float> attention_backward_in_tiles;

void attention_backward_in_tiles(const AttentionBackward<float>& args, int64_t kv_head, float* delta, void* scratch) {
  if (!takes_pairs(args.forward)) return attention_backward(args, kv_head, delta, scratch);
  const TinyIsZero tiny;
  const Tiles tiles;
  gradients<InTiles>(args, kv_head, delta, *static_cast<Scratch*>(scratch));
}
#endif

}  // namespace orrery::cpu::ORRERY_ISA
