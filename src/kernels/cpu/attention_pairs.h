// Chunks of keys and values in pairs of bf16, for products of bf16 (kernels/attention.h: bf16_products).
//
//   keys    [pairs of the head][kKeyChunk]: elements 2 s and 2 s + 1 of a key; of an odd head_dim the last is beside a 0
//   values  [pairs of keys][padded_dim]: the values of keys 2 s and 2 s + 1 of the chunk; behind the last key stand zeros
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

// Words of a row of the head in pairs: whole tiles of them, zeros where there is no more.
template <class Step>
int64_t pairs_of_head(int64_t dim) { return kTiled<Step> ? rounded_up(pairs_in(dim), 16) : pairs_in(dim); }

inline bool takes_pairs(const Args& args) { return args.bf16_products && args.kv.dtype != DType::i8; }

// f(Step{}) for the step of p that products of this attention take, numbers below 2^-126 being zeros in those of pairs.
template <class F>
void with_step(const Args& args, F f) {
  if (!takes_pairs(args)) return f(float{});
  const TinyIsZero tiny;
#ifdef ORRERY_ISA_avx512
  if (has_bf16_products()) return f(Pair<true>{});
#endif
  f(Pair<false>{});
}

// pair_of both, rounded.
template <class Step>
[[gnu::always_inline]] inline Floats rounded_pair(Floats low, Floats high) {
#ifdef ORRERY_ISA_avx512
  if constexpr (kTiled<Step>) return bf16_pairs_of(low, high);
#endif
  return pair_of(round_to_bf16(low), round_to_bf16(high));
}

// A row of `dim` elements, rounded, to its last pair; in tiles to the last of pairs_of_head.
template <class Step, class Element>
void round_row_in_pairs(const Element* from, int64_t dim, float* to) {
#ifdef ORRERY_ISA_avx512
  if constexpr (kTiled<Step>) {
    for (int64_t x = 0; x < dim; x += 2 * Floats::kLanes) bf16_of(widen(from + x, dim - x), widen(from + x + Floats::kLanes, dim - x - Floats::kLanes)).store(to + x / 2);
    return;
  }
#endif
  round_row(from, dim, reinterpret_cast<Bf16*>(to));
}

// rows[r]: `count` rows of `dim` elements, `stride` apart, rounded; pairs_of_head words of each.
template <class Step>
void pack_rows_in_pairs(const float* from, int64_t stride, int64_t count, int64_t dim, float* rows) {
  for (int64_t r = 0; r < count; ++r) round_row_in_pairs<Step>(from + r * stride, dim, rows + r * pairs_of_head<Step>(dim));
}

// Of keys, or of values as keys are laid out: pairs_of_head rows of pairs. `spare` has room for kKeyChunk rows.
template <class Element, class Step>
void pack_in_pairs(const Args& args, const void* data, bool turned, int64_t kv_head, int64_t chunk, float* pairs, float* spare) {
  const int64_t dim = args.head_dim, steps = pairs_in(dim), words = pairs_of_head<Step>(dim), first = chunk * kKeyChunk, count = keys_in(args, chunk);
  for (int64_t i = steps * kKeyChunk; i < words * kKeyChunk; i += Floats::kLanes) Floats::zero().store(pairs + i);
  if (turned) {
    const Element* base = static_cast<const Element*>(data) + kv_head * args.kv.head_stride;
    const int64_t next = args.kv.block_size;
    each_run(turned_keys(args.kv), first, count, [&](int64_t row, int64_t j, int64_t run) {
      for (int64_t s = 0; s < steps; ++s)
        for (int64_t r = 0; r < run; r += Floats::kLanes) {
          const Element* low = base + row + 2 * s * next + r;
          const Floats high = 2 * s + 1 < dim ? widen(low + next, run - r) : Floats::zero();
          rounded_pair<Step>(widen(low, run - r), high).store(pairs + s * kKeyChunk + j + r, run - r);
        }
    });
    return;
  }
  for (int64_t j = 0; j < count; ++j) round_row_in_pairs<Step>(static_cast<const Element*>(data) + args.kv.at(kv_head, first + j), dim, spare + j * words);
  transpose(spare, words, count, steps, pairs, kKeyChunk);
}

// Of two rows of up to `dim` elements, the later one null where there is none: a row of pairs to `padded`. With kCheck `zeros` becomes NaN
// where an element is not finite, or so large that it may not be when it is rounded.
template <class Step, bool kCheck, class Element>
void pair_rows(const Element* low, const Element* high, int64_t dim, int64_t padded, float* to, Floats& zeros) {
  const Floats more = Floats::broadcast(1.01f);
  for (int64_t x = 0; x < padded; x += Floats::kLanes) {
    const Floats first = widen(low + x, dim - x), second = high ? widen(high + x, dim - x) : Floats::zero();
    if constexpr (kCheck) zeros = fma(second * more, Floats::zero(), fma(first * more, Floats::zero(), zeros));
    rounded_pair<Step>(first, second).store(to + x);
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

// Pairs of values of keys 2 s and 2 s + 1 whose halves that are not seen are zeros, whatever they hold.
inline Floats halves_seen(Floats both, int64_t s, Seen seen) {
  const auto is_seen = [&](int64_t key) { return key < seen.sinks || (key >= seen.begin && key < seen.end); };
  const bool low = is_seen(2 * s), high = is_seen(2 * s + 1);
  if (low && high) return both;
  return low ? pair_of(low_of_pairs(both), Floats::zero()) : high ? pair_of(Floats::zero(), high_of_pairs(both)) : Floats::zero();
}

}  // namespace orrery::cpu::ORRERY_ISA
