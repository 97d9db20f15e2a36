// Byte offsets of a text in the unit that was asked for.
#pragma once

#include <bit>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/cpu/bytes.h"
#include "base/utf8.h"
#include "tokenize/aligned_text.h"
#include "tokenize/encoding.h"

namespace orrery {

// Turns byte offsets into the unit that was asked for, as the reference's converter does: those inside a character into its own.
class OffsetMap {
 public:
  OffsetMap(std::string_view text, OffsetUnit unit) : unit_(unit) { read(text); }
  explicit OffsetMap(OffsetUnit unit) : OffsetMap("", unit) {}

  // Those of another text from now on.
  void read(std::string_view text) {
    size_ = static_cast<uint32_t>(text.size());
    blocks_.clear();
    if (unit_ == OffsetUnit::bytes || is_ascii(text)) return;
    blocks_.resize(text.size() / 64 + 1);
    uint32_t before = 0, before_last = 0;
    for (size_t i = 0; i < blocks_.size(); ++i) {
      Block& block = blocks_[i];
      block.fill(text.substr(64 * i, 64), unit_);
      block.before = before;
      block.before_last = before_last;
      before += block.units(~uint64_t(0));
      before_last = block.before_of(block.begins);
    }
    total_ = before;
  }

  Offsets operator()(Span span) const {
    if (blocks_.empty() || span.begin >= size_) return {span.begin, span.end};
    return {at(span.begin), span.end < size_ ? at(span.end) : total_};
  }

  OffsetUnit unit() const { return unit_; }

  // Whether from `begin` to `end` each byte is one unit, as far as is known without counting.
  bool is_even(uint32_t begin, uint32_t end) const {
    if (blocks_.empty()) return true;
    return end - begin <= 64 && blocks_[begin / 64].is_even() && blocks_[end / 64].is_even();
  }

  // The units before the character that a byte of the text is of.
  uint32_t at(uint32_t byte) const {
    if (blocks_.empty()) return byte;
    const Block& block = blocks_[byte / 64];
    if (block.is_even()) return block.before + byte % 64;
    return block.before_of(block.begins & ~uint64_t(0) >> (63 - byte % 64));
  }

 private:
  // 64 bytes of the text, and the units before them. Bytes that are no text may go on with a character for longer than that.
  struct Block {
    uint64_t begins = 0, pairs = 0;   // characters begin here; such as are two units of UTF-16
    uint32_t before = 0;
    uint32_t before_last = 0;         // before the last character that begins in earlier blocks

    void fill(std::string_view text, OffsetUnit unit) {
      using namespace cpu::ORRERY_ISA;
      const BytesFrom<> bytes(text, 0);
      begins = bits_of_64(bytes, [](Bytes b) { return b > 0xBF; }) & (text.size() < 64 ? (uint64_t(1) << text.size()) - 1 : ~uint64_t(0));
      if (unit == OffsetUnit::utf16) pairs = bits_of_64(bytes, [](Bytes b) { return within(b, 0xF0, 0x10); });
    }

    bool is_even() const { return (~begins | pairs) == 0; }
    uint32_t units(uint64_t some) const { return count(begins & some) + (pairs == 0 ? 0 : count(pairs & some)); }
    // Before the last character of those that begin at the bits of `some`.
    uint32_t before_of(uint64_t some) const { return some == 0 ? before_last : before + units(std::bit_floor(some) - 1); }
  };

  // How many bits are set, where the processor may lack an instruction for it (Warren, "Hacker's Delight", 5-1).
  static uint32_t count(uint64_t bits) {
    bits -= bits >> 1 & 0x5555555555555555u;
    bits = (bits & 0x3333333333333333u) + (bits >> 2 & 0x3333333333333333u);
    bits = (bits + (bits >> 4)) & 0x0F0F0F0F0F0F0F0Fu;
    return static_cast<uint32_t>(bits * 0x0101010101010101u >> 56);
  }

  std::vector<Block> blocks_;   // empty when units are bytes
  OffsetUnit unit_;
  uint32_t size_ = 0, total_ = 0;
};

}  // namespace orrery
