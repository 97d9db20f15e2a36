// Blocks of a file laid out in panels: their numbers as bytes, four a word, then with as few bits as the panel has (BlockLayout).
#include <bit>
#include <cstring>

#include "kernels/matmul.h"

namespace orrery::reference {

namespace {

static_assert(std::endian::native == std::endian::little);   // byte t of word g is value 4g + t

constexpr int kWords = int(kBlockValues / 4);
constexpr uint32_t kLow = 0x0f0f0f0f, kBit = 0x01010101, kTwo = 0x03030303;

uint32_t word(const uint8_t* at) {
  uint32_t four;
  std::memcpy(&four, at, 4);
  return four;
}

// 32 values of a row.
struct Numbers {
  uint32_t q[kWords] = {};                 // not below 0: with the layout's offset
  uint16_t scale = 0, min = 0;             // halfs, of the whole group
  int8_t scales[2] = {};                   // of the parts
  uint8_t small_min = 0;
};

// Four bits each: value i in the low half of byte i, i + 16 in the high.
void read_halves(const uint8_t* q, Numbers& out) {
  for (int g = 0; g < kWords / 2; ++g) {
    out.q[g] = word(q + 4 * g) & kLow;
    out.q[g + kWords / 2] = word(q + 4 * g) >> 4 & kLow;
  }
}
// Bit i of four bytes is the fifth of value i.
void read_fifth(const uint8_t* high, Numbers& out) {
  for (int i = 0; i < kBlockValues; ++i) out.q[i / 4] |= uint32_t(high[i / 8] >> (i % 8) & 1) << (8 * (i % 4) + 4);
}
// Small block b of 64 values whose low bits lie in 32 bytes.
void read_small(const uint8_t* q, int b, Numbers& out) {
  for (int g = 0; g < kWords; ++g) out.q[g] = word(q + 32 * (b / 2) + 4 * g) >> (b % 2 * 4) & kLow;
}
template <class Block>
void read_scales(const Block& block, int b, Numbers& out) {
  const SmallScale small = scales_of(block.scales, b);
  out.scales[0] = int8_t(small.scale);
  out.small_min = uint8_t(small.min);
  out.scale = block.d;
  out.min = block.dmin;
}

// Numbers b of a block: the whole of it, or 32 of 256.
void read(const BlockQ8_0& block, int, Numbers& out) {
  out.scale = block.d;
  for (int g = 0; g < kWords; ++g) {
    std::memcpy(&out.q[g], block.q + 4 * g, 4);
    out.q[g] ^= 0x80808080;   // + 128
  }
}
void read(const BlockQ4_0& block, int, Numbers& out) {
  out.scale = block.d;
  read_halves(block.q, out);
}
void read(const BlockQ4_1& block, int, Numbers& out) {
  out.scale = block.d, out.min = block.m;
  read_halves(block.q, out);
}
void read(const BlockQ5_0& block, int, Numbers& out) {
  out.scale = block.d;
  read_halves(block.q, out);
  read_fifth(block.high, out);
}
void read(const BlockQ5_1& block, int, Numbers& out) {
  out.scale = block.d, out.min = block.m;
  read_halves(block.q, out);
  read_fifth(block.high, out);
}
void read(const BlockQ4_K& block, int b, Numbers& out) {
  read_scales(block, b, out);
  read_small(block.q, b, out);
}
void read(const BlockQ5_K& block, int b, Numbers& out) {
  read_scales(block, b, out);
  read_small(block.q, b, out);
  for (int g = 0; g < kWords; ++g) out.q[g] |= (word(block.high + 4 * g) >> b & kBit) << 4;
}
void read(const BlockQ6_K& block, int b, Numbers& out) {
  const int half = b / 4, quarter = b % 4;
  out.scale = block.d;
  out.scales[0] = block.scales[2 * b];
  out.scales[1] = block.scales[2 * b + 1];
  for (int g = 0; g < kWords; ++g) {
    const uint32_t low = word(block.low + 64 * half + 32 * (quarter % 2) + 4 * g) >> (quarter / 2 * 4) & kLow;
    out.q[g] = low | (word(block.high + 32 * half + 4 * g) >> (2 * quarter) & kTwo) << 4;
  }
}

// Column `column` of block `b` of a group, which was zeros.
template <PanelFormat kFormat>
void write(const Numbers& numbers, int b, int64_t column, std::byte* group) {
  constexpr BlockLayout kLayout = layout_of(kFormat);
  std::memcpy(group + 2 * column, &numbers.scale, 2);
  if (kLayout.mins) std::memcpy(group + 2 * (kPanel + column), &numbers.min, 2);
  std::byte* at = group + kLayout.head_bytes() + b * kLayout.block_bytes();
  if (kLayout.together > 1) {
    for (int part = 0; part < kLayout.parts; ++part) at[part * kPanel + column] = std::byte(uint8_t(numbers.scales[part]));
    if (kLayout.mins) at[kLayout.parts * kPanel + column] = std::byte(numbers.small_min);
  }
  at += kLayout.scale_bytes() + 4 * column;
  const auto put = [&](int at_word, uint32_t four) { std::memcpy(at + at_word * 4 * kPanel, &four, 4); };
  if (kLayout.bits == 8) {
    for (int g = 0; g < kWords; ++g) put(g, numbers.q[g]);
    return;
  }
  for (int g = 0; g < kWords / 2; ++g) put(g, (numbers.q[g] & kLow) | (numbers.q[g + kWords / 2] & kLow) << 4);
  uint32_t high[2] = {};
  for (int g = 0; g < kWords; ++g) {
    if (kLayout.bits == 5) high[0] |= (numbers.q[g] >> 4 & kBit) << g;
    if (kLayout.bits == 6) high[g / 4] |= (numbers.q[g] >> 4 & kTwo) << (2 * (g % 4));
  }
  for (int word = 0; word < kLayout.bits - 4; ++word) put(kWords / 2 + word, high[word]);
}

template <class Block, PanelFormat kFormat>
void pack(const std::byte* const* rows, int64_t k, int64_t n, std::byte* panels) {
  constexpr BlockLayout kLayout = layout_of(kFormat);
  constexpr int kPieces = int(Block::kValues / kBlockValues);
  static_assert(kPieces == kLayout.together);
  std::memset(panels, 0, size_t(packed_bytes(kFormat, n, k)));
  for (int64_t j = 0; j < n; ++j) {
    std::byte* group = panels + j / kPanel * panel_bytes(kFormat, k);
    for (int64_t i = 0; i < k / Block::kValues; ++i, group += kLayout.group_bytes()) {
      Block block;
      std::memcpy(&block, rows[j] + i * int64_t(sizeof block), sizeof block);
      for (int b = 0; b < kPieces; ++b) {
        Numbers numbers;
        read(block, b, numbers);
        write<kFormat>(numbers, b, j % kPanel, group);
      }
    }
  }
}

}  // namespace

template <class T>
void pack_blocks(const std::byte* const* rows, BlockFormat from, int64_t k, int64_t n, std::byte* panels) {
  switch (from) {
#define BLOCK(name, type, gguf) \
  case BlockFormat::name: return pack<type, panels_of(BlockFormat::name)>(rows, k, n, panels);
#include "base/block_formats.inc"
#undef BLOCK
  }
}

template void pack_blocks<float>(const std::byte* const*, BlockFormat, int64_t, int64_t, std::byte*);
template void pack_blocks<double>(const std::byte* const*, BlockFormat, int64_t, int64_t, std::byte*);

}  // namespace orrery::reference
