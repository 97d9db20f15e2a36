#include "base/block_format.h"

#include <cstring>

namespace orrery {

namespace {

template <class Block>
void decode_all(const std::byte* blocks, float* out, int64_t values) {
  Block block;
  for (int64_t i = 0; i < values; i += Block::kValues, blocks += sizeof block) {
    std::memcpy(&block, blocks, sizeof block);
    decode(block, out + i);
  }
}

template <class Block>
void encode_all(const float* x, std::byte* blocks, int64_t values) {
  Block block;
  for (int64_t i = 0; i < values; i += Block::kValues, blocks += sizeof block) {
    encode(x + i, block);
    std::memcpy(blocks, &block, sizeof block);
  }
}

struct Entry {
  const char* name;
  BlockFormat format;
  int64_t values, bytes;
  uint32_t gguf;
  void (*decode)(const std::byte*, float*, int64_t);
  void (*encode)(const float*, std::byte*, int64_t);
};
constexpr Entry kEntries[] = {
#define BLOCK(name, type, gguf) {#name, BlockFormat::name, type::kValues, sizeof(type), gguf, decode_all<type>, encode_all<type>},
#include "base/block_formats.inc"
#undef BLOCK
};

const Entry& entry(BlockFormat format) { return kEntries[size_t(format)]; }

}  // namespace

const char* name_of(BlockFormat format) { return entry(format).name; }
int64_t values_per_block(BlockFormat format) { return entry(format).values; }
int64_t bytes_per_block(BlockFormat format) { return entry(format).bytes; }
uint32_t gguf_type_of(BlockFormat format) { return entry(format).gguf; }

std::optional<BlockFormat> block_format_named(std::string_view name) {
  for (const Entry& one : kEntries)
    if (name == one.name) return one.format;
  return std::nullopt;
}

std::optional<BlockFormat> block_format_of_gguf(uint32_t type) {
  for (const Entry& one : kEntries)
    if (type == one.gguf) return one.format;
  return std::nullopt;
}

void dequantise(BlockFormat format, const std::byte* blocks, float* out, int64_t values) { entry(format).decode(blocks, out, values); }
void quantise(BlockFormat format, const float* x, std::byte* blocks, int64_t values) { entry(format).encode(x, blocks, values); }

}  // namespace orrery
