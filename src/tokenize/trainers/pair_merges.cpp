#include "tokenize/trainers/pair_merges.h"

#include <algorithm>

namespace orrery {

int32_t PairMerges::token(const std::string& text) {
  const auto [entry, is_new] = ids_.emplace(text, static_cast<int32_t>(tokens_.size()));
  if (is_new) {
    tokens_.push_back(text);
    lengths_.push_back(1);
  }
  return entry->second;
}

void PairMerges::add_word(std::span<const int32_t> symbols, int64_t count) {
  const auto index = static_cast<uint32_t>(words_.size());
  words_.push_back({symbols_.size(), static_cast<uint32_t>(symbols.size()), count});
  symbols_.insert(symbols_.end(), symbols.begin(), symbols.end());
  for (size_t i = 0; i + 1 < symbols.size(); i++) change(pair_of(symbols[i], symbols[i + 1]), count, index);
}

void PairMerges::learn(const std::function<void(int64_t, int64_t)>& progress) {
  propose();
  const int64_t wanted = rules_.vocab_size - static_cast<int64_t>(tokens_.size());
  while (static_cast<int64_t>(tokens_.size()) < rules_.vocab_size && !queue_.empty()) {
    Candidate top = queue_.top();
    queue_.pop();
    if (const int64_t now = count_of(top.pair).count; now != top.count) {
      top.count = now;
      if (now > 0) queue_.push(top);
      continue;
    }
    if (top.count < 1 || top.count < rules_.min_frequency) break;
    const auto left = static_cast<int32_t>(top.pair >> 32), right = static_cast<int32_t>(top.pair);
    const std::string &first = tokens_[static_cast<size_t>(left)], &second = tokens_[static_cast<size_t>(right)];
    merges_.emplace_back(first, second);
    const bool drops = !rules_.prefix.empty() && second.starts_with(rules_.prefix);
    const size_t known = tokens_.size();
    const int32_t product = token(first + (drops ? second.substr(rules_.prefix.size()) : second));
    if (tokens_.size() > known) lengths_.back() = lengths_[static_cast<size_t>(left)] + lengths_[static_cast<size_t>(right)];
    if (top.words == 1) merge(static_cast<uint32_t>(top.begin), left, right, product);
    for (size_t i = 0; top.words > 1 && i < top.words; i++) merge(places_[top.begin + i], left, right, product);
    propose();
    if (progress && merges_.size() % 64 == 0) progress(static_cast<int64_t>(merges_.size()), wanted);
  }
  if (progress) progress(static_cast<int64_t>(merges_.size()), static_cast<int64_t>(merges_.size()));
}

// The entry of a pair, a new one if need be; until the next one is made.
PairMerges::Count& PairMerges::count_of(Pair pair) {
  const auto find = [&]() -> Count& {
    const size_t mask = counts_.size() - 1;
    const uint64_t hash = (pair ^ pair >> 29) * 0x9E3779B97F4A7C15u;
    size_t at = (hash ^ hash >> 32) & mask;
    while (counts_[at].pair != pair && counts_[at].pair != kNoPair) at = (at + 1) & mask;
    return counts_[at];
  };
  if (!counts_.empty())
    if (Count& known = find(); known.pair == pair) return known;
  if (3 * (pairs_ + 1) > 2 * counts_.size()) {
    std::vector<Count> old(std::max<size_t>(2 * counts_.size(), 1024));
    old.swap(counts_);
    const Pair wanted = pair;
    for (const Count& entry : old) {
      if (entry.pair == kNoPair) continue;
      pair = entry.pair;
      find() = entry;
    }
    pair = wanted;
  }
  Count& made = find();
  made.pair = pair;
  pairs_++;
  return made;
}

// `by` more occurrences of a pair, in a word where it is new when `by` is positive.
void PairMerges::change(Pair pair, int64_t by, uint32_t word) {
  Count& entry = count_of(pair);
  entry.count += by;
  if (by <= 0) return;
  if (entry.list == 0) {
    new_pairs_.push_back({pair, 0});
    entry.list = static_cast<uint32_t>(new_pairs_.size());
  } else if (entry.last_word == word) {
    return;
  }
  entry.last_word = word;
  new_pairs_[entry.list - 1].words++;
  new_places_.push_back({entry.list - 1, word});
}

// Puts the pairs that appeared since the last time into the queue, their words one list after the other.
void PairMerges::propose() {
  std::vector<size_t> begins(new_pairs_.size());
  size_t end = places_.size();
  for (size_t i = 0; i < new_pairs_.size(); i++) {
    begins[i] = end;
    if (new_pairs_[i].words > 1) end += new_pairs_[i].words;
  }
  places_.resize(end);
  std::vector<size_t> at = begins;
  for (const Place& place : new_places_) {
    if (new_pairs_[place.list].words > 1)
      places_[at[place.list]++] = place.word;
    else
      begins[place.list] = place.word;
  }
  for (size_t i = 0; i < new_pairs_.size(); i++) {
    Count& entry = count_of(new_pairs_[i].pair);
    entry.list = 0;
    if (entry.count > 0) queue_.push({entry.count, entry.pair, begins[i], new_pairs_[i].words});
  }
  new_pairs_.clear();
  new_places_.clear();
}

// Joins the pair wherever it stands in a word, from left to right, and counts what its neighbours become.
void PairMerges::merge(uint32_t index, int32_t left, int32_t right, int32_t product) {
  Word& word = words_[index];
  int32_t* symbols = symbols_.data() + word.begin;
  const int64_t length = lengths_[static_cast<size_t>(product)];
  const auto fits = [&](int32_t neighbour) { return lengths_[static_cast<size_t>(neighbour)] + length < rules_.max_token_length; };
  uint32_t kept = 0;
  for (uint32_t i = 0; i < word.size; i++) {
    if (i + 1 == word.size || symbols[i] != left || symbols[i + 1] != right) {
      symbols[kept++] = symbols[i];
      continue;
    }
    if (kept > 0) {
      const int32_t before = symbols[kept - 1];
      change(pair_of(before, left), -word.count, index);
      if (fits(before)) change(pair_of(before, product), word.count, index);
    }
    if (i + 2 < word.size) {
      const int32_t after = symbols[i + 2];
      change(pair_of(right, after), -word.count, index);
      if (fits(after)) change(pair_of(product, after), word.count, index);
    }
    symbols[kept++] = product;
    i++;
  }
  word.size = kept;
}

}  // namespace orrery
