// The ids of words met before, for callers that want nothing but ids. One caller's own and bounded: a table that grows with the words
// it holds and is emptied when it is full. A word of up to 15 bytes and six ids lies there with its ids, two such to a cache line;
// of others the table says where in a second memory they are. Words are looked up a batch at a time, so that the memory's answers
// arrive side by side.
//
//   words.tokenize(all, ids, find);                                          // any number
//   words.ask(few, batch); …; words.answer(few, batch, ids, find);           // at most kBatch, with other work between
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "tokenize/id_buffer.h"
#include "tokenize/model.h"
#include "tokenize/word_key.h"
#include "tokenize/word_parts.h"
#include "tokenize/zero_array.h"

namespace orrery {

// Words that lie end to end in a text: each from one bound to the next.
struct WordsInRow {
  std::string_view text;
  std::span<const uint32_t> bounds;

  size_t size() const { return bounds.size() - 1; }
  WordPart operator[](size_t i) const { return {bounds[i], bounds[i + 1], false}; }
  WordsInRow some(size_t from, size_t most) const { return {text, bounds.subspan(from, std::min(most, size() - from) + 1)}; }
};

// Words here and there in a text, in its order.
struct WordsApart {
  std::string_view text;
  std::span<const WordPart> parts;

  size_t size() const { return parts.size(); }
  const WordPart& operator[](size_t i) const { return parts[i]; }
  WordsApart some(size_t from, size_t most) const { return {text, parts.subspan(from, std::min(most, size() - from))}; }
};

class WordIds {
 public:
  // Appends the ids of words (WordsInRow, WordsApart); find(part, spans) makes those of a new one.
  template <class Words, class Find>
  void tokenize(const Words& words, IdBuffer& ids, Find find) {
    std::array<Batch, 2> batches;   // the memory is asked for one while the other is answered
    if (words.size() > 0) ask(words.some(0, kBatch), batches[0]);
    for (size_t done = 0, turn = 0; done < words.size(); done += kBatch, turn ^= 1) {
      if (const size_t next = done + kBatch; next < words.size()) ask(words.some(next, kBatch), batches[turn ^ 1]);
      answer(words.some(done, kBatch), batches[turn], ids, find);
    }
  }

  static constexpr size_t kBatch = 32;
  struct Batch {
    std::array<WordKey, kBatch> keys;
    std::array<size_t, kBatch> places;
    int bits;              // with which these are right
    uint32_t long_count;   // words that only the second memory tells whole
    std::array<uint16_t, kBatch> long_ones;

    void place(size_t from, size_t count, int now) {
      for (size_t i = from; i < count; ++i) places[i] = keys[i].place(now - 1);
      bits = now;
    }
  };

  // Asks the memory for one to kBatch words.
  template <class Words>
  void ask(const Words& words, Batch& batch) const {
    const std::string_view text = words.text;
    if (words[words.size() - 1].end + 16 <= text.size()) return ask(words, batch, [text](size_t begin, size_t size) { return WordKey::inside(text.data() + begin, size); });
    const WordKey::Bytes bytes(text);
    ask(words, batch, [&](size_t begin, size_t size) { return WordKey::inside(bytes.from(begin), size); });
  }
  // Appends their ids; whatever was looked up since they were asked for.
  template <class Words, class Find>
  void answer(const Words& words, Batch& batch, IdBuffer& ids, Find find) {
    if (batch.bits != bits_) batch.place(0, words.size(), bits_);
    ask_again(batch);
    const auto& keys = batch.keys;
    const auto& places = batch.places;
    const Line* lines = &lines_[0];
    const int32_t* from = ids.room(kRoom);
    int32_t* out = ids.room(kRoom);
    for (size_t i = 0; i < words.size(); ++i) {
      const auto& both = lines[places[i]].entries;
      const Entry& entry = both[!(both[0].key == keys[i])];
      const bool known = entry.key == keys[i];
      const uint32_t count = entry.ids.count();
      entry.ids.copy_four(out);
      if (known && count <= 4) {
        out += count;
        continue;
      }
      if (known && count <= Packed::kMost) {
        entry.ids.copy_others(out);
        out += count;
        continue;
      }
      if (known && is_record_of(entry, words.text.data() + words[i].begin)) {
        const auto [record, others, bytes, _] = entry.ids.lanes;
        if (others <= kAtOnce) {
          std::memcpy(out, &records_[record], kAtOnce * sizeof(int32_t));
          out += others;
          continue;
        }
        ids.took(static_cast<size_t>(out - from));
        int32_t* const begin = ids.room(others + kRoom);
        std::memcpy(begin, &records_[record], others * sizeof(int32_t));
        from = begin;
        out = begin + others;
        continue;
      }
      ids.took(static_cast<size_t>(out - from));
      append_slowly(words.text, words[i], keys[i], ids, find);
      from = out = ids.room(kRoom);
      lines = &lines_[0];
      if (batch.bits != bits_) batch.place(i + 1, words.size(), bits_);
    }
    ids.took(static_cast<size_t>(out - from));
  }

  // Small ones, for tests of what happens when they are full: 2^bits words at most, and as many ids and bytes of four as `records`.
  WordIds() = default;
  WordIds(int most_bits, size_t most_records) : most_bits_(most_bits), most_records_(most_records) {}

 private:
  static constexpr size_t kMostInPlace = 6, kAtOnce = 16, kRoom = kBatch * kAtOnce;   // so many ids are copied whatever their number
  static constexpr size_t kLongest = 1024;   // longer words seldom come again
  static constexpr int kFirstBits = 12;

  // Up to six ids of 20 bits, four of them in place: the 12 bits above those hold the other two, and how many there are. Or a place in
  // the second memory.
  struct Packed {
    static constexpr size_t kMost = kMostInPlace;
    static constexpr uint32_t kId = (1u << 20) - 1, kElsewhere = 15;
    std::array<uint32_t, 4> lanes;

    static bool fits(std::span<const int32_t> ids) {
      return ids.size() <= kMost && std::all_of(ids.begin(), ids.end(), [](int32_t id) { return static_cast<uint32_t>(id) <= kId; });
    }
    static Packed of(std::span<const int32_t> ids) {
      std::array<uint32_t, kMost> all{};
      for (size_t i = 0; i < ids.size(); ++i) all[i] = static_cast<uint32_t>(ids[i]);
      return {{all[0] | all[4] << 20, all[1] | all[4] >> 12 << 20, all[2] | all[5] << 20, all[3] | all[5] >> 12 << 20 | static_cast<uint32_t>(ids.size()) << 28}};
    }
    static Packed elsewhere(size_t at, size_t count, size_t bytes) {
      return {{static_cast<uint32_t>(at), static_cast<uint32_t>(count), static_cast<uint32_t>(bytes), kElsewhere << 28}};
    }
    uint32_t count() const { return lanes[3] >> 28; }
    void copy_four(int32_t* out) const {
      std::array<uint64_t, 2> pairs;
      std::memcpy(pairs.data(), lanes.data(), sizeof pairs);
      for (uint64_t& pair : pairs) pair &= uint64_t(kId) << 32 | kId;
      std::memcpy(out, pairs.data(), sizeof pairs);
    }
    void copy_others(int32_t* out) const {
      out[4] = static_cast<int32_t>(lanes[0] >> 20 | (lanes[1] >> 20 & 0xFF) << 12);
      out[5] = static_cast<int32_t>(lanes[2] >> 20 | (lanes[3] >> 20 & 0xFF) << 12);
    }
  };
  struct Entry {
    WordKey key;   // all zero where free
    Packed ids;
  };
  struct alignas(64) Line {
    std::array<Entry, 2> entries;
  };

  static WordKey long_key(std::string_view word) { return {{word.size() <= kUsual ? hash_usual(word) : hash_bytes(word), uint64_t(0x7F) << 56 | word.size()}}; }

  // Of words of 16 to 64 bytes, without a branch: four times 16 bytes are read, some of them twice.
  static constexpr size_t kUsual = 64;
  static std::array<size_t, 4> sixteens_of(size_t size) {
    const size_t last = size - 16, second = std::min<size_t>(last, 16);
    return {0, second, last - second, last};
  }
  static uint64_t eight_at(const char* bytes) {
    uint64_t word;
    std::memcpy(&word, bytes, 8);
    return word;
  }
  static uint64_t hash_usual(std::string_view word) {
    constexpr std::array<uint64_t, 4> kFirst = {0x9E3779B97F4A7C15u, 0xC2B2AE3D27D4EB4Fu, 0xFF51AFD7ED558CCDu, 0xD6E8FEB86659FD93u};
    constexpr std::array<uint64_t, 4> kSecond = {0xBF58476D1CE4E5B9u, 0x94D049BB133111EBu, 0xC4CEB9FE1A85EC53u, 0xA0761D6478BD642Fu};
    const std::array<size_t, 4> places = sixteens_of(word.size());
    uint64_t hash = 0;
    for (size_t i = 0; i < places.size(); ++i) hash += eight_at(word.data() + places[i]) * kFirst[i] + eight_at(word.data() + places[i] + 8) * kSecond[i];
    hash = (hash ^ hash >> 32) * kFirst[0];
    return hash ^ hash >> 29;
  }

  // Two rounds: whether a word is long cannot be guessed, so the first makes a short one's key of each.
  template <class Words, class Key>
  void ask(Words words, Batch& batch, Key key_of) const {
    const int bits = batch.bits = bits_;
    const Line* const lines = &lines_[0];
    const auto put = [&](size_t i, const WordPart& part, WordKey key) {
      key.parts[1] |= uint64_t(part.fresh) << 63;
      batch.keys[i] = key;
      return batch.places[i] = key.place(bits - 1);
    };
    uint32_t long_count = 0;
    const size_t count = words.size();
    for (size_t i = 0; i < count; ++i) {
      const WordPart part = words[i];
      const size_t size = part.end - part.begin;
      const auto is_long = static_cast<uint32_t>(size > WordKey::kLongest);
      batch.long_ones[long_count] = static_cast<uint16_t>(i);
      long_count += is_long;
      const size_t place = put(i, part, key_of(part.begin, std::min(size, WordKey::kLongest)));
      __builtin_prefetch(lines + (place & (size_t(is_long) - 1)));
    }
    batch.long_count = long_count;
    for (size_t n = 0; n < long_count; ++n) {
      const size_t i = batch.long_ones[n];
      const WordPart part = words[i];
      __builtin_prefetch(lines + put(i, part, long_key(words.text.substr(part.begin, part.end - part.begin))));
    }
  }
  // The lines are there: what they tell of the second memory is asked for too.
  void ask_again(const Batch& batch) const {
    if (records_.empty()) return;
    for (size_t n = 0; n < batch.long_count; ++n) {
      const size_t i = batch.long_ones[n];
      const auto& both = lines_[batch.places[i]].entries;
      const Entry& entry = both[!(both[0].key == batch.keys[i])];
      const size_t record = entry.key == batch.keys[i] ? entry.ids.lanes[0] : 0;
      const char* const bytes = reinterpret_cast<const char*>(&records_[record]);
      for (size_t line = 0; line < 3; ++line) __builtin_prefetch(bytes + 64 * line);
    }
  }

  // Are the ids of an entry with the word's key in the second memory, and the word's? A long one's key is but a hash.
  bool is_record_of(const Entry& entry, const char* word) const {
    const auto [record, count, size, _] = entry.ids.lanes;
    if (entry.ids.count() != Packed::kElsewhere) return false;
    const bool is_long = size > WordKey::kLongest;
    static constexpr char kSame[16] = {};   // what short words are compared by: no branch whose way has to be guessed
    return is_same(is_long ? reinterpret_cast<const char*>(&records_[record + count]) : kSame, is_long ? word : kSame, is_long ? size : sizeof kSame);
  }

  // Of at least 16 bytes.
  static bool is_same(const char* one, const char* other, size_t size) {
    if (size > kUsual) return std::memcmp(one, other, size) == 0;
    uint64_t differ = 0;
    for (const size_t at : sixteens_of(size)) differ |= (eight_at(one + at) ^ eight_at(other + at)) | (eight_at(one + at + 8) ^ eight_at(other + at + 8));
    return differ == 0;
  }

  // Of words that are not in the first line they may be in, or not with their ids, or new.
  template <class Find>
  void append_slowly(std::string_view text, const WordPart& part, const WordKey& key, IdBuffer& ids, Find find) {
    const std::string_view word = text.substr(part.begin, part.end - part.begin);
    const size_t lines = size_t(1) << (bits_ - 1);
    for (size_t line = key.place(bits_ - 1);; line = (line + 1) & (lines - 1)) {
      for (const Entry& entry : lines_[line].entries) {
        if (entry.key == WordKey{}) return append_new(word, part, key, ids, find);
        if (!(entry.key == key)) continue;
        if (entry.ids.count() != Packed::kElsewhere) {
          int32_t* const out = ids.room(Packed::kMost);
          entry.ids.copy_four(out);
          entry.ids.copy_others(out);
          return ids.took(entry.ids.count());
        }
        if (!is_record_of(entry, word.data())) return append_found(part, ids, find);
        return ids.append({&records_[entry.ids.lanes[0]], entry.ids.lanes[1]});
      }
    }
  }

  template <class Find>
  void append_found(const WordPart& part, IdBuffer& ids, Find find) {
    spans_.clear();
    find(part, spans_);
    int32_t* out = ids.room(spans_.size());
    for (const TokenSpan& span : spans_) *out++ = span.id;
    ids.took(spans_.size());
  }

  template <class Find>
  void append_new(std::string_view word, const WordPart& part, const WordKey& key, IdBuffer& ids, Find find) {
    const size_t before = ids.ids().size();
    append_found(part, ids, find);
    const std::span<const int32_t> made = ids.ids().subspan(before);
    const bool is_long = word.size() > WordKey::kLongest, here = !is_long && Packed::fits(made);
    const size_t record = here ? 0 : made.size() + (is_long ? (word.size() + 3) / 4 : 0);
    if (word.size() > kLongest || record > most_records_ / 2) return;
    if (words_ * 2 >= size_t(1) << bits_ || used_ + record > most_records_) grow();
    Packed packed = Packed::of({});
    if (here) {
      packed = Packed::of(made);
    } else {
      if (records_.empty()) records_ = ZeroArray<int32_t>(most_records_ + kAtOnce);
      packed = Packed::elsewhere(used_, made.size(), word.size());
      std::copy(made.begin(), made.end(), &records_[used_]);
      if (is_long) std::memcpy(&records_[used_ + made.size()], word.data(), word.size());
      used_ += record;
    }
    put(lines_, bits_, {key, packed});
    ++words_;
  }

  static void put(ZeroArray<Line>& lines, int bits, const Entry& entry) {
    for (size_t line = entry.key.place(bits - 1);; line = (line + 1) & ((size_t(1) << (bits - 1)) - 1))
      for (Entry& free : lines[line].entries)
        if (free.key == WordKey{}) return void(free = entry);
  }

  // Twice the room, or none of the words any more.
  void grow() {
    const bool full = bits_ == most_bits_ || used_ > most_records_ / 2;
    const int bits = full ? kFirstBits : bits_ + 1;
    auto larger = ZeroArray<Line>::dense(size_t(1) << (bits - 1));
    if (full) {
      words_ = used_ = 0;
    } else {
      for (size_t line = 0; line < size_t(1) << (bits_ - 1); ++line)
        for (const Entry& entry : lines_[line].entries)
          if (!(entry.key == WordKey{})) put(larger, bits, entry);
    }
    lines_ = std::move(larger);
    bits_ = bits;
  }

  int bits_ = kFirstBits, most_bits_ = 21;                    // 2^bits entries: 64 MiB at most
  size_t words_ = 0, used_ = 0, most_records_ = size_t(1) << 24;   // 64 MiB
  ZeroArray<Line> lines_{size_t(1) << (kFirstBits - 1)};
  ZeroArray<int32_t> records_;
  std::vector<TokenSpan> spans_;
};

}  // namespace orrery
