// Byte offsets of a text in the unit that was asked for.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/utf8.h"
#include "tokenize/aligned_text.h"
#include "tokenize/encoding.h"

namespace orrery {

// Turns byte offsets into the unit that was asked for, as the reference's converter does.
class OffsetMap {
 public:
  OffsetMap(std::string_view text, OffsetUnit unit) : size_(static_cast<uint32_t>(text.size())) {
    if (unit == OffsetUnit::bytes || is_ascii(text)) return;
    before_.resize(text.size());
    uint32_t count = 0;
    for (size_t at = 0; at < text.size();) {
      const CodePoint c = decode_utf8(text, at);
      std::fill_n(before_.begin() + static_cast<std::ptrdiff_t>(at), c.size, count);
      count += unit == OffsetUnit::utf16 && c.value > 0xFFFF ? 2 : 1;
      at += c.size;
    }
    total_ = count;
  }

  Offsets operator()(Span span) const {
    if (before_.empty() || span.begin >= size_) return {span.begin, span.end};
    return {before_[span.begin], span.end < size_ ? before_[span.end] : total_};
  }

 private:
  std::vector<uint32_t> before_;   // for each byte, the units before its character; empty when units are bytes
  uint32_t size_, total_ = 0;
};

}  // namespace orrery
