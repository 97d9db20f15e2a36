#include "tokenize/split.h"

#include <algorithm>
#include <array>

namespace orrery {

SplitBehavior behavior_field(const Json& config, const char* name) {
  const std::string text = text_field(config, name);
  if (text == "Removed") return SplitBehavior::removed;
  if (text == "Isolated") return SplitBehavior::isolated;
  if (text == "MergedWithPrevious") return SplitBehavior::merged_with_previous;
  if (text == "MergedWithNext") return SplitBehavior::merged_with_next;
  if (text == "Contiguous") return SplitBehavior::contiguous;
  bad_field(config, name, "one of Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous");
}

void merge_segments(std::vector<Segment>& segments, SplitBehavior behavior) {
  const bool backwards = behavior == SplitBehavior::merged_with_next;
  if (backwards) std::reverse(segments.begin(), segments.end());
  size_t kept = 0;
  bool previous_match = false;
  for (const Segment& s : segments) {
    const bool joins = behavior == SplitBehavior::contiguous ? s.is_match == previous_match : s.is_match && !previous_match;
    previous_match = s.is_match;
    if (joins && kept > 0) {
      Segment& last = segments[kept - 1];
      last.begin = std::min(last.begin, s.begin);
      last.end = std::max(last.end, s.end);
    } else {
      segments[kept++] = s;
    }
  }
  segments.resize(kept);
  if (backwards) std::reverse(segments.begin(), segments.end());
}

void split_at(Pieces& pieces, SplitBehavior behavior, uint32_t classes) {
  if (!pieces.bytes()) return split_pieces(pieces, behavior, false, each_of(classes));
  std::array<bool, 256> matches;
  for (unsigned byte = 0; byte < 256; byte++) matches[byte] = is(byte_to_char(static_cast<unsigned char>(byte)), classes);
  const auto find = [&](std::string_view bytes, auto match) {
    for (size_t at = 0; at < bytes.size(); at++)
      if (matches[static_cast<unsigned char>(bytes[at])]) match(at, at + 1);
  };
  split_pieces(pieces, behavior, false, find, true);
}

}  // namespace orrery
