// Weights in blocks: 32 or 256 values of a row share a scale and are stored as whole numbers of 4 to 8 bits. The layouts are those of
// GGUF files (https://github.com/ggml-org/ggml, ggml-common.h), which these structs name byte for byte.
//
//   std::vector<std::byte> row(bytes_of(BlockFormat::q4_k, 2048));
//   quantise(BlockFormat::q4_k, values, row.data(), 2048);        // the nearest that the format can say, or nearly
//   dequantise(BlockFormat::q4_k, row.data(), values, 2048);      // exactly what it says, in float
//
// Each of q4_0, q5_0, q8_0 says d·q; of q4_1, q5_1 d·q + m. The k-formats hold eight or sixteen small blocks, whose scales are whole
// numbers too: d·scale·q − dmin·min in q4_k and q5_k, d·scale·q in q6_k.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace orrery {

// d, m, dmin are halfs. q holds two values a byte: in a block of 32 value i in the low bits and i + 16 in the high ones.
struct BlockQ4_0 {
  static constexpr int kValues = 32;
  uint16_t d;
  uint8_t q[16];   // + 8
};
struct BlockQ4_1 {
  static constexpr int kValues = 32;
  uint16_t d, m;
  uint8_t q[16];
};
struct BlockQ5_0 {
  static constexpr int kValues = 32;
  uint16_t d;
  uint8_t high[4];   // the fifth bit of value i is bit i
  uint8_t q[16];     // + 16
};
struct BlockQ5_1 {
  static constexpr int kValues = 32;
  uint16_t d, m;
  uint8_t high[4];
  uint8_t q[16];
};
struct BlockQ8_0 {
  static constexpr int kValues = 32;
  uint16_t d;
  int8_t q[32];
};
// Of each 64 values the first 32 are in the low bits of 32 bytes, the others in the high ones.
struct BlockQ4_K {
  static constexpr int kValues = 256;
  uint16_t d, dmin;
  uint8_t scales[12];   // eight scales and eight mins of 6 bits: scales_of
  uint8_t q[128];
};
struct BlockQ5_K {
  static constexpr int kValues = 256;
  uint16_t d, dmin;
  uint8_t scales[12];
  uint8_t high[32];   // bit k of byte i: the fifth bit of value 32k + i
  uint8_t q[128];
};
struct SmallScale {
  int scale, min;   // 0 to 63
};
SmallScale scales_of(const uint8_t* packed, int block);   // of small block 0 to 7 of q4_k and q5_k

// Of each 128 values, i and i + 64 share the byte low[i] and i, i + 32, i + 64, i + 96 the byte high[i].
struct BlockQ6_K {
  static constexpr int kValues = 256;
  uint8_t low[128], high[64];   // + 32
  int8_t scales[16];
  uint16_t d;
};

enum class BlockFormat : uint8_t {
#define BLOCK(name, type, gguf) name,
#include "base/block_formats.inc"
#undef BLOCK
};

const char* name_of(BlockFormat format);   // "q4_k"
std::optional<BlockFormat> block_format_named(std::string_view name);
int64_t values_per_block(BlockFormat format);
int64_t bytes_per_block(BlockFormat format);
// Of `values` values, a multiple of values_per_block.
inline int64_t bytes_of(BlockFormat format, int64_t values) { return values / values_per_block(format) * bytes_per_block(format); }

uint32_t gguf_type_of(BlockFormat format);
std::optional<BlockFormat> block_format_of_gguf(uint32_t type);

// `values` is a multiple of values_per_block; blocks need no alignment. What a value becomes that is no finite number is not said.
void dequantise(BlockFormat format, const std::byte* blocks, float* out, int64_t values);
void quantise(BlockFormat format, const float* x, std::byte* blocks, int64_t values);

// One block.
#define BLOCK(name, type, gguf)                  \
  void decode(const type& block, float* out);    \
  void encode(const float* x, type& block);
#include "base/block_formats.inc"
#undef BLOCK

}  // namespace orrery
