// Attention over a cache in q8_0: whole numbers and their scales (kernels/attention.h), a chunk made floats for many rows or read where
// it lies for few. The product of number and scale is exact, so both ways give the same floats.
#pragma once

#include <cstring>

#include "kernels/cpu/attention_chunk.h"

namespace orrery::cpu::ORRERY_ISA {

// A whole number of a cache in q8_0.
struct Code {
  int8_t number;
};
inline Floats widen(const Code* p) { return to_floats(ORRERY_ISA::widen(reinterpret_cast<const int8_t*>(p))); }
inline Floats widen(const Code* p, int64_t lanes) {
  if (lanes >= Floats::kLanes) return widen(p);
  Code kept[Floats::kLanes] = {};
  std::memcpy(kept, p, size_t(lanes));
  return widen(kept);
}
inline const F16* halfs_at(const void* data, int64_t byte) { return reinterpret_cast<const F16*>(static_cast<const char*>(data) + byte); }

template <>
inline void widen_turned<Code>(const Args& args, int64_t kv_head, int64_t chunk, float* transposed) {
  const KeyValueView& kv = args.kv;
  const int64_t first = chunk * kKeyChunk;
  each_run(turned_keys(kv), first, keys_in(args, chunk), [&](int64_t, int64_t j, int64_t run) {
    const int64_t part = kv.head_part(kv_head, first + j), inside = (first + j) % kv.block_size;
    const Code* codes = static_cast<const Code*>(kv.k) + part + inside;
    const F16* scales = halfs_at(kv.k, part + kv.scales) + inside;
    for (int64_t r = 0; r < run; r += Floats::kLanes)
      for (int64_t begin = 0; begin < args.head_dim; begin += kScaledElements) {
        const Floats scale = ORRERY_ISA::widen(scales + begin / kScaledElements * kv.block_size + r, run - r);
        const int64_t end = smaller(begin + kScaledElements, args.head_dim);
        for (int64_t x = begin; x < end; ++x) (scale * widen(codes + x * kv.block_size + r, run - r)).store(transposed + x * kKeyChunk + j + r, run - r);
      }
  });
}

template <>
inline bool pack_rows_of_chunk<Code>(const Args& args, const void*, int64_t kv_head, int64_t chunk, float* rows) {
  const KeyValueView& kv = args.kv;
  const int64_t padded = rounded_up(args.head_dim, Floats::kLanes), first = chunk * kKeyChunk, count = keys_in(args, chunk), groups = scales_of_head(args.head_dim);
  Floats zeros = Floats::zero();
  for (int64_t j = 0; j < count; ++j) {
    const Code* codes = static_cast<const Code*>(kv.v) + kv.at(kv_head, first + j);
    const int64_t at = kv.head_part(kv_head, first + j) + kv.scales + (first + j) % kv.block_size * groups * 2;
    alignas(64) float scales[rounded_up(scales_of_head(kMaxHeadDim), Floats::kLanes)];
    for (int64_t group = 0; group < groups; group += Floats::kLanes) widen(halfs_at(kv.v, at) + group, groups - group).store(scales + group);
    for (int64_t begin = 0; begin < args.head_dim; begin += kScaledElements) {
      const Floats scale = Floats::broadcast(scales[begin / kScaledElements]);
      zeros = fma(scale, Floats::zero(), zeros);
      const int64_t end = smaller(begin + kScaledElements, args.head_dim);
      for (int64_t x = begin; x < end; x += Floats::kLanes) (scale * widen(codes + x, end - x)).store(rows + j * padded + x);
    }
  }
  return !any(is_nan(zeros));
}

// A chunk's scores where its keys lie in one block; `scales` is scratch, [scales_of_head][kKeyChunk]. The next
// chunk is asked for, `ahead` elements on.
template <int kRows>
void scores_of_codes(const Args& args, const TileA& queries, int64_t kv_head, int64_t chunk, int64_t columns, int64_t ahead, float* scales, float* scores) {
  const KeyValueView& kv = args.kv;
  const int64_t part = kv.head_part(kv_head, chunk * kKeyChunk), inside = chunk * kKeyChunk % kv.block_size;
  const Code* codes = static_cast<const Code*>(kv.k) + part + inside;
  const F16* halfs = halfs_at(kv.k, part + kv.scales) + inside;
  for (int64_t group = 0; group < scales_of_head(args.head_dim); ++group)
    for (int64_t j = 0; j < columns; j += Floats::kLanes) widen(halfs + group * kv.block_size + j).store(scales + group * kKeyChunk + j);
  product_of<kRows, Start::kZero>(columns, queries, args.head_dim, scores, kKeyChunk, nullptr, [&](int64_t x, int64_t j) {
    __builtin_prefetch(codes + x * kv.block_size + j + ahead);
    return Floats::load(scales + x / kScaledElements * kKeyChunk + j) * widen(codes + x * kv.block_size + j);
  });
}

// mixed = factor mixed + probabilities values, of the keys seen, which all rows see, in one block and as many columns as vectors
// fill; `scales` is scratch, [kKeyChunk][scales_of_head] and a vector. With kOnto there is no factor.
template <int kRows, Start kStart>
void mix_codes(const Args& args, const TileA& probs, int64_t kv_head, int64_t chunk, Range seen, int64_t ahead, float* scales, float* mixed, const float* factor) {
  const KeyValueView& kv = args.kv;
  const int64_t first = chunk * kKeyChunk + seen.begin, count = seen.end - seen.begin, groups = scales_of_head(args.head_dim);
  const Code* codes = static_cast<const Code*>(kv.v) + kv.at(kv_head, first);
  const F16* halfs = halfs_at(kv.v, kv.head_part(kv_head, first) + kv.scales) + first % kv.block_size * groups;
  for (int64_t i = 0; i < count * groups; i += Floats::kLanes) widen(halfs + i, count * groups - i).store(scales + i);
  product_of<kRows, kStart>(args.head_dim, probs, count, mixed, args.head_dim, factor, [&](int64_t j, int64_t x) {
    __builtin_prefetch(codes + j * args.head_dim + x + ahead);
    return Floats::broadcast(scales[j * groups + x / kScaledElements]) * widen(codes + j * args.head_dim + x);
  });
}

}  // namespace orrery::cpu::ORRERY_ISA
