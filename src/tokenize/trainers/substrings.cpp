#include "tokenize/trainers/substrings.h"

#include <algorithm>
#include <bit>

#include "base/utf8.h"

namespace orrery {

namespace {

// A start: the text from there, cut at the word's end or after `longest` characters.
struct Start {
  uint64_t key;   // its first eight bytes, for a quick comparison
  const char* at;
  uint32_t size, word;
  std::string_view text() const { return {at, size}; }
  bool operator<(const Start& o) const { return key != o.key ? key < o.key : text() < o.text(); }
};

uint64_t key_of(std::string_view text) {
  uint64_t key = 0;
  for (size_t i = 0; i < 8; i++) key = key << 8 | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0u);
  return key;
}

// Bytes that both begin with, whole characters only.
size_t common(const Start& a, const Start& b) {
  const size_t limit = std::min(a.size, b.size);
  size_t size = std::min<size_t>(limit, static_cast<size_t>(std::countl_zero(a.key ^ b.key)) / 8);
  while (size >= 8 && size < limit && a.at[size] == b.at[size]) size++;
  while (size > 0 && size < a.size && (static_cast<unsigned char>(a.at[size]) & 0xC0) == 0x80) size--;
  return size;
}

bool is_several(std::string_view text) { return !text.empty() && decode_utf8(text, 0).size < text.size(); }

// f(start) for each start of a word.
template <class F>
void each_start(const WordList& words, int64_t longest, F f) {
  std::vector<size_t> ends;   // of the characters of a word
  for (uint32_t w = 0; w < words.size(); w++) {
    const std::string_view word = words[w].first;
    ends.clear();
    for (size_t at = 0; at < word.size();) ends.push_back(at += decode_utf8(word, at).size);
    for (size_t i = 0; i < ends.size(); i++) {
      const size_t begin = i == 0 ? 0 : ends[i - 1], end = ends[std::min(ends.size(), i + static_cast<size_t>(longest)) - 1];
      const std::string_view text = word.substr(begin, end - begin);
      f(Start{key_of(text), text.data(), static_cast<uint32_t>(text.size()), w});
    }
  }
}

// All starts in order: put together by their first two bytes, then each lot sorted.
std::vector<Start> sorted_starts(const WordList& words, int64_t longest, ThreadPool& pool) {
  constexpr size_t kLots = 1 << 16;
  std::vector<size_t> ends(kLots + 1, 0);
  each_start(words, longest, [&](const Start& start) { ends[(start.key >> 48) + 1]++; });
  for (size_t lot = 0; lot < kLots; lot++) ends[lot + 1] += ends[lot];
  std::vector<Start> starts(ends[kLots]);
  std::vector<size_t> at(ends.begin(), ends.end() - 1);
  each_start(words, longest, [&](const Start& start) { starts[at[start.key >> 48]++] = start; });
  std::vector<size_t> lots;   // that hold more than one, the largest first: they keep a thread longest
  for (size_t lot = 0; lot < kLots; lot++)
    if (ends[lot + 1] - ends[lot] > 1) lots.push_back(lot);
  std::sort(lots.begin(), lots.end(), [&](size_t a, size_t b) { return ends[a + 1] - ends[a] > ends[b + 1] - ends[b]; });
  pool.parallel(static_cast<int64_t>(lots.size()), [&](int64_t task) {
    const size_t lot = lots[static_cast<size_t>(task)];
    std::sort(starts.begin() + static_cast<ptrdiff_t>(ends[lot]), starts.begin() + static_cast<ptrdiff_t>(ends[lot + 1]));
  });
  return starts;
}

}  // namespace

void repeated_substrings(const WordList& words, int64_t longest, ThreadPool& pool, const std::function<void(std::string_view, int64_t)>& found) {
  const std::vector<Start> starts = sorted_starts(words, longest, pool);
  struct Open {
    size_t size;   // bytes that all starts in the interval share
    int64_t count;
  };
  std::vector<Open> open = {{0, 0}};
  for (size_t i = 0; i < starts.size(); i++) {
    const std::string_view text = starts[i].text();
    const size_t shared = i + 1 < starts.size() ? common(starts[i], starts[i + 1]) : 0;
    if (open.back().size < text.size()) open.push_back({text.size(), 0});   // a leaf: the whole text
    open.back().count += words[starts[i].word].second;
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
