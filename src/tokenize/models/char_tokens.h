// The tokens of single characters past ASCII met before, by the character itself: for long texts without spaces, which
// are most of what such characters stand in. One caller's own.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tokenize/model.h"
#include "tokenize/zero_array.h"

namespace orrery {

class CharTokens {
 public:
  // Characters of three bytes, of two, and those of four in the first planes.
  static constexpr size_t kNowhere = SIZE_MAX, kThree = size_t(1) << 16, kTwo = size_t(1) << 11, kFour = size_t(3) << 16, kPlaces = kThree + kTwo + kFour;

  // Where a text that is such a character is kept; kNowhere of any other bytes.
  static size_t place(std::string_view text) {
    const auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<unsigned char>(text[i])); };
    const auto goes_on = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
    if (text.size() == 3 && (byte(0) & 0xF0) == 0xE0 && goes_on(1) && goes_on(2)) return (byte(0) & 0xF) << 12 | (byte(1) & 63) << 6 | (byte(2) & 63);
    if (text.size() == 2 && (byte(0) & 0xE0) == 0xC0 && goes_on(1)) return kThree + ((byte(0) & 0x1F) << 6 | (byte(1) & 63));
    if (text.size() == 4 && byte(0) == 0xF0 && goes_on(1) && byte(1) >= 0x90 && goes_on(2) && goes_on(3))
      return kThree + kTwo + ((byte(1) & 63) << 12 | (byte(2) & 63) << 6 | (byte(3) & 63)) - (size_t(1) << 16);
    return kNowhere;
  }

  // Appends the tokens of the text of that place, known or from find(text, out), which tells whether they may be kept.
  template <class Find>
  void tokenize(size_t place, std::string_view text, std::vector<TokenSpan>& out, Find find) {
    if (entries_.empty()) entries_ = ZeroArray<Entry>(kPlaces);
    Entry& entry = entries_[place];
    if (entry.count != 0) {
      uint32_t at = 0;
      for (size_t i = 0; i < entry.count; at = entry.end(i++)) out.push_back({entry.ids[i], at, entry.end(i)});
      return;
    }
    const size_t before = out.size();
    if (find(text, out)) keep(entry, text.size(), out.data() + before, out.size() - before);
  }

 private:
  struct Entry {
    std::array<int32_t, 4> ids;
    std::array<uint8_t, 3> ends;   // of a fourth it is four
    uint8_t count;                 // 0 where nothing is kept

    uint8_t end(size_t i) const { return i < ends.size() ? ends[i] : uint8_t(4); }
  };

  static void keep(Entry& entry, size_t size, const TokenSpan* tokens, size_t count) {
    if (count == 0 || count > entry.ids.size()) return;
    uint32_t at = 0;
    for (size_t i = 0; i < count; at = tokens[i++].end)
      if (tokens[i].begin != at || tokens[i].end > size || (i == 3 && tokens[i].end != 4)) return;
    for (size_t i = 0; i < count; ++i) {
      entry.ids[i] = tokens[i].id;
      if (i < entry.ends.size()) entry.ends[i] = static_cast<uint8_t>(tokens[i].end);
    }
    entry.count = static_cast<uint8_t>(count);
  }

  ZeroArray<Entry> entries_;   // touched where the text's scripts are
};

}  // namespace orrery
