#include "tokenize/trainers/word_counts.h"

#include <algorithm>
#include <cstring>

#include "tokenize/vocab.h"

namespace orrery {

namespace {

constexpr uint64_t kLong = uint64_t(0xFF) << 56;
constexpr uint64_t kPlace = (uint64_t(1) << 56) - 1;
constexpr int64_t kEntry = 56;   // bytes of a word's entry and its share of the free ones

template <class T>
uint64_t load(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// A short word's bytes by loads that overlap: no copy of a length that is not known.
WordKey key_of(std::string_view word) {
  const char* at = word.data();
  const size_t n = word.size();
  if (n > WordKey::kLongest) return {{hash_bytes(word), kLong}};
  WordKey key{};
  if (n > 8)
    key.parts = {load<uint64_t>(at), load<uint64_t>(at + n - 8) >> (8 * (16 - n))};
  else if (n >= 4)
    key.parts[0] = load<uint32_t>(at) | load<uint32_t>(at + n - 4) << (8 * (n - 4));
  else
    key.parts[0] = load<uint8_t>(at) | load<uint8_t>(at + n / 2) << (8 * (n / 2)) | load<uint8_t>(at + n - 1) << (8 * (n - 1));
  key.parts[1] |= uint64_t(n) << 56;
  return key;
}

bool is_long(const WordKey& key) { return (key.parts[1] & kLong) == kLong; }

uint64_t hash_of(const WordKey& key) {
  const uint64_t second = is_long(key) ? kLong : key.parts[1];
  const uint64_t hash = (key.parts[0] ^ second * 0xC2B2AE3D27D4EB4Fu) * 0x9E3779B97F4A7C15u;
  return hash ^ hash >> 32;
}

}  // namespace

std::string_view WordCounts::Table::word(const Entry& entry) const {
  if (!is_long(entry.key)) return {reinterpret_cast<const char*>(entry.key.parts.data()), size_t(entry.key.parts[1] >> 56)};
  const char* at = text_.data() + (entry.key.parts[1] & kPlace);
  return {at + 4, size_t(load<uint32_t>(at))};
}

void WordCounts::Table::grow() {
  bits_ = bits_ == 0 ? 6 : bits_ + 1;
  std::vector<Entry> old(size_t(1) << bits_);
  old.swap(entries_);
  const size_t mask = entries_.size() - 1;
  for (const Entry& entry : old) {
    if (entry.count == 0) continue;
    size_t at = hash_of(entry.key) >> (64 - bits_);
    while (entries_[at].count != 0) at = (at + 1) & mask;
    entries_[at] = entry;
  }
}

bool WordCounts::Table::add(std::string_view word, const WordKey& key, uint64_t hash, int64_t count) {
  if (3 * used_ >= 2 * entries_.size()) grow();
  const size_t mask = entries_.size() - 1;
  size_t at = hash >> (64 - bits_);
  for (; entries_[at].count != 0; at = (at + 1) & mask) {
    Entry& entry = entries_[at];
    if (is_long(key) ? entry.key.parts[0] == key.parts[0] && is_long(entry.key) && this->word(entry) == word : entry.key == key) {
      entry.count += count;
      return false;
    }
  }
  entries_[at] = {key, count};
  used_++;
  if (!is_long(key)) return true;
  entries_[at].key.parts[1] = kLong | text_.size();
  const auto size = static_cast<uint32_t>(word.size());
  char bytes[4];
  std::memcpy(bytes, &size, 4);
  text_.append(bytes, 4).append(word);
  return true;
}

void WordCounts::Table::add(const Table& other) {
  for (const Entry& entry : other.entries_)
    if (entry.count != 0) add(other.word(entry), entry.key, hash_of(entry.key), entry.count);
}

int64_t WordCounts::Table::forget(int64_t floor) {
  Table kept;
  for (const Entry& entry : entries_)
    if (entry.count > floor) kept.add(word(entry), entry.key, hash_of(entry.key), entry.count);
  const auto gone = static_cast<int64_t>(used_ - kept.used_);
  *this = std::move(kept);
  return gone;
}

int64_t WordCounts::Table::bytes() const { return kEntry * static_cast<int64_t>(used_) + static_cast<int64_t>(text_.size()); }

void WordCounts::add(std::string_view word, int64_t count) {
  if (word.empty()) return;
  const WordKey key = key_of(word);
  const uint64_t hash = hash_of(key);
  if (tables_[hash % kTables].add(word, key, hash, count)) forget_beyond();
}

void WordCounts::add(std::span<const WordCounts> parts, ThreadPool& pool) {
  pool.parallel(kTables, [&](int64_t table) {
    for (const WordCounts& part : parts) tables_[static_cast<size_t>(table)].add(part.tables_[static_cast<size_t>(table)]);
  });
  forget_beyond();
}

void WordCounts::forget_beyond() {
  const auto bytes = [&] {
    int64_t sum = 0;
    for (const Table& table : tables_) sum += table.bytes();
    return sum;
  };
  if (bytes() <= limit_) return;
  while (bytes() > limit_ / 4 * 3 && size() > 1) {
    floor_++;
    for (Table& table : tables_) forgotten_ += table.forget(floor_);
  }
}

size_t WordCounts::size() const {
  size_t sum = 0;
  for (const Table& table : tables_) sum += table.size();
  return sum;
}

std::vector<std::pair<std::string_view, int64_t>> WordCounts::sorted() const {
  struct Word {
    uint64_t first;   // eight bytes: most comparisons end there
    std::string_view text;
    int64_t count;
    bool operator<(const Word& o) const { return first != o.first ? first < o.first : text < o.text; }
  };
  std::vector<Word> words;
  words.reserve(size());
  for (const Table& table : tables_)
    for (const Entry& entry : table.entries()) {
      if (entry.count == 0) continue;
      const std::string_view text = table.word(entry);
      uint64_t first = 0;
      for (size_t i = 0; i < 8; i++) first = first << 8 | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0u);
      words.push_back({first, text, entry.count});
    }
  std::sort(words.begin(), words.end());
  std::vector<std::pair<std::string_view, int64_t>> sorted;
  sorted.reserve(words.size());
  for (const Word& word : words) sorted.emplace_back(word.text, word.count);
  return sorted;
}

}  // namespace orrery
