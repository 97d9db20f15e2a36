// The tokens of a text as they are found: ids, offsets and words, in rooms that are used again for the next text.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

#include "tokenize/encoding.h"
#include "tokenize/offset_map.h"
#include "tokenize/word_tokens.h"

namespace orrery {

class TokenRows {
 public:
  size_t size() const { return size_; }

  void add(int32_t id, Offsets at, int32_t word) {
    room(1);
    ids_[size_] = id;
    offsets_[size_] = at;
    words_[size_++] = word;
  }

  // A word at byte `begin` of the text, whose first own word has the number `word`. Its places are in characters where those are
  // asked for, else in bytes.
  void add(const KnownWord& known, uint32_t begin, uint32_t end, int32_t word, const OffsetMap& offsets_of) {
    room(std::max<size_t>(known.count, kAtOnce));
    if (known.padded) {   // as many as fit an entry are written whatever their number: no loop whose end has to be guessed
      std::memcpy(&ids_[size_], known.ids, 7 * sizeof(int32_t));
      const auto& before = kStartsBefore[known.starts & 0x7F];
      for (size_t i = 0; i < kAtOnce; ++i) words_[size_ + i] = word - 1 + before[i];
    } else {
      std::copy_n(known.ids, known.count, &ids_[size_]);
      int32_t now = word - 1;
      for (uint32_t i = 0; i < known.count; ++i) words_[size_ + i] = now += static_cast<int32_t>(known.starts >> i & 1);
    }
    Offsets* to = &offsets_[size_];
    if (offsets_of.unit() == OffsetUnit::utf16 && !offsets_of.is_even(begin, end)) {
      for (uint32_t i = 0; i < known.count; ++i) to[i] = offsets_of({begin + known.places[i].begin, begin + known.places[i].end});
    } else {
      const uint32_t first = offsets_of.at(begin);
      if (known.padded) {
        std::array<uint8_t, 2 * kAtOnce> places;
        std::memcpy(places.data(), known.places, kAtOnce * sizeof(TokenPlace));
        for (size_t i = 0; i < kAtOnce; ++i) to[i] = {first + places[2 * i], first + places[2 * i + 1]};
      } else {
        for (uint32_t i = 0; i < known.count; ++i) to[i] = {first + known.places[i].begin, first + known.places[i].end};
      }
    }
    size_ += known.count;
  }

  // What stands around a text's rows, and of which text and segment they are.
  struct Frame {
    const Encoding& before;
    const Encoding& after;
    int32_t sequence = 0, type_id = 0;
  };
  // Moves the rows into `out`, which is empty, and leaves none here.
  void take(Encoding& out, const Frame& frame) {
    const Part all{this, 0};
    take(std::span(&all, 1), out, frame, [](int64_t tasks, auto f) {
      for (int64_t task = 0; task < tasks; ++task) f(task);
    });
    clear();
  }

  // Rows of a part of a text, and the number of the word that is 0 there.
  struct Part {
    const TokenRows* rows;
    int32_t first_word;
  };
  // Copies the rows of a text's parts, which follow each other, into `out`; parallel(tasks, f) calls f for all of them.
  template <class Parallel>
  static void take(std::span<const Part> parts, Encoding& out, const Frame& frame, Parallel parallel) {
    constexpr size_t kSpecials = 8;   // a post-processor's tokens find room
    size_t size = 0;
    for (const Part& part : parts) size += part.rows->size_;
    const auto fill = [&](auto field, auto add) {
      auto& to = out.*field;
      const auto &before = frame.before.*field, &after = frame.after.*field;
      to.reserve(before.size() + size + std::max(after.size(), kSpecials));
      for (const auto& one : before) to.push_back(one);   // few
      add(to);
      for (const auto& one : after) to.push_back(one);
    };
    const auto rows = [&](auto field) {
      return [&parts, field](auto& to) {
        for (const Part& part : parts) {
          const auto* const from = (part.rows->*field).get();
          to.insert(to.end(), from, from + part.rows->size_);
        }
      };
    };
    const auto words = [&](auto& to) {
      size_t i = to.size();
      rows(&TokenRows::words_)(to);
      if (parts.size() == 1) return;
      for (const Part& part : parts)
        for (const size_t end = i + part.rows->size_; i < end; ++i) to[i] += part.first_word;
    };
    const auto alike = [size](auto value) { return [size, value](auto& to) { to.resize(to.size() + size, value); }; };
    parallel(7, [&](int64_t field) {
      switch (field) {
        case 0: return fill(&Encoding::offsets, rows(&TokenRows::offsets_));
        case 1: return fill(&Encoding::words, words);
        case 2: return fill(&Encoding::ids, rows(&TokenRows::ids_));
        case 3: return fill(&Encoding::type_ids, alike(frame.type_id));
        case 4: return fill(&Encoding::sequences, alike(frame.sequence));
        case 5: return fill(&Encoding::special, alike(uint8_t(0)));
        default: return fill(&Encoding::mask, alike(uint8_t(1)));
      }
    });
  }

  void clear() {
    size_ = 0;
    if (capacity_ > kMostKept) ids_.reset(), offsets_.reset(), words_.reset(), capacity_ = 0;
  }

 private:
  static constexpr size_t kAtOnce = 8, kMostKept = size_t(1) << 20;

  // Of the tokens that words begin with, as bits: how many there are up to each.
  static constexpr auto kStartsBefore = [] {
    std::array<std::array<uint8_t, kAtOnce>, 128> all{};
    for (size_t starts = 0; starts < 128; ++starts)
      for (size_t i = 0, count = 0; i < kAtOnce; ++i) all[starts][i] = static_cast<uint8_t>(count += starts >> i & 1);
    return all;
  }();

  void room(size_t count) {
    if (size_ + count > capacity_) grow(count);
  }
  void grow(size_t count) {
    const size_t wanted = std::max<size_t>({2 * capacity_, size_ + count, 1024});
    const auto move = [&](auto& from) {
      using Row = std::remove_reference_t<decltype(from[0])>;
      auto larger = std::make_unique_for_overwrite<Row[]>(wanted);
      std::copy_n(from.get(), size_, larger.get());
      from = std::move(larger);
    };
    move(ids_);
    move(offsets_);
    move(words_);
    capacity_ = wanted;
  }

  std::unique_ptr<int32_t[]> ids_, words_;
  std::unique_ptr<Offsets[]> offsets_;
  size_t size_ = 0, capacity_ = 0;
};

}  // namespace orrery
