// The tokens of words met before, with their places in the word: for encodings with offsets, and for words that are found by more than
// their bytes. One caller's own, bounded, in two levels: a line of memory for a short word of few tokens, in a table that grows while
// words drive each other out, and behind it a larger memory that is emptied when it is full.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "tokenize/vocab.h"
#include "tokenize/word_key.h"
#include "tokenize/word_parts.h"
#include "tokenize/zero_array.h"

namespace orrery {

// Bytes [begin, end) of a word; or characters, where offsets are wanted in those.
struct TokenPlace {
  uint8_t begin, end;
};

struct KnownWord {
  const int32_t* ids;
  const TokenPlace* places;
  uint32_t count;
  uint32_t words;    // words of the pre-tokenizer that begin in it
  uint64_t starts;   // bit i: with token i begins one
  bool padded;       // seven ids and eight places may be read, whatever the count
};

// A word just found. Only what fits a KnownWord.
struct FoundWord {
  static constexpr size_t kMostTokens = 64, kMostBytes = 255;
  std::vector<int32_t> ids;
  std::vector<TokenPlace> places;
  uint32_t words = 0;
  uint64_t starts = 0;
  KnownWord view() const { return {ids.data(), places.data(), static_cast<uint32_t>(ids.size()), words, starts, false}; }
};

// The second level: its table of places grows with the words.
class AllWordTokens {
 public:
  static uint64_t hash_of(std::string_view word, bool fresh) { return (hash_bytes(word) ^ (fresh ? 0xFF51AFD7ED558CCDu : 0)) * 0x9E3779B97F4A7C15u; }
  void ask(uint64_t hash) const { __builtin_prefetch(&places_[first_place(upper(hash), bits_)]); }

  // Null where the word is new.
  const KnownWord* find(std::string_view word, bool fresh, uint64_t hash) {
    if (word.size() > kLongest) return nullptr;
    const uint16_t size = size_of(word, fresh);
    for (size_t at = first_place(upper(hash), bits_);; at = next_place(at, bits_)) {
      const Place& place = places_[at];
      if (place.size == 0) return nullptr;
      if (place.hash != upper(hash) || place.size != size) continue;
      const uint32_t* record = &records_[place.at];
      if (std::memcmp(record + kHead + place.count + places_size(place.count), word.data(), word.size()) != 0) continue;
      uint64_t starts;
      std::memcpy(&starts, record, sizeof starts);
      found_ = {reinterpret_cast<const int32_t*>(record + kHead), reinterpret_cast<const TokenPlace*>(record + kHead + place.count), place.count, place.words, starts, false};
      return &found_;
    }
  }

  void add(std::string_view word, bool fresh, uint64_t hash, const FoundWord& found) {
    if (word.size() > kLongest) return;
    const size_t count = found.ids.size(), record = kHead + count + places_size(count) + (word.size() + 3) / 4;
    if (words_ * 2 >= size_t(1) << bits_ || used_ + record > kRecords) grow(used_ + record > kRecords);
    put(places_, bits_, {upper(hash), static_cast<uint32_t>(used_), size_of(word, fresh), static_cast<uint8_t>(count), static_cast<uint8_t>(found.words)});
    uint32_t* to = &records_[used_];
    std::memcpy(to, &found.starts, sizeof found.starts);
    if (count > 0) {
      std::memcpy(to + kHead, found.ids.data(), 4 * count);
      std::memcpy(to + kHead + count, found.places.data(), sizeof(TokenPlace) * count);
    }
    std::memcpy(to + kHead + count + places_size(count), word.data(), word.size());
    used_ += record;
    ++words_;
  }

 private:
  struct Place {
    uint32_t hash, at;
    uint16_t size;   // 0 where the place is free
    uint8_t count, words;
  };
  static constexpr int kFirstBits = 12, kMostBits = 21;   // 24 MiB at most
  static constexpr size_t kRecords = size_t(1) << 24, kLongest = FoundWord::kMostBytes, kHead = 2;   // 64 MiB

  // What is kept of a hash: enough to find a word's place in a larger table.
  static uint32_t upper(uint64_t hash) { return static_cast<uint32_t>(hash >> 32); }
  static size_t first_place(uint32_t hash, int bits) { return hash >> (32 - bits); }
  static size_t next_place(size_t at, int bits) { return (at + 1) & ((size_t(1) << bits) - 1); }
  static void put(ZeroArray<Place>& places, int bits, const Place& place) {
    size_t at = first_place(place.hash, bits);
    while (places[at].size != 0) at = next_place(at, bits);
    places[at] = place;
  }

  // Twice the room; or none of the words any more, where they or their records fill all that there may be.
  void grow(bool full) {
    full = full || bits_ == kMostBits;
    const int bits = full ? kFirstBits : bits_ + 1;
    auto larger = ZeroArray<Place>::dense(size_t(1) << bits);
    if (full) {
      words_ = used_ = 0;
    } else {
      for (size_t at = 0; at < size_t(1) << bits_; ++at)
        if (const Place& place = places_[at]; place.size != 0) put(larger, bits, place);
    }
    places_ = std::move(larger);
    bits_ = bits;
  }

  static size_t places_size(size_t count) { return (sizeof(TokenPlace) * count + 3) / 4; }
  static uint16_t size_of(std::string_view word, bool fresh) { return static_cast<uint16_t>(word.size() | (fresh ? 0x8000u : 0u)); }

  int bits_ = kFirstBits;
  ZeroArray<Place> places_{size_t(1) << kFirstBits};
  ZeroArray<uint32_t> records_{kRecords};
  size_t words_ = 0, used_ = 0;
  KnownWord found_{};
};

class WordTokens {
 public:
  static constexpr size_t kBatch = 32;
  struct Batch {
    std::array<WordKey, kBatch> keys;
    std::array<uint32_t, kBatch> places;   // kNowhere: too long for the first level
    int bits;                              // with which these are right
  };

  // Calls to.emit(part, KnownWord) for each part of the text in turn. Of a new one to.find(part) is asked for a FoundWord; where that
  // gives null, it has seen to the part itself.
  template <class To>
  void look_up(std::string_view text, std::span<const WordPart> parts, To& to) {
    std::array<Batch, 2> batches;   // the memory is asked for one while the other is answered
    const auto some = [parts](size_t from) { return parts.subspan(from, std::min(kBatch, parts.size() - from)); };
    if (!parts.empty()) ask(text, some(0), batches[0]);
    for (size_t done = 0, turn = 0; done < parts.size(); done += kBatch, turn ^= 1) {
      if (const size_t next = done + kBatch; next < parts.size()) ask(text, some(next), batches[turn ^ 1]);
      answer(text, some(done), batches[turn], to);
    }
  }

  // Asks the memory for one to kBatch parts.
  void ask(std::string_view text, std::span<const WordPart> parts, Batch& batch) {
    if (!levels_) levels_ = std::make_unique<Levels>();
    if (levels_->driven_out > size_t(1) << (levels_->bits - 1) && levels_->bits < kMostBits) grow();
    if (parts.back().end + 16 <= text.size()) return ask(parts, batch, [text](size_t begin) { return text.data() + begin; });
    const WordKey::Bytes bytes(text);
    ask(parts, batch, [&bytes](size_t begin) { return bytes.from(begin); });
  }
  // Tells of them, as look_up does; though others were asked for since.
  template <class To>
  void answer(std::string_view text, std::span<const WordPart> parts, Batch& batch, To& to) {
    if (batch.bits != levels_->bits) place(batch, parts.size());
    const Entry* const all = &levels_->entries[0];
    const auto is_known = [&](size_t i) { return batch.places[i] != kNowhere && all[batch.places[i]].key == batch.keys[i]; };
    uint32_t others = 0;   // words that the first level does not know, as bits
    for (size_t i = 0; i < parts.size(); ++i) others |= uint32_t(!is_known(i)) << i;
    std::array<uint64_t, kBatch> hashes;
    for (uint32_t left = others; left != 0; left &= left - 1) {
      const auto i = static_cast<size_t>(std::countr_zero(left));
      levels_->all.ask(hashes[i] = AllWordTokens::hash_of(word_of(text, parts[i]), parts[i].fresh));
    }
    for (size_t i = 0; i < parts.size(); ++i) {
      if ((others >> i & 1) == 0) {
        to.emit(parts[i], all[batch.places[i]].word());
        continue;
      }
      if (!look_further(text, parts[i], batch, i, hashes[i], to)) continue;
      for (size_t j = i + 1; j < parts.size(); ++j) {   // one was kept, perhaps in the place of a later one; or it is a later one
        if (batch.places[j] != batch.places[i]) continue;
        hashes[j] = AllWordTokens::hash_of(word_of(text, parts[j]), parts[j].fresh);
        others = (others & ~(uint32_t(1) << j)) | uint32_t(!is_known(j)) << j;
      }
    }
  }

 private:
  static constexpr size_t kMostTokens = 7;
  static constexpr int kFirstBits = 14, kMostBits = 19;   // one MiB, and 32
  static constexpr uint32_t kNowhere = UINT32_MAX;

  struct alignas(64) Entry {
    WordKey key;
    std::array<int32_t, kMostTokens> ids;
    std::array<TokenPlace, kMostTokens + 1> places;   // as many as are read at once
    uint32_t told;   // the count, the words and which tokens begin them, a byte each

    void tell(const KnownWord& known) { told = known.count | known.words << 8 | static_cast<uint32_t>(known.starts) << 16; }
    KnownWord word() const { return {ids.data(), places.data(), told & 0xFF, told >> 8 & 0xFF, told >> 16, true}; }
  };
  static_assert(sizeof(Entry) == 64);
  struct Levels {
    ZeroArray<Entry> entries{size_t(1) << kFirstBits};
    int bits = kFirstBits;
    size_t driven_out = 0;
    AllWordTokens all;
  };

  static std::string_view word_of(std::string_view text, const WordPart& part) { return text.substr(part.begin, part.end - part.begin); }

  // A word that the first level does not know. True where now it does.
  template <class To>
  [[gnu::noinline]] bool look_further(std::string_view text, const WordPart& part, const Batch& batch, size_t i, uint64_t hash, To& to) {
    const std::string_view word = word_of(text, part);
    KnownWord known;
    if (const KnownWord* met = levels_->all.find(word, part.fresh, hash)) {
      known = *met;
    } else {
      const FoundWord* found = to.find(part);
      if (!found) return false;
      levels_->all.add(word, part.fresh, hash, *found);
      known = found->view();
    }
    to.emit(part, known);
    if (batch.places[i] == kNowhere || known.count > kMostTokens) return false;
    keep(levels_->entries[batch.places[i]], batch.keys[i], known);
    return true;
  }

  template <class From>
  void ask(std::span<const WordPart> parts, Batch& batch, From from) const {
    const int bits = batch.bits = levels_->bits;
    const Entry* const entries = &levels_->entries[0];
    for (size_t i = 0; i < parts.size(); ++i) {
      const WordPart part = parts[i];
      const size_t size = part.end - part.begin;
      batch.places[i] = kNowhere;
      if (size > WordKey::kLongest) continue;
      WordKey key = WordKey::inside(from(part.begin), size);
      key.parts[1] |= uint64_t(part.fresh) << 63;
      batch.keys[i] = key;
      batch.places[i] = static_cast<uint32_t>(key.place(bits));
      __builtin_prefetch(entries + batch.places[i]);
    }
  }
  void place(Batch& batch, size_t count) const {
    for (size_t i = 0; i < count; ++i)
      if (batch.places[i] != kNowhere) batch.places[i] = static_cast<uint32_t>(batch.keys[i].place(levels_->bits));
    batch.bits = levels_->bits;
  }

  void grow() {
    const int bits = levels_->bits + 1;
    auto larger = ZeroArray<Entry>::dense(size_t(1) << bits);
    for (size_t i = 0; i < size_t(1) << levels_->bits; ++i)
      if (const Entry& entry = levels_->entries[i]; !(entry.key == WordKey{})) larger[entry.key.place(bits)] = entry;
    levels_->entries = std::move(larger);
    levels_->bits = bits;
    levels_->driven_out = 0;
  }

  void keep(Entry& entry, const WordKey& key, const KnownWord& known) {
    levels_->driven_out += !(entry.key == WordKey{});
    entry.key = key;
    std::copy_n(known.ids, known.count, entry.ids.begin());
    std::copy_n(known.places, known.count, entry.places.begin());
    entry.tell(known);
  }

  std::unique_ptr<Levels> levels_;
};

}  // namespace orrery
