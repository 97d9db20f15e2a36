// A tile of rows, which go over the chunks of keys together, and the scratch of one call (attention.cpp).
#pragma once

#include "kernels/cpu/attention_codes.h"
#include "kernels/cpu/attention_pairs.h"

namespace orrery::cpu::ORRERY_ISA {

// Slivers of rows that are softened together, enough that the steps between products do not wait for each other. With 16 registers there are
// more, as a chunk's keys and its values do not fit the nearest cache together, and come to it once for all of them.
constexpr int64_t kBlockSlivers = kAccumulators == 28 ? 2 : 8;
constexpr int64_t kMostBlockRows = kAccumulators == 28 ? 16 : kBlockSlivers * kBlockQueries;   // 16 of tiles, or two slivers of heads
constexpr int64_t kMostTileRows = kAttentionTileRows, kTileFloats = 4 * 48 * kMaxHeadDim;   // of narrow heads more rows have room
static_assert(kMostBlockRows % Floats::kLanes == 0 && kBlockSlivers * kBlockHeads <= kMostBlockRows && 48 % kMostBlockRows == 0 && 48 % kBlockQueries == 0);

// Rows of a tile: the more, the fewer times a chunk is packed.
inline int64_t tile_rows(int64_t padded_dim) { return smaller(kMostTileRows, kTileFloats / padded_dim / 48 * 48); }

// What rows have seen so far.
struct Folded {
  float mixed[kTileFloats];                   // o, [row][padded_dim]
  float max[kMostTileRows + Floats::kLanes];    // m; read and written by whole vectors
  float power[kMostTileRows + Floats::kLanes];  // m log2 e, rounded as what is multiplied by late_power
  float sum[kMostTileRows + Floats::kLanes];  // l
  float spread[kMostTileRows + Floats::kLanes];  // sum_j p_j (s_j - m) log2 e   of these two, where statistics are wanted
  float mass[kMostTileRows + Floats::kLanes];    // sum over sinks j of p_j

  void clear(int64_t rows, int64_t padded_dim) {
    for (int64_t i = 0; i < rows * padded_dim; i += Floats::kLanes) Floats::zero().store(mixed + i);
    for (int64_t i = 0; i < rows; i += Floats::kLanes) {
      Floats::broadcast(-__builtin_inff()).store(max + i);
      Floats::broadcast(-__builtin_inff()).store(power + i);
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
  alignas(64) float queries[kTileFloats];   // [row][words_of the head], or [row][head_dim]
  // Of products of bf16:
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
  float* probs = scratch.probs;   // s, then p, of the block's rows from one of them on; and rounded, in pairs:
  float* paired_probs = scratch.paired_probs;
  bool alike = false;        // all rows see the same of the chunk
  Seen seen{};               // the first of them
  int64_t keys_ahead = 0, values_ahead = 0;   // elements from a chunk to the next, which is asked for line by line, to L2: more than the nearest cache holds

  void go_to(int64_t row) {   // products are of the block's rows from this one on
    probs = scratch.probs + row * kKeyChunk;
    paired_probs = scratch.paired_probs + row * pairs_in(kKeyChunk);
  }
};

// What rows see of a chunk together.
struct Hull {
  Range all{kKeyChunk, 0};   // holds what any of them sees
  bool same = true;          // each sees just that

  Hull(const Tiled& tiled, const Seen* rows, int64_t count) {
    if (tiled.alike) count = 1;
    Range common{0, kKeyChunk};
    for (int64_t r = 0; r < count; ++r) {
      const Range hull = rows[r].hull();
      all = {smaller(all.begin, hull.begin), larger(all.end, hull.end)};
      common = {larger(common.begin, hull.begin), smaller(common.end, hull.end)};
      same &= rows[r].sinks <= 0;
    }
    same &= common.begin == all.begin && common.end == all.end;
  }
};

// What each of the rows that are softened together sees of a chunk.
struct BlockRows {
  Seen seen[kMostBlockRows];

  BlockRows(const Tiled& tiled, int64_t first, int64_t count, int64_t chunk) {
    for (int64_t r = 0; r < count; ++r) seen[r] = tiled.alike ? tiled.seen : in_chunk(keys_seen(tiled.args, tiled.rows.query_of(first + r)), chunk);
  }
};

}  // namespace orrery::cpu::ORRERY_ISA
