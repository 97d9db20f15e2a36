#include "tokenize/trainers/word_counts.h"

#include <algorithm>

#include "tokenize/vocab.h"

namespace orrery {

size_t WordCounts::Hash::operator()(std::string_view text) const { return static_cast<size_t>(hash_bytes(text)); }

// A node of the map with its string, and its share of the buckets.
int64_t WordCounts::cost(std::string_view word) { return 72 + (word.size() > 15 ? static_cast<int64_t>(word.size()) + 16 : 0); }

void WordCounts::add(std::string_view word, int64_t count) {
  if (const auto known = counts_.find(word); known != counts_.end()) {
    known->second += count;
    return;
  }
  counts_.emplace(word, count);
  used_ += cost(word);
  if (used_ > limit_) forget();
}

void WordCounts::forget() {
  while (used_ > limit_ / 4 * 3 && counts_.size() > 1) {
    floor_++;
    for (auto word = counts_.begin(); word != counts_.end();) {
      if (word->second > floor_) {
        ++word;
        continue;
      }
      used_ -= cost(word->first);
      word = counts_.erase(word);
    }
  }
}

std::vector<std::pair<std::string_view, int64_t>> WordCounts::sorted() const {
  std::vector<std::pair<std::string_view, int64_t>> words(counts_.begin(), counts_.end());
  std::sort(words.begin(), words.end());
  return words;
}

}  // namespace orrery
