// Fused attention of one sequence, without ever holding the [queries, keys] matrix.
//
//   s[i, j] = cap(scale * <q_i, k_j>) + bias[head, j - i] - slope[head] |j - i|   for the keys j that query i may see (below); -inf otherwise
//   lse_i = log(sum_j exp(s[i, j]) + exp(sink[head]))      p[i, j] = exp(s[i, j] - lse_i)      out_i = sum_j keep(i, j) p[i, j] v_j
//
// Query i stands at absolute position query_start + i. It sees key j if j < num_keys, and (causal) j <= query_start + i,
// and (window > 0) j > query_start + i - window or j < sink_tokens. A query that sees nothing gives zeros and lse = -inf (sink[head]).
// Each of the following is absent where it is null or 0:
//   cap       cap(x) = softcap tanh(x / softcap) (Gemma 2, Rivière et al. 2024, 2.2)
//   bias      hangs on the distance of key and query alone (Raffel et al. 2020, 2.1)
//   slopes    a penalty in proportion to the distance (Press et al. 2022, ALiBi): alibi_slope
//   sinks     a logit for each head that takes its share of the softmax and has no value (gpt-oss, OpenAI 2025; Miller 2023)
//   sink_tokens   keys that stay seen when the window has left them (Xiao et al. 2024, StreamingLLM)
// Products of bf16 (bf16_products; T = float, and keys not in i8): q, k, v, p and what gradients multiply are rounded to bf16, and two
// neighbours of the sum at a time - of the head, or of keys, or of queries - multiply as matmul.h's pairs do; the softmax and the sums stay float.
// l sums what p was before it is rounded. In class amx a chunk's products with values start from 0 and are added to o's rescaled sum as a whole.
//
// Dao et al. 2022/2023 (online softmax, recomputation in the backward pass from the kept log-sum-exp).
//
// Same bits. Keys are taken in chunks of kKeyChunk at absolute positions (chunk c holds keys c*kKeyChunk ...), merged in
// ascending order: running maximum, then rescale, then add. So many chunks make a part of kKeyPart keys, which starts from nothing, and
// parts are merged the same way: they may be computed by several threads. Inside a chunk lanes are fixed by the absolute position too,
// and keys that are not seen contribute exact zeros. So a query's output is the same bits whether it is computed alone
// with a cache, in a chunk of a prompt, or with the whole prompt, however its keys are stored. Chunks in which the query
// sees nothing are skipped or change nothing. (Gradients do not promise this: a key, a value or a dout that is not finite may reach the gradients
// of its neighbours, seen or not.)
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/dtype.h"

namespace orrery {

constexpr int64_t kKeyChunk = 64;
constexpr int64_t kKeyPart = 16 * kKeyChunk;

// A cache in q8_0 (DType::i8): along a head, so many elements are whole numbers that share a half as their scale. Its product with
// a number is exact in float.
constexpr int64_t kScaledElements = 32;
constexpr int64_t scales_of_head(int64_t head_dim) { return (head_dim + kScaledElements - 1) / kScaledElements; }

// Keys and values of one sequence: contiguous rows, or blocks of a paged cache.
struct KeyValueView {
  const void* k = nullptr;              // element x of token j: offset of_key(kv_head, j, x)
  const void* v = nullptr;              //                              at(kv_head, j) + x
  DType dtype = DType::f32;             // of k and v: T's own dtype, or bf16/f16 for T = float; i8: q8_0 of turned blocks, strides in bytes
  int64_t token_stride = 0;             // elements between neighbouring tokens (of one block)
  int64_t head_stride = 0;              //          between heads: of a token, or of a block
  const int32_t* blocks = nullptr;      // null: row(j) = j * token_stride
  int64_t block_size = 0;               // tokens in a block; else row(j) = blocks[j / block_size] * block_stride
  int64_t block_stride = 0;             //                             + (j % block_size) * token_stride
  bool keys_turned = false;             // of a block and head: keys [head_dim][block_size], as scores read them
  int64_t scales = 0;                   // i8: from there to its halfs, of keys [scales_of_head][block_size], of values the other way round

  // Inlined always: kernels of any instruction set call them, and the linker would keep one copy for all.
  [[gnu::always_inline]] int64_t at(int64_t kv_head, int64_t j) const {
    const int64_t row = blocks ? int64_t(blocks[j / block_size]) * block_stride + (j % block_size) * token_stride : j * token_stride;
    return row + kv_head * head_stride;
  }
  [[gnu::always_inline]] int64_t of_key(int64_t kv_head, int64_t j, int64_t x) const {
    if (!keys_turned) return at(kv_head, j) + x;
    return head_part(kv_head, j) + x * block_size + j % block_size;
  }
  // i8: a head's part of the block that holds token j (token_stride is head_dim), and what is in it.
  [[gnu::always_inline]] int64_t head_part(int64_t kv_head, int64_t j) const { return int64_t(blocks[j / block_size]) * block_stride + kv_head * head_stride; }
  [[gnu::always_inline]] float scaled_key(int64_t kv_head, int64_t j, int64_t x) const {
    return half_at(k, head_part(kv_head, j) + scales + 2 * (x / kScaledElements * block_size + j % block_size)) * float(static_cast<const int8_t*>(k)[of_key(kv_head, j, x)]);
  }
  [[gnu::always_inline]] float scaled_value(int64_t kv_head, int64_t j, int64_t x) const {
    return half_at(v, head_part(kv_head, j) + scales + 2 * (j % block_size * scales_of_head(token_stride) + x / kScaledElements)) * float(static_cast<const int8_t*>(v)[at(kv_head, j) + x]);
  }
  [[gnu::always_inline]] static float half_at(const void* data, int64_t byte) {   // aligned or not
    uint16_t bits;
    std::memcpy(&bits, static_cast<const std::byte*>(data) + byte, sizeof bits);
    return f16_to_float(bits);
  }
};

// Dropout on the pattern: keep(i, j) is 0 with the probability, else 1 / (1 - probability), from
// philox(seed, {stream, sequence, (query_start + i), head << 24 ^ j / 4}) component j % 4 (uniform(bits) < probability drops).
struct PatternDropout {
  float probability = 0;
  uint64_t seed = 0;
  uint32_t stream = 0, sequence = 0;
};

// What a query's row is like, [query, heads] each, made beside the output where a pointer is given: the bits of the output are
// the same. Before dropout.
template <class T>
struct AttentionStatistics {
  T* entropy = nullptr;                 // -sum p log p, the sink's share with it; 0 of a row that sees nothing
  T* sink_mass = nullptr;               // the sink's share; where there is none, that of the first sink_tokens keys, at least one
  T* max_score = nullptr;               // the largest s; -inf of a row that sees nothing
  bool wanted() const { return entropy || sink_mass || max_score; }
};

// The slope of a head by Press et al. 2022: 2^(-largest (h + 1) / n) for n heads, a power of two; for other numbers those of the power of two
// below it and then every second one of the power above it.
inline double alibi_slope(int64_t head, int64_t num_heads, double largest = 8) {
  int64_t power = 1;
  while (2 * power <= num_heads) power *= 2;
  return head < power ? std::exp2(-largest * double(head + 1) / double(power)) : std::exp2(-largest * double(2 * (head - power) + 1) / double(2 * power));
}

template <class T>
struct Attention {
  const T* q = nullptr;                 // query i, head h: q + i * q_stride + h * head_dim
  int64_t q_stride = 0;
  KeyValueView kv;
  T* out = nullptr;                     // [query, heads, head_dim], stride out_stride
  int64_t out_stride = 0;
  T* lse = nullptr;                     // [query, heads], may be null
  int64_t num_queries = 0, query_start = 0, num_keys = 0;
  int64_t num_heads = 0, num_kv_heads = 0, head_dim = 0;  // head h reads key/value head h / (num_heads / num_kv_heads)
  T scale = 1;
  bool causal = false;
  int64_t window = 0;                   // 0: no window
  int64_t sink_tokens = 0;              // of no account without a window
  T softcap = 0;
  const T* slopes = nullptr;            // [num_heads]
  const T* sinks = nullptr;             // [num_heads]
  // bias[h * (2 * bias_reach + 1) + bias_reach + d] for the distance d = j - (query_start + i); beyond the reach, as at it.
  const T* bias = nullptr;
  int64_t bias_reach = 0;
  PatternDropout dropout;
  bool bf16_products = false;           // of no account for T = double
  AttentionStatistics<T> statistics;    // of attention, attention_step and attention_part with attention_merge
};

// Scratch of the attention kernels for a head_dim up to 256 (64-byte aligned); head_dim above 256 is refused earlier.
constexpr int64_t kAttentionScratchBytes = int64_t(2) << 20;

// The queries [query_begin, query_end) of head `head` (indices into the sequence's num_queries).
// A caller splits long prompts in tiles of any size: bits do not depend on it. attention_tile_rows: large ones, for which keys are made ready
// fewer times, where that leaves some for each thread.
constexpr int64_t kAttentionTileRows = 768;   // for so many queries at once, at most
inline int64_t attention_tile_rows(int64_t num_queries, int64_t num_heads, int threads) {
  return std::clamp(num_queries * num_heads / (8 * threads) / 48 * 48, int64_t(96), kAttentionTileRows);
}
template <class T>
using attention_fn = void(const Attention<T>& args, int64_t head, int64_t query_begin, int64_t query_end, void* scratch);

// The only query (num_queries is 1) of all heads that read key/value head `kv_head`, whose keys and values are read once for them:
// a step of decoding. The bits of `attention` (in class amx but for sums near 2^-126: matmul.h).
template <class T>
using attention_step_fn = void(const Attention<T>& args, int64_t kv_head, void* scratch);

// The same shared out: part `part` of the keys, [part kKeyPart, (part + 1) kKeyPart), for the heads that read kv_head, and then
// all parts in which the query sees keys, states[part][head of the group], merged in order into out, lse and statistics. (The references compute all in
// the merge.) A state is o [head_dim] relative to the largest score m, then, from state_width(head_dim) - 5 on, m log2 e, two sums for the statistics, m and the sum l. They use the first half of the scratch.
constexpr int64_t state_width(int64_t head_dim) { return (head_dim + 15) / 16 * 16 + 16; }
template <class T>
using attention_part_fn = void(const Attention<T>& args, int64_t kv_head, int64_t part, T* states, void* scratch);
template <class T>
using attention_merge_fn = void(const Attention<T>& args, int64_t kv_head, int64_t parts, const T* states, void* scratch);
// The first key that the query sees.
template <class T>
int64_t first_key_seen(const Attention<T>& args) {
  return args.window > 0 && args.sink_tokens == 0 && args.query_start - args.window + 1 > 0 ? args.query_start - args.window + 1 : 0;
}
template <class T>
int64_t last_key_seen(const Attention<T>& args) {   // one behind it
  return args.causal && args.query_start + 1 < args.num_keys ? args.query_start + 1 : args.num_keys;
}

// pattern[(i - query_begin) * num_keys + j] = p[i, j] from q, k and the kept lse, for looking inside (no dropout).
template <class T>
using attention_pattern_fn = void(const Attention<T>& args, int64_t head, int64_t query_begin, int64_t query_end,
                                  T* pattern, void* scratch);

// Gradients for one key/value head and all the query heads that read it, over the whole sequence:
//   D_i = <dout_i, out_i>,  dP = keep * dout v^T,  dS = p * (dP - D),  dT = scale cap' dS,  dq = dT k,  dk = dT^T q,  dv = (keep p)^T dout
// with cap' = 1 - tanh(scale <q, k> / softcap)^2, or 1. dbias += dS, at the distance of i and j, in the order of chunks, queries
// and keys (of a chunk); dsinks -= exp(sink - lse_i) D_i, in the order of queries.
// dq, dk, dv are overwritten. Sums run over ascending query positions (dk, dv; heads of the group ascending, outermost)
// and ascending keys (dq). k and v have dtype T here, contiguous (blocks == null); query_start is 0 or keys come first
// as in cross-attention (causal == false).
template <class T>
struct AttentionBackward {
  Attention<T> forward;                 // with out and lse filled by the forward pass
  const T* dout = nullptr;              // stride dout_stride
  int64_t dout_stride = 0;
  T* dq = nullptr;                      // stride dq_stride
  int64_t dq_stride = 0;
  T* dk = nullptr;                      // token j, kv head g: dk + j * dkv_stride + g * head_dim
  T* dv = nullptr;
  int64_t dkv_stride = 0;
  T* dbias = nullptr;                   // as forward.bias; may be null
  T* dsinks = nullptr;                  // as forward.sinks; may be null
};
template <class T>
using attention_backward_fn = void(const AttentionBackward<T>& args, int64_t kv_head, T* delta /* [num_queries] */,
                                   void* scratch);

}  // namespace orrery
