// Chunks of keys and values for products of bf16 (kernels/attention.h: bf16_products): in pairs, where the processor multiplies those,
//
//   keys    [pairs of the head][kKeyChunk]: elements 2 s and 2 s + 1 of a key; of an odd head_dim the last is beside a 0
//   values  [pairs of keys][padded_dim]: the values of keys 2 s and 2 s + 1 of the chunk; behind the last key stand zeros
//
// and elsewhere as rounded floats, which are taken apart once for many rows, and summed in the order of pairs (tile.h's InTwos): laid out
// as floats are, with a row of zeros behind an odd last one.
#pragma once

#include "kernels/cpu/attention_chunk.h"
#include "kernels/cpu/pairs.h"
#ifdef ORRERY_ISA_avx512
#include "kernels/cpu/tiles_avx512.h"
#endif
#include "kernels/cpu/tiny_is_zero.h"

namespace orrery::cpu::ORRERY_ISA {

// Pairs in tiles of 16 of them (attention_tiles_avx512.h), where a processor has those: sums in the order that matmul.h tells of tiles.
struct InTiles {};
template <>
struct StepOf<InTiles> {
  static constexpr int64_t kDepth = 2;
};
template <class Step>
constexpr bool kPaired = StepOf<Step>::kDepth == 2;
template <class Step>
constexpr bool kTiled = std::is_same_v<Step, InTiles>;
template <class Step>
constexpr bool kInTwos = std::is_same_v<Step, InTwos>;
template <class Step>
constexpr bool kRounded = kPaired<Step> || kInTwos<Step>;

// Words in which `count` neighbours lie: zeros where there is no more of a pair, or of a tile.
template <class Step>
int64_t words_of(int64_t count) {
  if (kTiled<Step>) return rounded_up(pairs_in(count), 16);
  return kPaired<Step> ? pairs_in(count) : kInTwos<Step> ? rounded_up(count, 2) : count;
}
// Neighbours [begin, end) as steps of a product, which begins with words_of the first one.
template <class Step>
Range steps_of(Range all) {
  constexpr int64_t kDepth = StepOf<Step>::kDepth, kUnit = kRounded<Step> ? 2 : 1;
  return {all.begin / kUnit * kUnit / kDepth, rounded_up(all.end, kUnit) / kDepth};
}

inline bool takes_pairs(const Args& args) { return args.bf16_products && args.kv.dtype != DType::i8; }

// f(Step{}) for the step of p that products of this attention take, numbers below 2^-126 being zeros in those of pairs.
template <class F>
void with_step(const Args& args, F f) {
  if (!takes_pairs(args)) return f(float{});
  const TinyIsZero tiny;
#ifdef ORRERY_ISA_avx512
  if (has_bf16_products()) return f(Pair<true>{});
#endif
  f(InTwos{});
}

template <>
inline constexpr bool kRoundsPairs<InTiles> = true;

// A row of `dim` elements, rounded, to its last pair; in tiles to the last of pairs_of_head.
template <class Step, class Element>
void round_row_in_pairs(const Element* from, int64_t dim, float* to) {
#ifdef ORRERY_ISA_avx512
  if constexpr (kTiled<Step>) {
    for (int64_t x = 0; x < dim; x += 2 * Floats::kLanes) bf16_of(widen(from + x, dim - x), widen(from + x + Floats::kLanes, dim - x - Floats::kLanes)).store(to + x / 2);
    return;
  }
#endif
  round_row<kRoundsPairs<Step>>(from, dim, reinterpret_cast<Bf16*>(to));
}

// rows[r]: `count` rows of `dim` elements, `stride` apart, as Step takes them; words_of each.
template <class Step>
void ready_rows(const float* from, int64_t stride, int64_t count, int64_t dim, float* rows) {
  const int64_t words = words_of<Step>(dim);
  for (int64_t r = 0; r < count; ++r, from += stride, rows += words) {
    if constexpr (kPaired<Step>) round_row_in_pairs<Step>(from, dim, rows);
    else
      for (int64_t x = 0; x < dim; x += Floats::kLanes) (kInTwos<Step> ? rounded(from + x, dim - x) : Floats::load(from + x, dim - x)).store(rows + x, words - x);
  }
}
// Whole vectors of numbers, rounded where they are. Returns whether all are finite then.
inline bool round_all(float* numbers, int64_t count) {
  Floats zeros = Floats::zero();
  for (int64_t i = 0; i < count; i += Floats::kLanes) {
    const Floats rounded = as_operand(Floats::load(numbers + i));
    zeros = fma(rounded, Floats::zero(), zeros);
    rounded.store(numbers + i);
  }
  return !any(is_nan(zeros));
}
inline void clear_row(float* row, int64_t width) {
  for (int64_t x = 0; x < width; x += Floats::kLanes) Floats::zero().store(row + x);
}

// Of keys, or of values as keys are laid out: words_of rows of pairs. `spare` has room for kKeyChunk rows.
template <class Element, class Step>
void pack_in_pairs(const Args& args, const void* data, bool turned, int64_t kv_head, int64_t chunk, float* pairs, float* spare) {
  const int64_t dim = args.head_dim, steps = pairs_in(dim), words = words_of<Step>(dim), first = chunk * kKeyChunk, count = keys_in(args, chunk);
  for (int64_t i = steps * kKeyChunk; i < words * kKeyChunk; i += Floats::kLanes) Floats::zero().store(pairs + i);
  if (turned) {
    const Element* base = static_cast<const Element*>(data) + kv_head * args.kv.head_stride;
    const int64_t next = args.kv.block_size;
    each_run(turned_keys(args.kv), first, count, [&](int64_t row, int64_t j, int64_t run) {
      for (int64_t s = 0; s < steps; ++s)
        for (int64_t r = 0; r < run; r += Floats::kLanes) {
          const Element* low = base + row + 2 * s * next + r;
          const Floats high = 2 * s + 1 < dim ? widen(low + next, run - r) : Floats::zero();
          operand_pairs<kRoundsPairs<Step>>(widen(low, run - r), high).store(pairs + s * kKeyChunk + j + r, run - r);
        }
    });
    return;
  }
  for (int64_t j = 0; j < count; ++j) round_row_in_pairs<Step>(static_cast<const Element*>(data) + args.kv.at(kv_head, first + j), dim, spare + j * words);
  transpose(spare, words, rounded_up(count, kTransposed), steps, pairs, kKeyChunk);   // whole blocks: what is behind the last key counts for nothing
}

// Of two rows of up to `dim` elements, the later one null where there is none: a row of pairs to `padded`. With kCheck `zeros` becomes NaN
// where an element is not finite, or so large that it may not be when it is rounded.
template <class Step, bool kCheck, class Element>
void pair_rows(const Element* low, const Element* high, int64_t dim, int64_t padded, float* to, Floats& zeros) {
  const Floats more = Floats::broadcast(1.01f);
  for (int64_t x = 0; x < padded; x += Floats::kLanes) {
    const Floats first = widen(low + x, dim - x), second = high ? widen(high + x, dim - x) : Floats::zero();
    if constexpr (kCheck) zeros = fma(second * more, Floats::zero(), fma(first * more, Floats::zero(), zeros));
    operand_pairs<kRoundsPairs<Step>>(first, second).store(to + x);
  }
}
// `count` rows, `stride` apart.
template <class Step>
void pair_rows_of(const float* rows, int64_t stride, int64_t count, int64_t dim, int64_t padded, float* pairs) {
  Floats zeros = Floats::zero();
  for (int64_t r = 0; r < count; r += 2)
    pair_rows<Step, false>(rows + r * stride, r + 1 < count ? rows + (r + 1) * stride : nullptr, dim, padded, pairs + r / 2 * padded, zeros);
}

// Returns false where a value is not finite, or may not be when it is rounded. Behind the last key all is zeros.
template <class Element, class Step>
bool pack_values_in_pairs(const Args& args, const void* data, int64_t kv_head, int64_t chunk, float* pairs) {
  const int64_t padded = rounded_up(args.head_dim, Floats::kLanes), first = chunk * kKeyChunk, count = keys_in(args, chunk);
  const auto row = [&](int64_t j) { return j < count ? static_cast<const Element*>(data) + args.kv.at(kv_head, first + j) : nullptr; };
  Floats zeros = Floats::zero();
  for (int64_t j = 0; j < count; j += 2) pair_rows<Step, true>(row(j), row(j + 1), args.head_dim, padded, pairs + j / 2 * padded, zeros);
  for (int64_t i = pairs_in(count) * padded; i < pairs_in(kKeyChunk) * padded; i += Floats::kLanes) Floats::zero().store(pairs + i);
  return !any(is_nan(zeros));
}

// A chunk's keys, or values laid out as those are, as products by Step read them. `spare` has room for kKeyChunk rows.
template <class Element, class Step>
void ready_keys(const Args& args, const void* data, bool turned, int64_t kv_head, int64_t chunk, float* keys, float* spare) {
  if constexpr (kPaired<Step>) return pack_in_pairs<Element, Step>(args, data, turned, kv_head, chunk, keys, spare);
  pack_transposed<Element>(args, data, kv_head, chunk, keys);
  if constexpr (kInTwos<Step>) {
    if (!std::is_same_v<Element, Bf16>) round_all(keys, args.head_dim * kKeyChunk);
    if (args.head_dim % 2) clear_row(keys + args.head_dim * kKeyChunk, kKeyChunk);
  }
}
// Its values. Returns false where one is not finite, or may not be when it is rounded.
template <class Element, class Step>
bool ready_values(const Args& args, const void* data, int64_t kv_head, int64_t chunk, float* values) {
  if constexpr (kPaired<Step>) return pack_values_in_pairs<Element, Step>(args, data, kv_head, chunk, values);
  bool finite = pack_rows_of_chunk<Element>(args, data, kv_head, chunk, values);
  if constexpr (kInTwos<Step>) {
    const int64_t padded = rounded_up(args.head_dim, Floats::kLanes), count = keys_in(args, chunk);
    if (!std::is_same_v<Element, Bf16>) finite = round_all(values, count * padded);
    if (count % 2) clear_row(values + count * padded, padded);
  }
  return finite;
}

// Pairs of values of keys 2 s and 2 s + 1 whose halves that are not seen are zeros, whatever they hold.
inline Floats halves_seen(Floats both, int64_t s, Seen seen) {
  const auto is_seen = [&](int64_t key) { return key < seen.sinks || (key >= seen.begin && key < seen.end); };
  const bool low = is_seen(2 * s), high = is_seen(2 * s + 1);
  if (low && high) return both;
  return low ? pair_of(low_of_pairs(both), Floats::zero()) : high ? pair_of(Floats::zero(), high_of_pairs(both)) : Floats::zero();
}

}  // namespace orrery::cpu::ORRERY_ISA
