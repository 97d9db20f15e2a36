// Byte offsets of a text in the unit that was asked for.
#pragma once

#include <bit>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/utf8.h"
#include "tokenize/aligned_text.h"
#include "tokenize/encoding.h"

namespace orrery {

// Turns byte offsets into the unit that was asked for, as the reference's converter does: those inside a character into its own.
class OffsetMap {
 public:
  OffsetMap(std::string_view text, OffsetUnit unit) : size_(static_cast<uint32_t>(text.size())) {
    if (unit == OffsetUnit::bytes || is_ascii(text)) return;
    blocks_.resize(text.size() / 64 + 1);
    uint32_t before = 0, before_last = 0;
    for (size_t i = 0; i < blocks_.size(); ++i) {
      Block& block = blocks_[i];
      block.before = before;
      block.before_last = before_last;
      for (size_t bit = 0; bit < 64 && 64 * i + bit < text.size(); ++bit) {
        const auto byte = static_cast<unsigned char>(text[64 * i + bit]);
        block.begins |= uint64_t((byte & 0xC0) != 0x80) << bit;
        if (unit == OffsetUnit::utf16) block.pairs |= uint64_t(byte >= 0xF0) << bit;
      }
      before += static_cast<uint32_t>(std::popcount(block.begins) + std::popcount(block.pairs));
      before_last = block.before_of(block.begins);
    }
    total_ = before;
  }

  Offsets operator()(Span span) const {
    if (blocks_.empty() || span.begin >= size_) return {span.begin, span.end};
    return {units_before(span.begin), span.end < size_ ? units_before(span.end) : total_};
  }

 private:
  // 64 bytes of the text, and the units before them. Bytes that are no text may go on with a character for longer than that.
  struct Block {
    uint64_t begins = 0, pairs = 0;   // characters begin here; such as are two units of UTF-16
    uint32_t before = 0;
    uint32_t before_last = 0;         // before the last character that begins in earlier blocks

    // Before the last character of those that begin at the bits of `some`.
    uint32_t before_of(uint64_t some) const {
      if (some == 0) return before_last;
      const uint64_t earlier = std::bit_floor(some) - 1;
      return before + static_cast<uint32_t>(std::popcount(begins & earlier) + std::popcount(pairs & earlier));
    }
  };

  // Before the character that byte `at` is of.
  uint32_t units_before(uint32_t at) const {
    const Block& block = blocks_[at / 64];
    return block.before_of(block.begins & ~uint64_t(0) >> (63 - at % 64));
  }

  std::vector<Block> blocks_;   // empty when units are bytes
  uint32_t size_, total_ = 0;
};

}  // namespace orrery
