// The ids of words met before, for callers that want nothing but ids. One caller's own, bounded, in two levels: words of up to 15 bytes
// stand with their ids in one cache line each, and a newer one takes the place of an older; behind that, words of all lengths lie end
// to end in a larger memory that is emptied when it is full. Words are looked up a batch at a time, so that the memory's answers
// arrive side by side.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <vector>

#include "tokenize/model.h"
#include "tokenize/word_key.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace orrery {

// An array of zeros whose pages cost nothing until they are touched; large pages where the system has them. Null where memory is out.
template <class T>
class ZeroArray {
 public:
  explicit ZeroArray(size_t count) : data_(static_cast<T*>(std::calloc(count, sizeof(T)))) {
    if (!data_) throw std::bad_alloc();
#if defined(MADV_HUGEPAGE)
    constexpr uintptr_t kLarge = uintptr_t(1) << 21;
    const auto begin = (reinterpret_cast<uintptr_t>(data_.get()) + kLarge - 1) & ~(kLarge - 1);
    const auto end = (reinterpret_cast<uintptr_t>(data_.get()) + count * sizeof(T)) & ~(kLarge - 1);
    if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);   // advice: a refusal changes nothing
#endif
  }
  T& operator[](size_t i) { return data_.get()[i]; }
  const T& operator[](size_t i) const { return data_.get()[i]; }

 private:
  struct Free {
    void operator()(T* data) const { std::free(data); }
  };
  std::unique_ptr<T, Free> data_;
};

// The second level.
class AllWordIds {
 public:
  struct Place {
    uint32_t hash, at;     // of the record: its ids, then its bytes
    uint16_t size, count;  // bytes, 0 where the place is free; ids
  };

  static uint64_t hash_of(std::string_view word) {
    uint64_t hash = word.size() * 0x9E3779B97F4A7C15u, part = 0;
    const auto mix = [&] { hash = (hash ^ part) * 0x9E3779B97F4A7C15u, hash ^= hash >> 29; };
    size_t at = 0;
    for (; at + 8 <= word.size(); at += 8) {
      std::memcpy(&part, word.data() + at, 8);
      mix();
    }
    part = 0;
    std::memcpy(&part, word.data() + at, word.size() - at);
    mix();
    return hash * 0xC2B2AE3D27D4EB4Fu;
  }

  void ask(uint64_t hash) const { __builtin_prefetch(&places_[hash >> kShift]); }
  void ask_record(uint64_t hash) const { __builtin_prefetch(&records_[places_[hash >> kShift].at]); }

  // The ids of a word, or none where it is new. They stay where they are until the next `add`.
  std::span<const int32_t> find(std::string_view word, uint64_t hash) const {
    for (size_t at = hash >> kShift;; at = (at + 1) & (kPlaces - 1)) {
      const Place& place = places_[at];
      if (place.size == 0) return {};
      if (place.hash == static_cast<uint32_t>(hash) && place.size == word.size() && std::memcmp(&records_[place.at + place.count], word.data(), word.size()) == 0)
        return {&records_[place.at], place.count};
    }
  }

  void add(std::string_view word, uint64_t hash, std::span<const int32_t> ids) {
    if (word.size() > kLongest || ids.empty()) return;
    const size_t record = ids.size() + (word.size() + 3) / 4;
    if (words_ * 2 >= kPlaces || used_ + record > kRecords) {
      places_ = ZeroArray<Place>(kPlaces);
      words_ = used_ = 0;
    }
    size_t at = hash >> kShift;
    while (places_[at].size != 0) at = (at + 1) & (kPlaces - 1);
    places_[at] = {static_cast<uint32_t>(hash), static_cast<uint32_t>(used_), static_cast<uint16_t>(word.size()), static_cast<uint16_t>(ids.size())};
    std::copy(ids.begin(), ids.end(), &records_[used_]);
    std::memcpy(&records_[used_ + ids.size()], word.data(), word.size());
    used_ += record;
    ++words_;
  }

 private:
  static constexpr int kShift = 64 - 20;
  static constexpr size_t kPlaces = size_t(1) << 20, kRecords = size_t(1) << 23, kLongest = 64;   // 12 and 32 MiB; longer words seldom come again

  ZeroArray<Place> places_{kPlaces};
  ZeroArray<int32_t> records_{kRecords};
  size_t words_ = 0, used_ = 0;
};

class WordIds {
 public:
  // Appends the ids of words that lie end to end in `text`, the first at `begin`; find(word, spans) makes those of a new word.
  template <class Find>
  void tokenize(std::string_view text, size_t begin, std::span<const uint32_t> ends, std::vector<int32_t>& ids, Find find) {
    if (!levels_) levels_ = std::make_unique<Levels>();
    for (size_t done = 0; done < ends.size(); done += kBatch) {
      const size_t count = std::min(kBatch, ends.size() - done);
      begin = batch(text, begin, ends.subspan(done, count), ids, find);
    }
  }

 private:
  static constexpr size_t kMostIds = 11, kBatch = 32;
  static constexpr int kBits = 16;
  static constexpr size_t kEntries = size_t(1) << kBits;   // four MiB

  struct alignas(64) Entry {
    WordKey key;
    std::array<int32_t, kMostIds> ids;
    uint32_t count;
  };
  struct Levels {
    ZeroArray<Entry> entries{kEntries};
    AllWordIds all;
  };
  struct Miss {
    size_t word;      // of the batch
    uint64_t hash;
  };

  // Returns the end of the last word.
  template <class Find>
  size_t batch(std::string_view text, size_t begin, std::span<const uint32_t> ends, std::vector<int32_t>& ids, Find find) {
    std::array<WordKey, kBatch> keys;
    std::array<Entry*, kBatch> places;
    const auto word_at = [&](size_t i) {
      const size_t from = i == 0 ? begin : ends[i - 1];
      return text.substr(from, ends[i] - from);
    };
    size_t at = begin;
    for (size_t i = 0; i < ends.size(); at = ends[i++]) {
      const size_t size = ends[i] - at;
      places[i] = nullptr;
      if (size > WordKey::kLongest) continue;
      keys[i] = WordKey::of(text, at, size);
      places[i] = &levels_->entries[keys[i].place(kBits)];
      __builtin_prefetch(places[i]);
    }
    std::array<Miss, kBatch> missing;
    size_t misses = 0;
    for (size_t i = 0; i < ends.size(); ++i) {
      if (places[i] && places[i]->key == keys[i]) continue;
      missing[misses] = {i, AllWordIds::hash_of(word_at(i))};
      levels_->all.ask(missing[misses++].hash);
    }
    for (size_t m = 0; m < misses; ++m) levels_->all.ask_record(missing[m].hash);

    std::array<int32_t, kBatch * kMostIds> made;
    size_t count = 0, done = 0;
    const auto append_known = [&](size_t end) {   // those of words before `end`, all of the first level
      for (; done < end; ++done) {
        std::memcpy(made.data() + count, places[done]->ids.data(), sizeof places[done]->ids);
        count += places[done]->count;
      }
      ids.insert(ids.end(), made.begin(), made.begin() + static_cast<std::ptrdiff_t>(count));
      count = 0;
    };
    for (size_t m = 0; m < misses; ++m) {
      append_known(missing[m].word);
      append_missing(word_at(missing[m].word), missing[m].hash, ids, find);
      done = missing[m].word + 1;
    }
    append_known(ends.size());
    // Only now may entries change: others of the batch have been read.
    for (size_t m = 0; m < misses; ++m) {
      const size_t i = missing[m].word;
      if (!places[i]) continue;
      const std::span<const int32_t> known = levels_->all.find(word_at(i), missing[m].hash);
      if (known.empty() || known.size() > kMostIds) continue;
      places[i]->key = keys[i];
      places[i]->count = static_cast<uint32_t>(known.size());
      std::copy(known.begin(), known.end(), places[i]->ids.begin());
    }
    return ends.back();
  }

  template <class Find>
  void append_missing(std::string_view word, uint64_t hash, std::vector<int32_t>& ids, Find find) {
    if (const std::span<const int32_t> known = levels_->all.find(word, hash); !known.empty()) {
      ids.insert(ids.end(), known.begin(), known.end());
      return;
    }
    spans_.clear();
    find(word, spans_);
    const size_t before = ids.size();
    for (const TokenSpan& span : spans_) ids.push_back(span.id);
    levels_->all.add(word, hash, std::span(ids).subspan(before));
  }

  std::unique_ptr<Levels> levels_;
  std::vector<TokenSpan> spans_;
};

}  // namespace orrery
