#include "tokenize/kinds.h"

#include "base/unicode.h"

namespace orrery {

const KindTable& KindTable::shared() {
  static const KindTable made;
  return made;
}

KindTable::KindTable() {
  for (uint32_t c = 0; c < 0x10000; ++c) {
    const uint32_t kind = unicode_classes(c);
    const uint64_t bit = uint64_t(1) << (c & 63);
    if (kind & (kLetter | kWhitespace)) sets_[c >> 6].low |= bit;
    if (kind & (kNumber | kWhitespace)) sets_[c >> 6].high |= bit;
  }
}

const CaseTable& CaseTable::shared() {
  static const CaseTable made;
  return made;
}

uint32_t CaseTable::of_any(uint32_t c) {
  const uint32_t classes = unicode_classes(c);
  return classes & (kUpper | kTitle) ? 1 : classes & kLower ? 2 : classes & kMark ? 3 : 0;
}

CaseTable::CaseTable() {
  for (uint32_t c = 0; c < 0x10000; ++c) {
    sets_[c >> 6].low |= uint64_t(of_any(c) & 1) << (c & 63);
    sets_[c >> 6].high |= uint64_t(of_any(c) >> 1) << (c & 63);
  }
}

}  // namespace orrery
