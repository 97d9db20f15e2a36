#include "tokenize/word_parts.h"

#include <algorithm>
#include <bit>

namespace orrery {

uint64_t PartScanner::cuts_of_64(size_t base) const {
  const size_t count = std::min<size_t>(64, text_.size() - base);
  uint64_t mask = 0;
  const auto* bytes = reinterpret_cast<const unsigned char*>(text_.data()) + base;
  unsigned before = base == 0 ? 0u : bytes[-1];
  for (size_t i = 0; i < count; ++i) {
    const unsigned after = bytes[i];
    mask |= (cuts_.rows[before][after >> 6] >> (after & 63) & 1) << i;
    before = after;
  }
  return base == 0 ? mask & ~uint64_t(1) : mask;
}

// What two bytes do not tell: a ▁ stands for a space; marks beyond the two characters may change them.
inline bool PartScanner::refuses(size_t cut) const {
  const auto is_high = [&](size_t i) { return i < text_.size() && static_cast<signed char>(text_[i]) < 0; };
  if (is_high(cut - 1)) return text_[cut - 1] == '\x81' && cuts_.is_space(text_[cut]) && text_.substr(0, cut).ends_with("\xE2\x96\x81");
  return cuts_.keeps_apart && ((cut >= 2 && is_high(cut - 2)) || is_high(cut + 1)) && !cuts_.is_space(text_[cut]);
}

size_t PartScanner::next(std::span<WordPart> parts) {
  size_t count = 0;
  while (at_ < text_.size() && count < parts.size()) {
    while (left_ == 0 && next_ < text_.size()) {
      base_ = next_;
      left_ = cuts_of_64(base_);
      next_ += 64;
    }
    size_t end = text_.size();
    if (left_ != 0) {
      end = base_ + static_cast<size_t>(std::countr_zero(left_));
      left_ &= left_ - 1;
      if (refuses(end)) continue;
    }
    size_t begin = at_;
    at_ = end;
    bool fresh = begin == 0;
    if (cuts_.drops_spaces && cuts_.is_space(text_[begin])) {
      while (begin < end && cuts_.is_space(text_[begin])) ++begin;
      if (begin == end) continue;
      fresh = true;
      if (text_[begin] < '!' || text_[begin] > '~') --begin;
    }
    parts[count++] = {static_cast<uint32_t>(begin), static_cast<uint32_t>(end), fresh};
  }
  return count;
}

}  // namespace orrery
