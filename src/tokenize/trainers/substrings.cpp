#include "tokenize/trainers/substrings.h"

#include <algorithm>
#include <cstring>

#include "base/utf8.h"

namespace orrery {

namespace {

// A start: the text from there, cut at the word's end or after `longest` characters, and the word's occurrences.
struct Start {
  uint64_t key;   // its first eight bytes, for a quick comparison
  std::string_view text;
  int64_t count;
  bool operator<(const Start& o) const { return key != o.key ? key < o.key : text < o.text; }
};

uint64_t key_of(std::string_view text) {
  uint64_t key = 0;
  for (size_t i = 0; i < 8; i++) key = key << 8 | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0u);
  return key;
}

// Bytes that both begin with, whole characters only.
size_t common(std::string_view a, std::string_view b) {
  const size_t limit = std::min(a.size(), b.size());
  size_t size = 0;
  while (size < limit && a[size] == b[size]) size++;
  while (size > 0 && size < a.size() && (static_cast<unsigned char>(a[size]) & 0xC0) == 0x80) size--;
  return size;
}

bool is_several(std::string_view text) { return !text.empty() && decode_utf8(text, 0).size < text.size(); }

}  // namespace

void repeated_substrings(const WordList& words, int64_t longest, const std::function<void(std::string_view, int64_t)>& found) {
  std::vector<Start> starts;
  std::vector<size_t> ends;   // of the characters of a word
  for (const auto& [word, count] : words) {
    ends.clear();
    for (size_t at = 0; at < word.size();) ends.push_back(at += decode_utf8(word, at).size);
    for (size_t i = 0; i < ends.size(); i++) {
      const size_t begin = i == 0 ? 0 : ends[i - 1], end = ends[std::min(ends.size(), i + static_cast<size_t>(longest)) - 1];
      const std::string_view text = word.substr(begin, end - begin);
      starts.push_back({key_of(text), text, count});
    }
  }
  std::sort(starts.begin(), starts.end());

  struct Open {
    size_t size;   // bytes that all starts in the interval share
    int64_t count;
  };
  std::vector<Open> open = {{0, 0}};
  for (size_t i = 0; i < starts.size(); i++) {
    const std::string_view text = starts[i].text;
    const size_t shared = i + 1 < starts.size() ? common(text, starts[i + 1].text) : 0;
    if (open.back().size < text.size()) open.push_back({text.size(), 0});   // a leaf: the whole text
    open.back().count += starts[i].count;
    while (open.back().size > shared) {
      const Open closed = open.back();
      open.pop_back();
      if (closed.count >= 2 && is_several(text.substr(0, closed.size))) found(text.substr(0, closed.size), closed.count);
      if (open.back().size < shared) open.push_back({shared, 0});
      open.back().count += closed.count;
    }
  }
}

}  // namespace orrery
