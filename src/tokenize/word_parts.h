// Cuts a text into parts that can be tokenised one by one: before white space, and where two other bytes stand side by side between which a
// table allows it.
//
//   PartScanner scanner(cuts, text);
//   std::array<WordPart, 64> parts;
//   while (const size_t count = scanner.next(parts)) …
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace orrery {

// Bytes [begin, end) of a text.
struct WordPart {
  uint32_t begin, end;
  bool fresh;   // its tokens hang on this too: it begins the text or, where white space is dropped, follows some
};

struct PartCuts {
  std::array<std::array<uint64_t, 4>, 256> rows{};   // [byte before][byte after], one bit each
  bool any_pairs = false;
  bool lines = false;         // \n, \r, \t are white space like ' ', rather than other characters
  bool drops_spaces = false;  // white space before a part is left out, but the last of it before what is not visible ASCII
  bool keeps_apart = false;   // two characters of ASCII on either side are asked for, except before white space

  // Neither is white space.
  void allow(unsigned char before, unsigned char after) {
    rows[before][after >> 6] |= uint64_t(1) << (after & 63);
    any_pairs = true;
  }
  bool allows(unsigned char before, unsigned char after) const { return (rows[before][after >> 6] >> (after & 63) & 1) != 0; }
  bool is_space(char c) const { return c == ' ' || (lines && (c == '\n' || c == '\r' || c == '\t')); }
};

// 64 bytes as masks, one bit a byte.
struct PartMasks {
  uint64_t space = 0;                // white space
  uint64_t small = 0, capital = 0;   // letters of ASCII
  uint64_t high = 0;                 // beyond ASCII
};

class PartScanner {
 public:
  // `text` is valid UTF-8 of less than 4 GiB.
  PartScanner(const PartCuts& cuts, std::string_view text) : PartScanner(cuts, text, 0, text.size()) {}
  // Of the parts of the text those in [begin, end), each the end of the text or where a part begins.
  PartScanner(const PartCuts& cuts, std::string_view text, size_t begin, size_t end);
  // Where the first part begins after byte `from` of the text; npos for none.
  static size_t first_after(const PartCuts& cuts, std::string_view text, size_t from);
  // The next parts, at most as many as there is room for; 0 at the end. Not all cuts are made: none that the table allows between letters,
  // but before a capital.
  size_t next(std::span<WordPart> parts);

 private:
  uint64_t next_64();
  size_t next_cut();

  const PartCuts& cuts_;
  PartMasks (*masks_at_)(const char* bytes, bool lines);
  std::string_view text_;
  size_t first_, end_;
  PartMasks before_;   // of the 64 bytes that were met last
  size_t at_;          // where the next part begins
  size_t base_, next_; // the bytes that `left_` is of, and those after them
  uint64_t left_ = 0;  // their cuts that were not made yet
};

}  // namespace orrery
