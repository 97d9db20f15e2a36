#include "tokenize/trainers/pair_merges.h"

namespace orrery {

int32_t PairMerges::token(const std::string& text) {
  const auto [entry, is_new] = ids_.emplace(text, static_cast<int32_t>(tokens_.size()));
  if (is_new) tokens_.push_back(text);
  return entry->second;
}

void PairMerges::add_word(std::span<const int32_t> symbols, int64_t count) {
  const auto index = static_cast<uint32_t>(words_.size());
  words_.push_back({symbols_.size(), static_cast<uint32_t>(symbols.size()), count});
  for (const int32_t id : symbols) symbols_.push_back({id, 1});
  for (size_t i = 0; i + 1 < symbols.size(); i++) change({symbols[i], symbols[i + 1]}, count, index);
}

void PairMerges::learn(const std::function<void(int64_t, int64_t)>& progress) {
  propose();
  const int64_t wanted = rules_.vocab_size - static_cast<int64_t>(tokens_.size());
  while (static_cast<int64_t>(tokens_.size()) < rules_.vocab_size && !queue_.empty()) {
    Candidate top = queue_.top();
    queue_.pop();
    if (const int64_t now = counts_[top.pair]; now != top.count) {
      top.count = now;
      queue_.push(top);
      continue;
    }
    if (top.count < 1 || top.count < rules_.min_frequency) break;
    const std::string &left = tokens_[static_cast<size_t>(top.pair.first)], &right = tokens_[static_cast<size_t>(top.pair.second)];
    merges_.emplace_back(left, right);
    const bool drops = !rules_.prefix.empty() && right.starts_with(rules_.prefix);
    const int32_t product = token(left + (drops ? right.substr(rules_.prefix.size()) : right));
    const std::vector<uint32_t> places = std::move(lists_[top.words]);
    for (const uint32_t word : places) merge(word, top.pair, product);
    propose();
    if (progress && merges_.size() % 64 == 0) progress(static_cast<int64_t>(merges_.size()), wanted);
  }
  if (progress) progress(static_cast<int64_t>(merges_.size()), static_cast<int64_t>(merges_.size()));
}

// `by` more occurrences of a pair, in a word where it is new when `by` is positive.
void PairMerges::change(const Pair& pair, int64_t by, uint32_t word) {
  counts_[pair] += by;
  if (by <= 0) return;
  std::vector<uint32_t>& places = new_places_[pair];
  if (places.empty() || places.back() != word) places.push_back(word);
}

// Puts the pairs that appeared since the last time into the queue.
void PairMerges::propose() {
  for (auto& [pair, places] : new_places_) {
    const int64_t count = counts_[pair];
    if (count <= 0) continue;
    queue_.push({count, pair, lists_.size()});
    lists_.push_back(std::move(places));
  }
  new_places_.clear();
}

// Joins the pair wherever it stands in a word, from left to right, and counts what its neighbours become.
void PairMerges::merge(uint32_t index, const Pair& pair, int32_t product) {
  Word& word = words_[index];
  Symbol* symbols = symbols_.data() + word.begin;
  uint32_t kept = 0;
  for (uint32_t i = 0; i < word.size; i++) {
    if (i + 1 == word.size || symbols[i].id != pair.first || symbols[i + 1].id != pair.second) {
      symbols[kept++] = symbols[i];
      continue;
    }
    const Symbol joined{product, symbols[i].length + symbols[i + 1].length};
    const auto fits = [&](const Symbol& neighbour) { return neighbour.length + joined.length < rules_.max_token_length; };
    if (kept > 0) {
      const Symbol& before = symbols[kept - 1];
      change({before.id, pair.first}, -word.count, index);
      if (fits(before)) change({before.id, product}, word.count, index);
    }
    if (i + 2 < word.size) {
      const Symbol& after = symbols[i + 2];
      change({pair.second, after.id}, -word.count, index);
      if (fits(after)) change({product, after.id}, word.count, index);
    }
    symbols[kept++] = joined;
    i++;
  }
  word.size = kept;
}

}  // namespace orrery
