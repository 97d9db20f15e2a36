// Splitting a text at the matches of a pattern, with Hugging Face's five answers to "and the delimiter?".
// "the-final--countdown" at '-':
//   removed               the | final | countdown
//   isolated              the | - | final | - | - | countdown
//   merged_with_previous  the- | final- | - | countdown
//   merged_with_next      the | -final | - | -countdown
//   contiguous            the | - | final | -- | countdown
#pragma once

#include <string_view>
#include <vector>

#include "base/utf8.h"
#include "tokenize/pieces.h"
#include "tokenize/step.h"

namespace orrery {

enum class SplitBehavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };
// Of a field as tokenizer.json spells it ("MergedWithNext"). Throws Error.
SplitBehavior behavior_field(const Json& config, const char* name);

struct Segment {
  size_t begin, end;
  bool is_match;
};
// Joins the segments of a whole text, in order, as the behaviour asks. `removed` is left to the caller.
void merge_segments(std::vector<Segment>& segments, SplitBehavior behavior);

// find(text, match) calls match(begin, end) for each match, from left to right. Inverted, what is between the matches
// counts as the match. Pieces that are read as bytes are spelled first, unless find sees to that.
template <class Find>
void split_pieces(Pieces& pieces, SplitBehavior behavior, bool invert, Find find, bool sees_bytes = false) {
  std::vector<Segment> segments;
  const auto cut = [&](std::string_view text, auto emit) {
    segments.clear();
    size_t last = 0;
    find(text, [&](size_t begin, size_t end) {
      if (last < begin) segments.push_back({last, begin, invert});
      segments.push_back({begin, end, !invert});
      last = end;
    });
    if (last < text.size()) segments.push_back({last, text.size(), invert});
    if (behavior != SplitBehavior::removed && behavior != SplitBehavior::isolated) merge_segments(segments, behavior);
    for (const Segment& s : segments)
      if (behavior != SplitBehavior::removed || !s.is_match) emit(s.begin, s.end);
  };
  if (sees_bytes) pieces.split_as_they_are(cut);
  else pieces.split(cut);
}

// Matches each character of the given classes by itself.
inline auto each_of(uint32_t classes) {
  return [classes](std::string_view text, auto match) {
    for (size_t at = 0; at < text.size();) {
      const CodePoint c = decode_valid_utf8(text, at);
      if (is(c.value, classes)) match(at, at + c.size);
      at += c.size;
    }
  };
}

// Cuts at each character of the given classes, of texts and of bytes that stand for characters.
void split_at(Pieces& pieces, SplitBehavior behavior, uint32_t classes);

// Matches each occurrence of a string; an empty one never occurs.
inline auto each_string(std::string_view what) {
  return [what](std::string_view text, auto match) {
    if (what.empty()) return;
    for (size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + what.size()))
      match(at, at + what.size());
  };
}

}  // namespace orrery
