// Blocks of a panel (BlockLayout in kernels/matmul.h) read as they lie there, and taken apart into bytes with floats beside them.
#pragma once

#include <utility>

#include "kernels/cpu/vec.h"
#include "kernels/matmul.h"

namespace orrery::cpu::ORRERY_ISA {

constexpr int kGroups = int(kBlockValues / 4);   // of four numbers
constexpr int64_t kGroupBytes = 4 * kPanel;

// f.template operator()<g>() for the groups from kFirst on.
template <int kFirst, int kCount, class F>
[[gnu::always_inline]] inline void for_groups(F&& f) {
  [&]<int... g>(std::integer_sequence<int, g...>) __attribute__((always_inline)) { (f.template operator()<kFirst + g>(), ...); }(std::make_integer_sequence<int, kCount>());
}

// Block `b` of a panel as it lies there.
template <PanelFormat kFormat>
class PackedBlock {
 public:
  static constexpr BlockLayout kLayout = layout_of(kFormat);
  static constexpr int kParts = kLayout.parts, kBits = kLayout.bits, kTogether = kLayout.together;
  static constexpr bool kMins = kLayout.mins, kHalves = false;
  static constexpr int64_t kGroupSize = kLayout.group_bytes(), kHeadSize = kLayout.head_bytes(), kBlockSize = kLayout.block_bytes(), kScaleSize = kLayout.scale_bytes();

  PackedBlock(const std::byte* panel, int64_t b) : group_(panel + b / kLayout.together * kGroupSize), block_(group_ + kHeadSize + b % kLayout.together * kBlockSize) {}

  [[gnu::always_inline]] Floats scale(int part, int64_t column) const {
    if constexpr (kTogether == 1) return group_scale(column);
    else return to_floats(widen(reinterpret_cast<const int8_t*>(block_) + part * kPanel + column));
  }
  [[gnu::always_inline]] Floats min(int64_t column) const { return widen(reinterpret_cast<const F16*>(group_) + kPanel + column); }   // outside of groups
  // Of a group's even block: its minimums in the lower 16 bits, the next block's in the upper ones.
  [[gnu::always_inline]] Ints mins(int64_t column) const {
    const auto* min = reinterpret_cast<const uint8_t*>(block_) + kParts * kPanel + column;
    return widen(min) | shift_left<16>(widen(min + kBlockSize));
  }
  // The scales likewise, where none is below 0, but the next block's in the lower bits.
  [[gnu::always_inline]] Ints scales(int64_t column) const {
    const auto* scale = reinterpret_cast<const uint8_t*>(block_) + column;
    return widen(scale + kBlockSize) | shift_left<16>(widen(scale));
  }
  // What a group's scales and minimums are multiplied with; the latter negated, since these formats subtract them.
  [[gnu::always_inline]] Floats group_scale(int64_t column) const { return widen(reinterpret_cast<const F16*>(group_) + column); }
  [[gnu::always_inline]] Floats group_min(int64_t column) const { return -widen(reinterpret_cast<const F16*>(group_) + kPanel + column); }
  // Asks memory for what lies a little further on: as much as a block takes.
  [[gnu::always_inline]] void ask_ahead() const {
    constexpr int64_t kAhead = 2048;
#pragma GCC unroll 32
    for (int64_t at = 0; at < kBlockSize; at += 64) __builtin_prefetch(block_ + kAhead + at);
  }
  // The four numbers of each column.
  template <int g>
  [[gnu::always_inline]] Ints numbers(int64_t column) const {
    const std::byte* q = block_ + kScaleSize + 4 * column;
    if constexpr (kLayout.bits == 8) return Ints::load(q + g * kGroupBytes);
    const Ints both = Ints::load(q + g % 4 * kGroupBytes), low = g < 4 ? low_halves(both) : high_halves(both);
    if constexpr (kLayout.bits == 5) return low | (shift_left<4 - g>(Ints::load(q + 4 * kGroupBytes)) & Ints::broadcast(0x10101010));
    if constexpr (kLayout.bits == 6) return low | (shift_left<4 - 2 * (g % 4)>(Ints::load(q + (4 + g / 4) * kGroupBytes)) & Ints::broadcast(0x30303030));
    return low;
  }

 private:
  const std::byte *group_, *block_;
};

// Are scales of two blocks of a group kept in pairs too? Where many rows multiply both blocks' sums of products by them at once.
#ifdef ORRERY_ISA_avx512
template <BlockLayout kLayout>
constexpr bool kPairsOfScales = kLayout.together > 1 && kLayout.bits == 4;
#else
template <BlockLayout>
constexpr bool kPairsOfScales = false;
#endif
constexpr int kMostScale = 63;   // in such pairs; the least is 0

// A block of a panel's slice, taken apart. Minimums are there where the format has them, those of two blocks of a group in the even one, as pairs of scales
// are, and what is of a whole group in its first block.
struct WideBlock {
  float scale[2][kPanel];
  int32_t scales[kPanel];
  union {
    float min[kPanel];
    int32_t mins[kPanel];
  };
  float group_scale[kPanel], group_min[kPanel];
  uint8_t q[kGroups][kPanel][4];
};

// Blocks of p that many rows pass over at a time: whole groups, and a slice of them stays in the second cache beside some rows.
constexpr int64_t kSomeBlocks = 64;
static_assert(kSomeBlocks % kMostTogether == 0);
constexpr int64_t kWideBytes = kSomeBlocks * int64_t(sizeof(WideBlock));
static_assert(kWideBytes % 64 == 0);
// `blocks` blocks of a panel from `first` on; `stored` says what is kept of numbers as the panel has them.
template <PanelFormat kFormat, class F>
void take_apart(const std::byte* panel, int64_t first, int64_t blocks, WideBlock* out, F&& stored) {
  for (int64_t b = 0; b < blocks; ++b, ++out) {
    const PackedBlock<kFormat> block(panel, first + b);
    for (int64_t column = 0; column < kPanel; column += Floats::kLanes) {
      for (int part = 0; part < block.kParts; ++part) block.scale(part, column).store(out->scale[part] + column);
      if constexpr (block.kMins && block.kTogether == 1) block.min(column).store(out->min + column);
      if constexpr (block.kMins && block.kTogether > 1)
        if ((first + b) % 2 == 0) store(block.mins(column), out->mins + column);
      if constexpr (kPairsOfScales<block.kLayout>)
        if ((first + b) % 2 == 0) store(block.scales(column), out->scales + column);
      if (block.kTogether > 1 && (first + b) % block.kTogether == 0) {
        block.group_scale(column).store(out->group_scale + column);
        if (block.kMins) block.group_min(column).store(out->group_min + column);
      }
      for_groups<0, kGroups>([&]<int g>() { store(stored(block.template numbers<g>(column)), out->q[g][column]); });
    }
  }
}

}  // namespace orrery::cpu::ORRERY_ISA
