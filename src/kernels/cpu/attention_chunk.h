// What attention's kernels share: which keys a query sees, a chunk of keys and values made ready for register tiles, and
// products of a few rows by columns of any number.
#pragma once

#include <type_traits>

#include "kernels/attention.h"
#include "kernels/cpu/philox.h"
#include "kernels/cpu/tile.h"
#include "kernels/cpu/transpose.h"
#include "kernels/cpu/vec_math.h"

namespace orrery::cpu::ORRERY_ISA {

using Args = Attention<float>;

constexpr int64_t kMaxHeadDim = 256;   // a wider one is refused earlier
constexpr int64_t kChunkVectors = kKeyChunk / Floats::kLanes;
// Rows of queries that go through the register tiles together.
constexpr int kBlockQueries = 6;
constexpr int kWideVectors = kAccumulators / kBlockQueries;  // 4 or 2: the widest tile of that many rows
// And rows of heads, whose keys and values are read where they lie: more of them make floats of those fewer times.
constexpr int kBlockHeads = kAccumulators == 28 ? 8 : kBlockQueries;

constexpr int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
constexpr int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

// A range [begin, end); empty when begin >= end.
struct Range {
  int64_t begin, end;
  bool empty() const { return begin >= end; }
};

// Keys [begin, end), and of those before them the first `sinks`.
struct Seen {
  int64_t begin, end, sinks;
  bool operator==(const Seen&) const = default;
  bool empty() const { return begin >= end && sinks <= 0; }
  bool whole() const { return begin <= 0 && end >= kKeyChunk; }   // of a chunk
  Range hull() const { return sinks <= 0 ? Range{begin, end} : Range{0, begin >= end ? sinks : end}; }
};

// The keys that query i sees.
inline Seen keys_seen(const Args& args, int64_t i) {
  const int64_t position = args.query_start + i, end = args.causal ? smaller(args.num_keys, position + 1) : args.num_keys;
  if (args.window <= 0) return {0, end, 0};
  const int64_t begin = larger(0, position - args.window + 1);
  if (args.sink_tokens >= begin) return {0, end, 0};
  return {begin, end, smaller(args.sink_tokens, larger(end, 0))};
}
// The part of them that lies in a chunk, counted from the chunk's first key.
inline Seen in_chunk(Seen keys, int64_t chunk) {
  const int64_t first = chunk * kKeyChunk;
  return {larger(keys.begin - first, 0), smaller(keys.end - first, kKeyChunk), smaller(keys.sinks - first, kKeyChunk)};
}
// The chunks of which queries [begin, end) see something; what keys_seen gives grows with the query.
inline Range chunks_seen(const Args& args, int64_t begin, int64_t end) {
  const Seen last = keys_seen(args, end - 1);
  const int64_t first = last.sinks > 0 ? 0 : keys_seen(args, begin).begin;
  return {first / kKeyChunk, last.end <= 0 ? 0 : (last.end + kKeyChunk - 1) / kKeyChunk};
}
// Does one of queries [begin, end) see anything of a chunk of chunks_seen? Between the sinks and the windows none does.
inline bool chunk_seen(const Args& args, int64_t begin, int64_t end, int64_t chunk) {
  return chunk * kKeyChunk < keys_seen(args, end - 1).sinks || chunk >= keys_seen(args, begin).begin / kKeyChunk;
}
// Lanes of vector v of a chunk that are seen.
inline Mask<float> lanes_seen(Seen seen, int64_t v) {
  const Mask<float> lanes = first_lanes<float>(seen.end - v * Floats::kLanes) & ~first_lanes<float>(seen.begin - v * Floats::kLanes);
  return seen.sinks <= 0 ? lanes : lanes | first_lanes<float>(seen.sinks - v * Floats::kLanes);
}

// f(row of the view, key, count) for runs of keys that are token_stride apart, among the `count` keys from `first` on. Keys count
// from `first`.
template <class F>
void each_run(const KeyValueView& kv, int64_t first, int64_t count, F f) {
  for (int64_t j = 0; j < count;) {
    int64_t run = count - j, row = (first + j) * kv.token_stride;
    if (kv.blocks != nullptr) {
      const int64_t token = first + j, inside = token % kv.block_size;
      row = int64_t(kv.blocks[token / kv.block_size]) * kv.block_stride + inside * kv.token_stride;
      run = smaller(run, kv.block_size - inside);
    }
    f(row, j, run);
    j += run;
  }
}

// How many keys there are in a chunk.
inline int64_t keys_in(const Args& args, int64_t chunk) { return smaller(kKeyChunk, args.num_keys - chunk * kKeyChunk); }

// Keys of a cache as they are stored: runs of tokens lie in a row.
inline KeyValueView turned_keys(KeyValueView kv) {
  kv.token_stride = 1;
  return kv;
}
template <class Element>
void widen_turned(const Args& args, int64_t kv_head, int64_t chunk, float* transposed) {
  const Element* base = static_cast<const Element*>(args.kv.k) + kv_head * args.kv.head_stride;
  each_run(turned_keys(args.kv), chunk * kKeyChunk, keys_in(args, chunk), [&](int64_t row, int64_t j, int64_t run) {
    for (int64_t x = 0; x < args.head_dim; ++x)
      for (int64_t r = 0; r < run; r += Floats::kLanes)
        widen(base + row + x * args.kv.block_size + r, run - r).store(transposed + x * kKeyChunk + j + r, run - r);
  });
}


struct Code;   // attention_codes.h

// transposed[x * kKeyChunk + j] = k[j, x]
template <class Element>
void pack_transposed(const Args& args, const void* data, int64_t kv_head, int64_t chunk, float* transposed) {
  if (std::is_same_v<Element, Code> || args.kv.keys_turned) return widen_turned<Element>(args, kv_head, chunk, transposed);   // keys alone are
  if constexpr (!std::is_same_v<Element, Code>) {
    const Element* base = static_cast<const Element*>(data) + kv_head * args.kv.head_stride;
    each_run(args.kv, chunk * kKeyChunk, keys_in(args, chunk), [&](int64_t row, int64_t j, int64_t run) {
      transpose(base + row, args.kv.token_stride, run, args.head_dim, transposed + j, kKeyChunk);
    });
  }
}

// rows[j * padded_dim + x] = v[j, x], zeros beyond head_dim. Returns whether all are finite.
template <class Element>
bool pack_rows_of_chunk(const Args& args, const void* data, int64_t kv_head, int64_t chunk, float* rows) {
  const Element* base = static_cast<const Element*>(data) + kv_head * args.kv.head_stride;
  const int64_t dim = args.head_dim, padded = rounded_up(dim, Floats::kLanes), whole = dim - dim % Floats::kLanes, stride = args.kv.token_stride;
  Floats zeros = Floats::zero();  // 0 x is NaN unless x is finite
  each_run(args.kv, chunk * kKeyChunk, keys_in(args, chunk), [=, &zeros](int64_t row, int64_t j, int64_t run) {   // copies stay in registers
    for (int64_t r = 0; r < run; ++r) {
      const Element* from = base + row + r * stride;
      float* to = rows + (j + r) * padded;
      Floats of_row = Floats::zero();   // a chain of each row's own
      const auto copy = [&](int64_t x, Floats value) {
        of_row = fma(value, Floats::zero(), of_row);
        value.store(to + x);
      };
      for (int64_t x = 0; x < whole; x += Floats::kLanes) copy(x, widen(from + x));
      if (whole < padded) copy(whole, widen(from + whole, dim - whole));
      zeros = zeros + of_row;
    }
  });
  return !any(is_nan(zeros));
}

// c[r, j] = start + sum over p of a[r, p] b[p, j] for kRows rows and any number of columns. `start` is 0, or with kOnto
// what c holds, or with kScaled that times factor[r]. Rows of b can be read in whole vectors; c's end at `columns`.
enum class Start { kZero, kOnto, kScaled };

template <Start kStart, int kRows, int kVectors>
[[gnu::always_inline]] inline void begin_sums(Tile<kRows, kVectors>& tile, const float* c, int64_t c_stride, int64_t columns, const float* factor) {
  if constexpr (kStart == Start::kZero)
    tile.zero();
  else
    tile.load(c, c_stride, columns);
  if constexpr (kStart == Start::kScaled) {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) tile.acc[r][v] = tile.acc[r][v] * Floats::broadcast(factor[r]);
  }
}

template <int kRows, int kVectors, Start kStart, class Element>
void product_tile(int64_t columns, const TileA& a, const Element* b, int64_t b_stride, int64_t k, float* c, int64_t c_stride,
                  const float* factor) {
  Tile<kRows, kVectors> tile;
  begin_sums<kStart>(tile, c, c_stride, columns, factor);
  tile.multiply(a, b, b_stride, k);
  tile.store(c, c_stride, columns);
}

template <int kRows, Start kStart, class Element>
void product(int64_t columns, const TileA& a, const Element* b, int64_t b_stride, int64_t k, float* c, int64_t c_stride,
             const float* factor = nullptr) {
  constexpr int64_t kLanes = Floats::kLanes;
  constexpr int kHalf = kWideVectors / 2;
  int64_t j = 0;
  for (; columns - j > (kWideVectors - 1) * kLanes; j += kWideVectors * kLanes)
    product_tile<kRows, kWideVectors, kStart>(columns - j, a, b + j, b_stride, k, c + j, c_stride, factor);
  if constexpr (kHalf > 1) {
    for (; columns - j > (kHalf - 1) * kLanes; j += kHalf * kLanes)
      product_tile<kRows, kHalf, kStart>(columns - j, a, b + j, b_stride, k, c + j, c_stride, factor);
  }
  for (; j < columns; j += kLanes)
    product_tile<kRows, 1, kStart>(columns - j, a, b + j, b_stride, k, c + j, c_stride, factor);
}

// c as in `product`, where lanes(p, j) are b[p, j] and those after it: floats, or pairs.
template <int kRows, int kVectors, Start kStart, class Step, class Lanes>
void product_tile_of(int64_t j, int64_t columns, const TileA& a, int64_t k, float* c, int64_t c_stride, const float* factor, Lanes lanes) {
  Tile<kRows, kVectors> tile;
  begin_sums<kStart>(tile, c + j, c_stride, columns - j, factor);
  for (int64_t step = 0; step < k; ++step) {
    const int64_t p = std::is_same_v<Step, InTwos> ? step ^ 1 : step;
    Floats row[kVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) row[v] = lanes(p, j + v * Floats::kLanes);
    tile.template step<Step>(a.data + p * a.k_stride, a.row_stride, row);
  }
  tile.store(c + j, c_stride, columns - j);
}
template <int kRows, Start kStart, class Step = float, class Lanes>
void product_of(int64_t columns, const TileA& a, int64_t k, float* c, int64_t c_stride, const float* factor, Lanes lanes) {
  // One or two rows take more vectors with 16 registers too: enough sums that none waits, and a row of b is read from end to end.
  constexpr int kVectors = kRows > kBlockQueries ? 2 : int(larger(kWideVectors, kRows == 1 ? smaller(kChunkVectors, 8) : kRows == 2 ? smaller(kChunkVectors / 2, 4) : 1));
  int64_t j = 0;
  for (; columns - j > (kVectors - 1) * Floats::kLanes; j += kVectors * Floats::kLanes)
    product_tile_of<kRows, kVectors, kStart, Step>(j, columns, a, k, c, c_stride, factor, lanes);
  if constexpr (kVectors > 2) {
    for (; columns - j > Floats::kLanes; j += 2 * Floats::kLanes) product_tile_of<kRows, 2, kStart, Step>(j, columns, a, k, c, c_stride, factor, lanes);
  }
  for (; j < columns; j += Floats::kLanes) product_tile_of<kRows, 1, kStart, Step>(j, columns, a, k, c, c_stride, factor, lanes);
}

// Vectors of a chunk that are softened together: dropout goes by two.
constexpr int kSoftened = kVectorsTogether > 2 ? kVectorsTogether : 2;
static_assert(kSoftened % 2 == 0 && kChunkVectors % kSoftened == 0);

// 2^x for the x <= 0 of a softmax; 0 below -125, so that no denormal number goes
// on, which hardware is slow with; 2e-38 beside the row's 1 is nothing. -inf gives 0, NaN stays. Softmaxes are made of powers of 2, e^s = 2^(s log2 e): they take fewer
// steps, and what scales scores scales them to that as well.
constexpr float kLowestShift = -125.0f;
template <SomeFloats V>
[[gnu::always_inline]] inline V exp2_of_shifted(V x) {
  return clear_lanes(less(x, constant(kLowestShift)), exp2_within_normal(x));   // of less than that it is anything, and cleared
}

// What the distance of key and query adds to a head's scores.
struct RelativeBias {
  const float* values;   // of distance 0; null where there is none
  int64_t reach, query_start;

  RelativeBias(const Args& args, int64_t head)
      : values(args.bias ? args.bias + head * (2 * args.bias_reach + 1) + args.bias_reach : nullptr),
        reach(args.bias_reach),
        query_start(args.query_start) {}
  bool active() const { return values != nullptr; }
  // The distance of query i and the first key of vector v of the chunk.
  int64_t distance(int64_t i, int64_t chunk, int64_t v) const { return chunk * kKeyChunk + v * Floats::kLanes - query_start - i; }
  bool within(int64_t first) const { return first >= -reach && first + Floats::kLanes - 1 <= reach; }
  int64_t clamped(int64_t d) const { return d < -reach ? -reach : d > reach ? reach : d; }
  Floats load(int64_t first) const {
    if (within(first)) return Floats::load(values + first);
    alignas(64) float lanes[Floats::kLanes];
    for (int64_t x = 0; x < Floats::kLanes; ++x) lanes[x] = values[clamped(first + x)];
    return Floats::load(lanes);
  }
  // sums[distance] += x, for sums laid out like the bias, of distance 0.
  void add(float* sums, int64_t first, Floats x) const {
    if (within(first)) return (Floats::load(sums + first) + x).store(sums + first);
    alignas(64) float lanes[Floats::kLanes];
    x.store(lanes);
    for (int64_t lane = 0; lane < Floats::kLanes; ++lane) sums[clamped(first + lane)] += lanes[lane];
  }
};

// What makes scores of products, for one head.
struct ScoreRule {
  RelativeBias bias;
  float scale, softcap, slope;
  bool has_slope;

  ScoreRule(const Args& args, int64_t head)
      : bias(args, head), scale(args.scale), softcap(args.softcap), slope(args.slopes ? args.slopes[head] : 0.0f), has_slope(args.slopes != nullptr) {}
  bool capped() const { return softcap > 0; }
  bool by_distance() const { return bias.active() || has_slope; }

  // tanh(scale product / softcap)
  template <SomeFloats V>
  V capped_part(V product) const { return tanh(product * Floats::broadcast(scale) * Floats::broadcast(1 / softcap)); }
  // s plus what its keys' distances from query i add, in vector v of the chunk.
  Floats add_distances(Floats s, int64_t i, int64_t chunk, int64_t v) const {
    alignas(64) static constexpr float kLane[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const int64_t distance = bias.distance(i, chunk, v);
    if (bias.active()) s = s + bias.load(distance);
    return has_slope ? fnma(Floats::broadcast(slope), abs(Floats::broadcast(float(distance)) + Floats::load(kLane)), s) : s;
  }
  Floats score(Floats product, int64_t i, int64_t chunk, int64_t v) const {
    const Floats s = capped() ? capped_part(product) * Floats::broadcast(softcap) : product * Floats::broadcast(scale);
    return add_distances(s, i, chunk, v);
  }
};

// Dropout on the pattern: what a chunk's probabilities of one query are multiplied by.
struct PatternMask {
  const PatternDropout& dropout;
  uint32_t threshold, query_start, head_bits;
  float factor;

  PatternMask(const Args& args, int64_t head)
      : dropout(args.dropout),
        threshold(drop_below(args.dropout.probability)),
        query_start(uint32_t(args.query_start)),
        head_bits(uint32_t(head) << 24),
        factor(float(1 / (1 - double(args.dropout.probability)))) {}
  bool active() const { return dropout.probability > 0; }
  // factor or 0 for the keys of vectors v and v + 1 of the chunk.
  void pair(int64_t i, int64_t chunk, int64_t v, Floats& first, Floats& second) const {
    const uint32_t column = uint32_t((chunk * kKeyChunk + v * Floats::kLanes) / 4);
    const KeptPair kept = kept_lanes(dropout.seed, dropout.stream, dropout.sequence, query_start + uint32_t(i),
                                     head_bits ^ column, threshold);
    first = mask_lanes(kept.first, Floats::broadcast(factor));
    second = mask_lanes(kept.second, Floats::broadcast(factor));
  }
};

}  // namespace orrery::cpu::ORRERY_ISA
