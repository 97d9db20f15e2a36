// The tokens of a long word from windows that overlap, for byte-pair encoding: each window is merged by itself, and two are joined at a
// token that both have.
//
// That is exact. Merges go by rank, the leftmost of equals; what stands on the two sides of a place that no merge reaches across never
// meets, so each side merges as it would alone. So tokens are those of their text if and only if each two neighbours are those of
// theirs: the first merge across the place between two would come in these two alone as well. Neighbours before and at the shared
// token are neighbours in the first window, those from it on in the second.
//
// Windows begin where tokens do, so a text that repeats itself soon repeats its windows: those are looked up instead.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tokenize/model.h"

namespace orrery {

class LongWord {
 public:
  static constexpr size_t kWindow = 512;

  // Appends the tokens of bytes [begin, end) of a word. merge(from, to, tokens) makes those of a window and tells whether it could;
  // windows never end inside a character of valid UTF-8. False, with nothing appended, where windows do not join: tokens too long.
  template <class Merge>
  bool tokenize(std::string_view word, size_t begin, size_t end, std::vector<TokenSpan>& out, Merge merge) {
    seen_ = {};
    next_seen_ = 0;
    const size_t before = out.size();
    const auto fail = [&] {
      out.resize(before);
      return false;
    };
    size_t from = begin, to = window_end(word, from, end), kept = 0;   // tokens of this window before `kept` are not its own
    if (!window(word, begin, from, to, end, now_, merge)) return fail();
    while (to != end) {
      size_t shared = 0, next_shared = 0;
      bool joined = false;
      size_t next_from = 0, next_to = 0;
      for (size_t overlap = kOverlap; !joined && overlap <= kWindow / 2; overlap *= 2) {
        size_t first = now_.size() - 1;
        while (first > kept && now_[first].begin + overlap > to) --first;
        next_from = now_[first].begin;
        if (first <= kept || next_from == from) return fail();
        next_to = window_end(word, next_from, end);
        if (next_to <= to && to != end && next_to != end) return fail();
        if (!window(word, begin, next_from, next_to, end, next_, merge)) return fail();
        for (shared = first, next_shared = 0; !joined && shared < now_.size() && next_shared < next_.size();) {
          const TokenSpan &one = now_[shared], &other = next_[next_shared];
          if (one.begin == other.begin && one.end == other.end && one.id == other.id) joined = true;
          else if (one.begin < other.begin) ++shared;
          else ++next_shared;
        }
      }
      if (!joined) return fail();
      out.insert(out.end(), now_.begin() + static_cast<std::ptrdiff_t>(kept), now_.begin() + static_cast<std::ptrdiff_t>(shared));
      now_.swap(next_);
      kept = next_shared;
      from = next_from;
      to = next_to;
    }
    out.insert(out.end(), now_.begin() + static_cast<std::ptrdiff_t>(kept), now_.end());
    return true;
  }

 private:
  static constexpr size_t kOverlap = 64;

  struct Seen {
    size_t from = 0, size = 0;   // of the word
    std::vector<TokenSpan> tokens;
  };

  static size_t window_end(std::string_view word, size_t from, size_t end) {
    if (end - from <= kWindow) return end;
    size_t to = from + kWindow;
    while (to > from + kWindow - 4 && (static_cast<unsigned char>(word[to]) & 0xC0) == 0x80) --to;
    return to;
  }

  // The first and the last window of a word are not those of its middle, where a model marks a word's ends.
  template <class Merge>
  bool window(std::string_view word, size_t begin, size_t from, size_t to, size_t end, std::vector<TokenSpan>& tokens, Merge& merge) {
    tokens.clear();
    if (from == begin || to == end) return merge(from, to, tokens) && !tokens.empty();
    const std::string_view text = word.substr(from, to - from);
    for (const Seen& seen : seen_) {
      if (seen.size != text.size() || word.substr(seen.from, seen.size) != text) continue;
      tokens = seen.tokens;
      const auto moved = static_cast<uint32_t>(from - seen.from);
      for (TokenSpan& token : tokens) token.begin += moved, token.end += moved;
      return true;
    }
    if (!merge(from, to, tokens) || tokens.empty()) return false;
    seen_[next_seen_] = {from, text.size(), tokens};
    next_seen_ = (next_seen_ + 1) % seen_.size();
    return true;
  }

  std::vector<TokenSpan> now_, next_;
  std::array<Seen, 8> seen_;
  size_t next_seen_ = 0;
};

}  // namespace orrery
