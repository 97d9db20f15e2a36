// The pattern of attention from the queries, the keys and the kept log-sum-exp: p = e^(s - lse). Scores are made by the
// forward pass's product, so they are its bits (of products of bf16 in class amx, nearly: these are by pairs).
#include "kernels/cpu/attention_codes.h"
#include "kernels/cpu/attention_pairs.h"

namespace orrery::cpu::ORRERY_ISA {
namespace {

struct Scratch {
  float keys[kMaxHeadDim * kKeyChunk];                // [head_dim][kKeyChunk], or in pairs
  float scores[kBlockQueries * kKeyChunk];
  float queries[kBlockQueries * kMaxHeadDim], spare[kKeyChunk * pairs_in(kMaxHeadDim)];   // of products of bf16
};
static_assert(sizeof(Scratch) <= size_t(kAttentionScratchBytes));

// Queries [begin, begin + kRows) against the packed chunk; pattern is at query begin's row.
template <int kRows, class Step>
void pattern_block(const Args& args, int64_t head, int64_t begin, int64_t chunk, float* pattern, Scratch& scratch) {
  const int64_t first_key = chunk * kKeyChunk, count = smaller(kKeyChunk, args.num_keys - first_key);
  TileA queries{args.q + begin * args.q_stride + head * args.head_dim, args.q_stride, 1};
  const int64_t steps = words_of<Step>(args.head_dim);
  if constexpr (kRounded<Step>) {
    ready_rows<Step>(queries.data, queries.row_stride, kRows, args.head_dim, scratch.queries);
    queries = {scratch.queries, steps, 1};
  }
  product<kRows, Start::kZero>(kKeyChunk, queries, reinterpret_cast<const Step*>(scratch.keys), kKeyChunk, steps, scratch.scores, kKeyChunk);
  const ScoreRule rule(args, head);
  for (int r = 0; r < kRows; ++r) {
    const Seen seen = in_chunk(keys_seen(args, begin + r), chunk);
    const Floats lse = Floats::broadcast(args.lse[(begin + r) * args.num_heads + head]);
    for (int64_t v = 0; v < kChunkVectors; ++v) {
      const int64_t j = v * Floats::kLanes;
      const Floats p = exp2_of_shifted((rule.score(Floats::load(scratch.scores + r * kKeyChunk + j), begin + r, chunk, v) - lse) * constant(kLog2E));
      mask_lanes(lanes_seen(seen, v), p).store(pattern + r * args.num_keys + first_key + j, count - j);
    }
  }
}

template <class Element, class Step>
void patterns(const Args& args, int64_t head, int64_t query_begin, int64_t query_end, float* pattern, Scratch& scratch) {
  const int64_t kv_head = head / (args.num_heads / args.num_kv_heads);
  for (int64_t chunk = 0; chunk * kKeyChunk < args.num_keys; ++chunk) {
    ready_keys<Element, Step>(args, args.kv.k, args.kv.keys_turned, kv_head, chunk, scratch.keys, scratch.spare);
    for (int64_t i = query_begin; i < query_end; i += kBlockQueries)
      with_rows<kBlockQueries>(query_end - i, [&]<int kRows>() {
        pattern_block<kRows, Step>(args, head, i, chunk, pattern + (i - query_begin) * args.num_keys, scratch);
      });
  }
}

template <class Step>
[[gnu::noinline]] void patterns_of(const Args& args, int64_t head, int64_t query_begin, int64_t query_end, float* pattern, Scratch& scratch) {
  switch (args.kv.dtype) {
    case DType::bf16: return patterns<Bf16, Step>(args, head, query_begin, query_end, pattern, scratch);
    case DType::i8:
      if constexpr (!kRounded<Step>) return patterns<Code, Step>(args, head, query_begin, query_end, pattern, scratch);
      return;   // with_step takes floats
    case DType::f16: return patterns<F16, Step>(args, head, query_begin, query_end, pattern, scratch);
    default: return patterns<float, Step>(args, head, query_begin, query_end, pattern, scratch);
  }
}

}  // namespace

attention_pattern_fn<float> attention_pattern;

void attention_pattern(const Args& args, int64_t head, int64_t query_begin, int64_t query_end, float* pattern,
                       void* scratch) {
  with_step(args, [&]<class Step>(Step) { patterns_of<Step>(args, head, query_begin, query_end, pattern, *static_cast<Scratch*>(scratch)); });
}

}  // namespace orrery::cpu::ORRERY_ISA
