#include "tokenize/word_parts.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/cpu/bytes.h"
#include "tokenize/text_scans.h"

namespace orrery {

PartScanner::PartScanner(const PartCuts& cuts, std::string_view text, size_t begin, size_t end)
    : cuts_(cuts), masks_at_(TextScans::best().part_masks), text_(text), first_(begin), end_(end), at_(begin), base_(begin), next_(begin) {
  if (begin == 0) return;
  char before[64] = {};
  const size_t known = std::min<size_t>(begin, 64);
  std::memcpy(before + 64 - known, text.data() + begin - known, known);
  before_ = masks_at_(before, cuts_.lines);
}

size_t PartScanner::first_after(const PartCuts& cuts, std::string_view text, size_t from) {
  if (from >= text.size()) return std::string_view::npos;
  return PartScanner(cuts, text, from, text.size()).next_cut();
}

// The next cut that was not made yet, which now is; npos for none.
size_t PartScanner::next_cut() {
  while (left_ == 0 && next_ < text_.size()) {
    base_ = next_;
    left_ = next_64();
    next_ += 64;
  }
  if (left_ == 0) return std::string_view::npos;
  const size_t cut = base_ + static_cast<size_t>(std::countr_zero(left_));
  left_ &= left_ - 1;
  return cut;
}

// The cuts of the next 64 bytes: bit i is before byte i of them. They hang on the bytes around them alone, wherever the 64 begin.
uint64_t PartScanner::next_64() {
  const cpu::ORRERY_ISA::BytesFrom<> bytes(text_, base_);
  const size_t left = text_.size() - base_;
  uint64_t told = base_ == first_ ? ~uint64_t(1) : ~uint64_t(0);
  if (left < 64) told &= (uint64_t(1) << left) - 1;
  const PartMasks m = masks_at_(bytes, cuts_.lines);
  const auto one_back = [](uint64_t mask, uint64_t before) { return mask << 1 | before >> 63; };
  const uint64_t after_space = one_back(m.space, before_.space), after_high = one_back(m.high, before_.high);
  uint64_t spaces = m.space & ~after_space & told;
  for (uint64_t doubtful = spaces & after_high; doubtful != 0; doubtful &= doubtful - 1) {   // a ▁ stands for a space
    const auto at = static_cast<size_t>(std::countr_zero(doubtful));
    if (text_.substr(0, base_ + at).ends_with("\xE2\x96\x81")) spaces &= ~(uint64_t(1) << at);
  }

  uint64_t others = 0;
  if (cuts_.any_pairs) {
    const uint64_t after_small = one_back(m.small, before_.small);
    const uint64_t plain = m.small | m.capital | m.high, after_plain = after_small | one_back(m.capital, before_.capital) | after_high;
    uint64_t tried = told & ~m.space & ~after_space & (~plain | ~after_plain | (m.capital & after_small));
    if (cuts_.keeps_apart) {   // marks beyond the two characters may change them
      const uint64_t next_high = left > 64 && static_cast<unsigned char>(bytes[64]) >= 0x80 ? uint64_t(1) << 63 : 0;
      tried &= ~((m.high << 2 | before_.high >> 62 | m.high >> 1 | next_high) & ~after_high);
    }
    for (; tried != 0; tried &= tried - 1) {
      const auto at = static_cast<unsigned>(std::countr_zero(tried));
      const char before = at == 0 ? text_[base_ - 1] : bytes[at - 1];
      others |= uint64_t(cuts_.allows(static_cast<unsigned char>(before), static_cast<unsigned char>(bytes[at]))) << at;
    }
  }
  before_ = m;
  return spaces | others;
}

size_t PartScanner::next(std::span<WordPart> parts) {
  size_t count = 0;
  while (at_ < end_ && count < parts.size()) {
    const size_t end = std::min(next_cut(), text_.size());
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
