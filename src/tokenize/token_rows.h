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

  // Tokens that a post-processor adds. Where they stand, and of which segment they are, is told when the rows are taken.
  void add(const Encoding& specials) {
    for (size_t i = 0; i < specials.size(); ++i) add(specials.ids[i], specials.offsets[i], specials.words[i]);
  }

  // A word at byte `begin` of the text, whose first own word has the number `word`. Its places are in characters where those are
  // asked for, else in bytes.
  [[gnu::always_inline]] void add(const KnownWord& known, uint32_t begin, uint32_t end, int32_t word, const OffsetMap& offsets_of) {
    const bool one_by_one = offsets_of.unit() == OffsetUnit::utf16 && !offsets_of.is_even(begin, end);
    if (!known.padded || one_by_one) return add_slowly(known, begin, word, offsets_of, one_by_one);
    room(kAtOnce);   // as many as fit an entry are written whatever their number: no loop whose end has to be guessed
    const uint32_t first = offsets_of.at(begin);
    std::memcpy(&ids_[size_], known.ids, 7 * sizeof(int32_t));
    std::array<int32_t, kAtOnce> words = kStartsBefore[known.starts & 0x7F];
    for (int32_t& one : words) one += word - 1;
    std::memcpy(&words_[size_], words.data(), sizeof words);
    Offsets* const to = &offsets_[size_];
    std::array<uint8_t, 2 * kAtOnce> places;
    std::memcpy(places.data(), known.places, sizeof places);
    for (size_t i = 0; i < kAtOnce; ++i) to[i] = {first + places[2 * i], first + places[2 * i + 1]};
    size_ += known.count;
  }

  // Of which text and segment rows are.
  struct Kind {
    int32_t sequence = 0, type_id = 0;
  };
  // Copies the rows into `out`, whatever it held, and leaves none here.
  void take(Encoding& out, const Kind& kind) {
    const auto copy = [this](auto& to, const auto& from) { to.assign(from.get(), from.get() + size_); };
    copy(out.ids, ids_);
    copy(out.offsets, offsets_);
    copy(out.words, words_);
    out.type_ids.assign(size_, kind.type_id);
    out.sequences.assign(size_, kind.sequence);
    out.special.assign(size_, 0);
    out.mask.assign(size_, 1);
    clear();
  }

  // Rows of a part of a text, and the number of the word that is 0 there.
  struct Part {
    const TokenRows* rows;
    int32_t first_word;
  };
  // Copies the rows of a text's parts, which follow each other, into `out`, which is empty; parallel(tasks, f) calls f for all of them.
  template <class Parallel>
  static void take(std::span<const Part> parts, Encoding& out, const Kind& kind, Parallel parallel) {
    constexpr size_t kSpecials = 8;   // a post-processor's tokens find room
    size_t size = 0;
    for (const Part& part : parts) size += part.rows->size_;
    const auto rows = [&](auto& to, auto field) {
      to.reserve(size + kSpecials);
      for (const Part& part : parts) {
        const auto* const from = (part.rows->*field).get();
        to.insert(to.end(), from, from + part.rows->size_);
      }
    };
    const auto words = [&](auto& to) {
      rows(to, &TokenRows::words_);
      size_t i = 0;
      for (const Part& part : parts)
        for (const size_t end = i + part.rows->size_; i < end; ++i) to[i] += part.first_word;
    };
    const auto alike = [size](auto& to, auto value) {
      to.reserve(size + kSpecials);
      to.resize(size, value);
    };
    parallel(7, [&](int64_t field) {
      switch (field) {
        case 0: return rows(out.offsets, &TokenRows::offsets_);
        case 1: return words(out.words);
        case 2: return rows(out.ids, &TokenRows::ids_);
        case 3: return alike(out.type_ids, kind.type_id);
        case 4: return alike(out.sequences, kind.sequence);
        case 5: return alike(out.special, uint8_t(0));
        default: return alike(out.mask, uint8_t(1));
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
    std::array<std::array<int32_t, kAtOnce>, 128> all{};
    for (size_t starts = 0; starts < 128; ++starts)
      for (size_t i = 0; i < kAtOnce; ++i) all[starts][i] = (i > 0 ? all[starts][i - 1] : 0) + static_cast<int32_t>(starts >> i & 1);
    return all;
  }();

  [[gnu::noinline]] void add_slowly(KnownWord known, uint32_t begin, int32_t word, const OffsetMap& offsets_of, bool one_by_one) {
    room(known.count);
    const uint32_t first = offsets_of.at(begin);
    --word;
    for (uint32_t i = 0; i < known.count; ++i, ++size_) {
      const TokenPlace place = known.places[i];
      ids_[size_] = known.ids[i];
      words_[size_] = word += static_cast<int32_t>(known.starts >> i & 1);
      offsets_[size_] = one_by_one ? offsets_of({begin + place.begin, begin + place.end}) : Offsets{first + place.begin, first + place.end};
    }
  }

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
