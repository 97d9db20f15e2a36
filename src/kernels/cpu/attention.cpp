// Fused attention, forward (kernels/attention.h). A tile of queries goes over the chunks of keys; for each chunk the keys
// are transposed and the values copied to the scratch once, then blocks of a few rows make their scores, fold them in
// the online softmax and add the values, all within the nearest cache. A row is a query of one head; where there is one query
// alone, one of the heads that read the same keys, and keys (of a cache) and values are read where they lie.
//
//   m' = max(m, max_j s_j)    p_j = e^(s_j - m')    l' = l e^(m - m') + sum_j p_j    o' = o e^(m - m') + sum_j p_j v_j
//
// So for the chunks of a part of the keys, from nothing on; parts are merged by the same formulas. Products of bf16 are the same loops over
// pairs of elements, and pairs of keys, or over floats that are summed as those are (attention_pairs.h).
#include "kernels/cpu/attention_in_place.h"
#include "kernels/cpu/attention_softmax.h"
#ifdef ORRERY_ISA_avx512
#include "kernels/cpu/attention_tiles_avx512.h"
#endif

namespace orrery::cpu::ORRERY_ISA {
namespace {

constexpr int64_t kPartChunks = kKeyPart / kKeyChunk;

// Of packed pairs, or twos, those keys alone that are seen: the others may hold anything.
template <Start kStart, class Step>
void mix_pairs_seen(const Tiled& tiled, Range seen, const TileA& probs, float* mixed, const float* factor) {
  const Range steps = steps_of<Step>(seen);
  product_of<1, kStart, Step>(tiled.padded_dim, probs.from(steps.begin), steps.end - steps.begin, mixed, tiled.padded_dim, factor, [&](int64_t s, int64_t x) {
    const int64_t step = steps.begin + s;
    const Floats values = Floats::load(tiled.scratch.values + step * tiled.padded_dim + x);
    if constexpr (kPaired<Step>) return halves_seen(values, step, {seen.begin, seen.end, 0});
    else return step >= seen.begin && step < seen.end ? values : Floats::zero();
  });
}

// The values of a chunk where they lie, by the probabilities of kRows rows, which all see the same, and something.
template <int kRows, class Element, class Step>
void mix_heads(const Tiled& tiled, int64_t chunk, int64_t first, const Seen& seen, const float* factor) {
  round_probs<Step>(tiled, kRows, seen.hull().end);
  float* mixed = tiled.scratch.part.mixed + first * tiled.padded_dim;
  const Range window{seen.begin, seen.end}, before{0, seen.sinks};
  if (before.empty()) return mix<kRows, Start::kScaled, Element, Step>(tiled, chunk, window, mixed, factor);
  mix<kRows, Start::kScaled, Element, Step>(tiled, chunk, before, mixed, factor);
  if (!window.empty()) mix<kRows, Start::kOnto, Element, Step>(tiled, chunk, window, mixed, nullptr);
}

// The packed values of a chunk, by the probabilities of kRows rows, whose hull is not empty; finite: all values are.
template <int kRows, class Step>
void mix_rows(const Tiled& tiled, int64_t first, const Seen* rows, const Hull& hull, bool finite, const float* factor) {
  Scratch& scratch = tiled.scratch;
  round_probs<Step>(tiled, kRows, hull.all.end);
  float* mixed = scratch.part.mixed + first * tiled.padded_dim;
  if constexpr (kRounded<Step>) {
    const TileA rounded = rounded_probs<Step>(tiled);
    if (finite) {
      const Range steps = steps_of<Step>(hull.all);
      return product<kRows, Start::kScaled>(tiled.padded_dim, rounded.from(steps.begin), reinterpret_cast<const Step*>(scratch.values + steps.begin * tiled.padded_dim), tiled.padded_dim, steps.end - steps.begin,
                                            mixed, tiled.padded_dim, factor);
    }
    for (int r = 0; r < kRows; ++r) {
      const Range window{rows[r].begin, rows[r].end}, before{0, rows[r].sinks};
      const TileA probs{rounded.data + r * rounded.row_stride, 0, 1};
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
  const Range all = hull.all;
  if (finite || hull.same) {
    product<kRows, Start::kScaled>(tiled.padded_dim, {tiled.probs + all.begin, kKeyChunk, 1},
                                   scratch.values + all.begin * tiled.padded_dim, tiled.padded_dim, all.end - all.begin,
                                   mixed, tiled.padded_dim, factor);
    return;
  }
  // A value is infinite or NaN and not every row of the block sees it: 0 times it would not be 0.
  for (int r = 0; r < kRows; ++r) {
    const TileA probs{tiled.probs + r * kKeyChunk, kKeyChunk, 1};
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

// Products of kRows rows, from `first` of the tile, with the chunk's keys up to `columns`.
template <int kRows, class Element, class Step>
void score_rows(const Tiled& tiled, int64_t chunk, int64_t first, int64_t columns) {
  const Args& args = tiled.args;
  if constexpr (kTiled<Step>) {
    score_in_tile_order<kRows, Element>(tiled, chunk, first, columns);
  } else {
    const TileA queries = ready_queries<Step>(tiled, first);
    if constexpr (kRows <= kBlockQueries) {   // else heads, in place
      if (!tiled.keys_in_place)
        return product<kRows, Start::kZero>(columns, queries, reinterpret_cast<const Step*>(tiled.scratch.keys), kKeyChunk, words_of<Step>(args.head_dim), tiled.probs, kKeyChunk);
      if constexpr (std::is_same_v<Element, float>)
        if (!tiled.rows.are_heads) return product<kRows, Start::kZero>(columns, queries, keys_of_chunk<float>(tiled, chunk), args.kv.block_size, args.head_dim, tiled.probs, kKeyChunk);
    }
    if constexpr (kPaired<Step>)
      score_pairs_in_place<kRows, Element, Step>(tiled, chunk, queries, columns);
    else if constexpr (kScaled<Element>)
      scores_of_codes<kRows>(args, queries, tiled.kv_head, chunk, columns, tiled.keys_ahead, tiled.scratch.scales, tiled.probs);
    else
      score_in_place<kRows, Element, Step>(tiled, chunk, queries, columns);
  }
}

// kBlockSlivers of rows from sliver s on, or the last ones, against the packed chunk. `finite`: all the chunk's values are, if they are packed.
template <class Element, class Step>
void attend_block(Tiled& tiled, const Slivers& slivers, int64_t s, int64_t chunk, bool finite) {
  const int64_t first = slivers.begin(s), end = smaller(s + kBlockSlivers, slivers.count), count = slivers.begin(end) - first;
  const BlockRows rows(tiled, first, count, chunk);
  const Range all = Hull(tiled, rows.seen, count).all;
  if (all.empty()) return;
  const auto each = [&](auto&& f) {   // of the slivers that see anything
    for (int64_t t = s; t < end; ++t) {
      const int64_t row = slivers.begin(t);
      const Hull hull(tiled, rows.seen + row - first, slivers.height(t));
      tiled.go_to(row - first);
      if (!hull.all.empty()) with_rows<kTiled<Step> ? kBlockQueries : kBlockHeads>(slivers.height(t), [&]<int kRows>() { f.template operator()<kRows>(row, hull); });
    }
  };
  each([&]<int kRows>(int64_t row, const Hull& hull) { score_rows<kRows, Element, Step>(tiled, chunk, row, rounded_up(hull.all.end, Floats::kLanes)); });
  alignas(64) float factor[kMostBlockRows];
  soften(tiled, rows.seen, count, all.end, chunk, first, factor);
  each([&]<int kRows>(int64_t row, const Hull& hull) {
    const int64_t r = row - first;
    if constexpr (kTiled<Step>) {
      mix_in_tile_order<kRows, Element>(tiled, chunk, rows.seen[r], tiled.scratch.part.mixed + row * tiled.padded_dim, factor + r);   // all rows see the same
    } else {
      if (tiled.values_in_place) return mix_heads<kRows, Element, Step>(tiled, chunk, row, rows.seen[r], factor + r);
      if constexpr (kRows <= kBlockQueries) mix_rows<kRows, Step>(tiled, row, rows.seen + r, hull, finite, factor + r);
    }
  });
}

#ifdef ORRERY_ISA_avx512
// Up to 16 rows from `first` of the tile on, by tiles of pairs; a chunk's products are added to what was mixed as a whole.
void attend_block_in_tiles(const Tiled& tiled, int64_t chunk, int64_t first, int64_t count, bool finite) {
  const Args& args = tiled.args;
  Scratch& scratch = tiled.scratch;
  const int64_t padded = tiled.padded_dim;
  const BlockRows rows(tiled, first, count, chunk);
  if (Hull(tiled, rows.seen, count).all.empty()) return;
  scores_in_tiles(ready_queries<InTiles>(tiled, first).data, words_of<InTiles>(args.head_dim), scratch.keys, scratch.probs);
  alignas(64) float factor[kMostBlockRows];
  soften(tiled, rows.seen, count, kKeyChunk, chunk, first, factor);
  ready_rows<InTiles>(scratch.probs, kKeyChunk, count, kKeyChunk, scratch.paired_probs);
  float* mixed = scratch.part.mixed + first * padded;
  if (finite) {
    mix_in_tiles(scratch.paired_probs, pairs_in(kKeyChunk), scratch.values, padded, scratch.sums);
    return add_sums(scratch.sums, count, padded, mixed, factor);
  }
  // Row by row with the values that it sees, and zeros for the others, which may be anything.
  for (int64_t r = 0; r < count; ++r) {
    for (int64_t s = 0; s < pairs_in(kKeyChunk); ++s)
      for (int64_t x = 0; x < padded; x += Floats::kLanes) halves_seen(Floats::load(scratch.values + s * padded + x), s, rows.seen[r]).store(scratch.values_seen + s * padded + x);
    mix_in_tiles(scratch.paired_probs, pairs_in(kKeyChunk), scratch.values_seen, padded, scratch.sums);
    add_sums(scratch.sums + r * padded, 1, padded, mixed + r * padded, factor + r);
  }
}
#else
void attend_block_in_tiles(const Tiled&, int64_t, int64_t, int64_t, bool) {}
#endif

// Asks for what is made ready later of tokens [first, end), not for what is read in place. Of a cache a chunk's keys lie where its values do, turned,
// if a block holds one chunk; else some of what is asked for is of the chunks beside it.
void ask_for_tokens(const Tiled& tiled, int64_t first, int64_t end) {
  const KeyValueView& kv = tiled.args.kv;
  const int64_t element = size_of(kv.dtype), bytes = tiled.args.head_dim * element;
  for (int64_t token = first; token < end; ++token) {
    const int64_t at = kv.at(tiled.kv_head, token) * element;
    if (!tiled.keys_in_place) ask_for(static_cast<const std::byte*>(kv.k) + at, bytes);
    if (!tiled.values_in_place) ask_for(static_cast<const std::byte*>(kv.v) + at, bytes);
  }
}

// The chunks of one part, from nothing on, into scratch.part.
template <class Element, class Step>
void fold(const Args& args, TileRows rows, int64_t count, Range chunks, Scratch& scratch) {
  const int64_t padded_dim = rounded_up(args.head_dim, Floats::kLanes), kv_head = rows.head / (args.num_heads / args.num_kv_heads);
  const bool whole = args.kv.blocks && args.kv.block_size % kKeyChunk == 0;   // chunks lie in one block
  bool keys_in_place = whole && args.kv.keys_turned && (rows.are_heads || (sizeof(Element) == 4 && !kRounded<Step>));
  bool values_in_place = rows.are_heads && padded_dim == args.head_dim && (whole || (!kScaled<Element> && !kRounded<Step>));
  if (kTiled<Step>) keys_in_place = values_in_place = keys_in_place && values_in_place;   // both, in the order of tiles, or tiles
  Tiled tiled{args, rows, kv_head, padded_dim, keys_in_place, values_in_place, scratch};
  scratch.part.clear(count, padded_dim);
  const TileA queries = rows.queries(args);
  if (kTiled<Step> && keys_in_place) round_rows_of(queries, count, args.head_dim, scratch.queries);
  else ready_rows<Step>(queries.data, queries.row_stride, count, args.head_dim, scratch.queries);
  const bool in_tiles = kTiled<Step> && !keys_in_place;
  const Slivers slivers(count, in_tiles ? kMostBlockRows : keys_in_place && values_in_place && !kTiled<Step> ? kBlockHeads : kBlockQueries);
  const int64_t together = in_tiles ? 1 : kBlockSlivers;
  for (int64_t chunk = chunks.begin; chunk < chunks.end; ++chunk) {
    if (!chunk_seen(args, rows.query, rows.query_of(count - 1) + 1, chunk)) continue;
    // After the last chunk comes the first of the next head, as callers go on; where there is none, what is here already.
    const bool last = chunk + 1 == chunks.end, to_next_head = last && rows.are_heads && kv_head + 1 < args.num_kv_heads;
    const int64_t next_head = kv_head + to_next_head, next_chunk = to_next_head ? chunks.begin : chunk + !last;
    const int64_t first = chunk * kKeyChunk, next = next_chunk * kKeyChunk;
    tiled.keys_ahead = args.kv.of_key(next_head, next, 0) - args.kv.of_key(kv_head, first, 0);
    tiled.values_ahead = args.kv.at(next_head, next) - args.kv.at(kv_head, first);
    tiled.seen = in_chunk(keys_seen(args, rows.query), chunk);
    tiled.alike = tiled.seen == in_chunk(keys_seen(args, rows.query_of(count - 1)), chunk);   // what is seen grows with the query, so those between see the same
    if (!tiled.keys_in_place) ready_keys<Element, Step>(args, args.kv.k, args.kv.keys_turned, kv_head, chunk, scratch.keys, scratch.values);
    const bool finite = tiled.values_in_place || ready_values<Element, Step>(args, args.kv.v, kv_head, chunk, scratch.values);
    const int64_t next_keys = last ? 0 : keys_in(args, next_chunk);   // to ask for, some with each block of rows
    for (int64_t s = 0; s < slivers.count; s += together) {
      ask_for_tokens(tiled, next + next_keys * s / slivers.count, next + next_keys * smaller(s + together, slivers.count) / slivers.count);
      if (in_tiles) attend_block_in_tiles(tiled, chunk, slivers.begin(s), slivers.height(s), finite);
      else attend_block<Element, Step>(tiled, slivers, s, chunk, finite);
    }
  }
}
template <class Step>
void fold(const Args& args, TileRows rows, int64_t count, Range chunks, Scratch& scratch) {
  switch (args.kv.dtype) {
    case DType::bf16: return fold<Bf16, Step>(args, rows, count, chunks, scratch);
    case DType::f16: return fold<F16, Step>(args, rows, count, chunks, scratch);
    case DType::i8:
      if constexpr (!kRounded<Step>) return fold<Code, Step>(args, rows, count, chunks, scratch);
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
  const int64_t most = tile_rows(rounded_up(args.head_dim, Floats::kLanes));
  for (int64_t first = 0; first < count; first += most) {
    const TileRows tile = rows.from(first);
    const int64_t height = smaller(most, count - first);
    attend_tile<Step>(args, tile, height, scratch);
  }
}

template <class Step>
[[gnu::noinline]] void attend_part(const Args& args, int64_t kv_head, int64_t part, float* states, Scratch& scratch) {
  const int64_t group = args.num_heads / args.num_kv_heads, padded_dim = rounded_up(args.head_dim, Floats::kLanes), width = state_width(args.head_dim), most = tile_rows(padded_dim);
  const Range chunks = part_of(chunks_seen(args, 0, 1), part);
  for (int64_t first = 0; first < group; first += most) {
    const int64_t count = smaller(most, group - first);
    fold<Step>(args, {kv_head * group + first, 0, true}, count, chunks, scratch);
    for (int64_t r = 0; r < count; ++r) {
      float* state = states + (first + r) * width;
      for (int64_t x = 0; x < padded_dim; x += Floats::kLanes) Floats::load(scratch.part.mixed + r * padded_dim + x).store(state + x);
      state[width - 5] = scratch.part.power[r];
      state[width - 4] = scratch.part.spread[r];
      state[width - 3] = scratch.part.mass[r];
      state[width - 2] = scratch.part.max[r];
      state[width - 1] = scratch.part.sum[r];
    }
  }
}

[[gnu::noinline]] void merge_parts(const Args& args, int64_t kv_head, int64_t parts, const float* states, Scratch& scratch) {
  const int64_t group = args.num_heads / args.num_kv_heads, padded_dim = rounded_up(args.head_dim, Floats::kLanes), width = state_width(args.head_dim), most = tile_rows(padded_dim);
  for (int64_t first = 0; first < group; first += most) {
    const int64_t count = smaller(most, group - first);
    scratch.all.clear(count, padded_dim);
    for (int64_t part = 0; part < parts; ++part) {
      const float* state = states + (part * group + first) * width;
      for (int64_t r = 0; r < count; ++r) {
        scratch.part.power[r] = state[r * width + width - 5];
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
