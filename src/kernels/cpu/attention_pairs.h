// Chunks of keys and values in pairs of bf16, for products of bf16 (kernels/attention.h: bf16_products).
//
//   keys    [pairs of the head][kKeyChunk]: elements 2 s and 2 s + 1 of a key; of an odd head_dim the last is beside a 0
//   values  [pairs of keys][padded_dim]: the values of keys 2 s and 2 s + 1 of the chunk; behind the last key stand zeros
#pragma once

#include "kernels/cpu/attention_chunk.h"
#include "kernels/cpu/pairs.h"
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

// rows[r]: `count` rows of `dim` elements, `stride` apart, rounded; `words` of pairs each.
inline void pack_rows_in_pairs(const float* from, int64_t stride, int64_t count, int64_t dim, float* rows, int64_t words) {
  for (int64_t r = 0; r < count; ++r, rows += words) {
    round_row({from + r * stride, 0, 1}, dim, reinterpret_cast<Bf16*>(rows));
    for (int64_t s = pairs_in(dim); s < words; ++s) rows[s] = 0;
  }
}

// Of keys, or of values as keys are laid out: `words` rows of pairs. `spare` has room for kKeyChunk rows.
template <class Element>
void pack_in_pairs(const Args& args, const void* data, bool turned, int64_t kv_head, int64_t chunk, float* pairs, float* spare, int64_t words) {
  const int64_t dim = args.head_dim, steps = pairs_in(dim), first = chunk * kKeyChunk, count = keys_in(args, chunk);
  for (int64_t i = steps * kKeyChunk; i < words * kKeyChunk; i += Floats::kLanes) Floats::zero().store(pairs + i);
  if (turned) {
    const Element* base = static_cast<const Element*>(data) + kv_head * args.kv.head_stride;
    const int64_t next = args.kv.block_size;
    each_run(turned_keys(args.kv), first, count, [&](int64_t row, int64_t j, int64_t run) {
      for (int64_t s = 0; s < steps; ++s)
        for (int64_t r = 0; r < run; r += Floats::kLanes) {
          const Element* low = base + row + 2 * s * next + r;
          const Floats high = 2 * s + 1 < dim ? rounded(low + next, run - r) : Floats::zero();
          pair_of(rounded(low, run - r), high).store(pairs + s * kKeyChunk + j + r, run - r);
        }
    });
    return;
  }
  for (int64_t j = 0; j < count; ++j) {
    const Element* from = static_cast<const Element*>(data) + args.kv.at(kv_head, first + j);
    Bf16* to = reinterpret_cast<Bf16*>(spare + j * steps);
    for (int64_t x = 0; x < dim; x += Floats::kLanes) store_bf16(rounded(from + x, dim - x), to + x, dim - x);
    if (dim % 2) to[dim] = {};
  }
  transpose(spare, steps, count, steps, pairs, kKeyChunk);
}

// Of two rows of up to `dim` elements, the later one null where there is none: a row of pairs to `padded`. `zeros` becomes NaN where
// an element is not finite.
template <class Element>
void pair_rows(const Element* low, const Element* high, int64_t dim, int64_t padded, float* to, Floats& zeros) {
  for (int64_t x = 0; x < padded; x += Floats::kLanes) {
    const Floats first = rounded(low + x, dim - x), second = high ? rounded(high + x, dim - x) : Floats::zero();
    zeros = fma(second, Floats::zero(), fma(first, Floats::zero(), zeros));
    pair_of(first, second).store(to + x);
  }
}

// Returns whether all are finite. Behind the last key all is zeros.
template <class Element>
bool pack_values_in_pairs(const Args& args, const void* data, int64_t kv_head, int64_t chunk, float* pairs) {
  const int64_t padded = rounded_up(args.head_dim, Floats::kLanes), first = chunk * kKeyChunk, count = keys_in(args, chunk);
  const auto row = [&](int64_t j) { return j < count ? static_cast<const Element*>(data) + args.kv.at(kv_head, first + j) : nullptr; };
  Floats zeros = Floats::zero();
  for (int64_t j = 0; j < count; j += 2) pair_rows(row(j), row(j + 1), args.head_dim, padded, pairs + j / 2 * padded, zeros);
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
