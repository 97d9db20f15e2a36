// The ids of words met before, for callers that want nothing but ids. One caller's own and bounded: a table that grows with the words
// it holds and is emptied when it is full. A word of up to 15 bytes lies there with its ids: two to a cache line, or one where it has
// five to twelve ids. Of others the table says where in a second memory they are. Words are looked up a batch at a time, so that the
// memory's answers arrive side by side.
//
//   words.tokenize(all, ids, find);                                          // any number
//   words.ask(few, batch); …; words.answer(few, batch, ids, find);           // at most kBatch, with other work between
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "tokenize/id_buffer.h"
#include "tokenize/model.h"
#include "tokenize/text_scans.h"
#include "tokenize/word_key.h"
#include "tokenize/word_lookups.h"
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

  static constexpr size_t kBatch = WordLookups::kMost;
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
    if constexpr (std::is_same_v<Words, WordsInRow>) {
      if (lookups_) return ask_in_row(words, batch);
    }
    if (words[words.size() - 1].end + 16 <= text.size()) return ask(words, batch, [text](size_t begin, size_t size) { return WordKey::inside(text.data() + begin, size); });
    const WordKey::Bytes bytes(text);
    ask(words, batch, [&](size_t begin, size_t size) { return WordKey::inside(bytes.from(begin), size); });
  }
  // Appends their ids; whatever was looked up since they were asked for.
  template <class Words, class Find>
  void answer(const Words& words, Batch& batch, IdBuffer& ids, Find find) {
    if (batch.bits != bits_) batch.place(0, words.size(), bits_);
    ask_again(batch);
    int32_t* from = ids.room(kRoom);
    int32_t* out = from;
    for (size_t i = 0;; ++i) {
      const WordLookups::Copied copied = copy_usual(batch, i, words.size(), out);
      i = copied.next;
      out = copied.out;
      if (i == words.size()) break;
      const Entry& entry = lines_[batch.places[i]].of(batch.keys[i]);
      if (entry.key == batch.keys[i] && is_record_of(entry, words.text.data() + words[i].begin)) {
        const Record record = entry.record();
        const int32_t* const found = &records_[record.ids()];
        std::memcpy(out, found, kAtOnce * sizeof(int32_t));
        if (record.count <= kAtOnce) {
          out += record.count;
          continue;
        }
        ids.took(static_cast<size_t>(out - from));
        from = ids.room(record.count + kRoom);
        std::memcpy(from, found, record.count * sizeof(int32_t));
        out = from + record.count;
        continue;
      }
      ids.took(static_cast<size_t>(out - from));
      append_slowly(words.text, words[i], batch.keys[i], ids, find);
      from = out = ids.room(kRoom);
      if (batch.bits != bits_) batch.place(i + 1, words.size(), bits_);
    }
    ids.took(static_cast<size_t>(out - from));
  }

  // Small ones, for tests of what happens when they are full: 2^bits words at most, and as many ids and bytes of four as `records`.
  WordIds() = default;
  WordIds(int most_bits, size_t most_records, const WordLookups* lookups) : lookups_(lookups), most_bits_(most_bits), most_records_(most_records) {}

 private:
  static constexpr size_t kAlone = WordLookups::kMostInLine, kInHalf = 4;   // ids that lie in a line, and in half of one
  static constexpr size_t kAtOnce = 16, kRoom = kBatch * kAtOnce;   // so many ids are copied whatever their number
  static constexpr size_t kLongest = 1024;   // longer words seldom come again
  static constexpr int kFirstBits = 12, kRoomyBits = 19;   // 128 KiB, 16 MiB

  // Where in the second memory the bytes of a long word lie, and behind them its ids.
  struct Record {
    uint32_t at, count, size;   // the first of its numbers; ids; bytes, which short words do not need

    size_t ids() const { return at + words_of(size); }
    static size_t words_of(size_t size) { return (size + 3) / 4; }
  };
  struct Entry {
    WordKey key;                         // all zero where free
    std::array<uint32_t, kInHalf> ids;   // the first four; the upper bits of the last tell how many there are. Or a Record

    static constexpr uint32_t kMostId = (1u << 24) - 1, kElsewhere = 15;   // ids never look like a key, whose last byte is not zero

    static Entry of(const WordKey& key, std::span<const int32_t> all) {
      Entry entry{key, {}};
      for (size_t i = 0; i < std::min(all.size(), kInHalf); ++i) entry.ids[i] = static_cast<uint32_t>(all[i]);
      entry.ids[3] |= static_cast<uint32_t>(all.size()) << 28;
      return entry;
    }
    static Entry of(const WordKey& key, const Record& record) { return {key, {record.at, record.count, record.size, kElsewhere << 28}}; }
    static bool holds(std::span<const int32_t> all) {
      return all.size() <= kAlone && std::all_of(all.begin(), all.end(), [](int32_t id) { return static_cast<uint32_t>(id) <= kMostId; });
    }

    bool is_free() const { return key == WordKey{}; }
    uint32_t count() const { return ids[3] >> 28; }
    bool is_alone() const { return count() > kInHalf && count() <= kAlone; }
    Record record() const { return {ids[0], ids[1], ids[2]}; }
    void copy_four(int32_t* out) const {
      std::array<uint64_t, 2> pairs;
      std::memcpy(pairs.data(), ids.data(), sizeof pairs);
      pairs[1] &= uint64_t(0x0FFFFFFF) << 32 | 0xFFFFFFFF;
      std::memcpy(out, pairs.data(), sizeof pairs);
    }
  };
  struct alignas(64) Line {
    std::array<Entry, 2> entries;   // where the first is alone the second is its other ids

    // The one with this key, if there is one.
    const Entry& of(const WordKey& key) const { return entries[!(entries[0].key == key)]; }
    void copy_others(int32_t* out) const { std::memcpy(out + kInHalf, &entries[1], sizeof(Entry)); }
    // False where there is no room. `ids`: all those of one that is to be alone.
    bool take(const Entry& entry, std::span<const int32_t> ids) {
      if (entries[0].is_free()) {
        entries[0] = entry;
        if (entry.is_alone()) std::memcpy(static_cast<void*>(&entries[1]), ids.data() + kInHalf, ids.size_bytes() - kInHalf * sizeof(int32_t));
        return true;
      }
      if (entry.is_alone() || entries[0].is_alone() || !entries[1].is_free()) return false;
      entries[1] = entry;
      return true;
    }
  };
  static_assert(sizeof(Entry) == (kAlone - kInHalf) * sizeof(int32_t));

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

  // The ids of words from i on, as long as they lie in the words' first lines. Not inline: all of it has to fit into registers.
  [[gnu::noinline]] WordLookups::Copied copy_usual(const Batch& batch, size_t i, size_t words, int32_t* out) const {
    const Line* const lines = &lines_[0];
    if (lookups_) return lookups_->copy(lines, batch.keys.data(), batch.places.data(), i, words, out);
    for (; i < words; ++i) {
      const Line& line = lines[batch.places[i]];
      const WordKey key = batch.keys[i];
      const bool first = line.entries[0].key == key, known = first | (line.entries[1].key == key);
      const Entry& entry = line.entries[!first];
      const uint32_t count = entry.count();
      entry.copy_four(out);
      line.copy_others(out);   // of one that is alone in the line; else they are written over
      if (!known | (count > kAlone)) break;
      out += count;
    }
    return {i, out};
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
  void ask_in_row(const WordsInRow& words, Batch& batch) const {
    const Line* const lines = &lines_[0];
    batch.bits = bits_;
    batch.long_count = 0;
    for (uint32_t left = lookups_->ask(words.text.data(), words.bounds.data(), words.size(), lines, bits_ - 1, batch.keys.data(), batch.places.data()); left != 0; left &= left - 1) {
      const auto i = static_cast<size_t>(std::countr_zero(left));
      batch.long_ones[batch.long_count++] = static_cast<uint16_t>(i);
      batch.keys[i] = long_key(words.text.substr(words.bounds[i], words.bounds[i + 1] - words.bounds[i]));
      batch.places[i] = batch.keys[i].place(bits_ - 1);
      __builtin_prefetch(lines + batch.places[i]);
    }
  }
  // The lines are there: what they tell of the second memory is asked for too.
  void ask_again(const Batch& batch) const {
    if (records_.empty()) return;
    for (size_t n = 0; n < batch.long_count; ++n) {
      const size_t i = batch.long_ones[n];
      const Entry& entry = lines_[batch.places[i]].of(batch.keys[i]);
      const size_t record = entry.key == batch.keys[i] ? entry.record().at : 0;
      const char* const bytes = reinterpret_cast<const char*>(&records_[record]);
      for (size_t line = 0; line < 3; ++line) __builtin_prefetch(bytes + 64 * line);
    }
  }

  // Are the ids of an entry with the word's key in the second memory, and the word's? A long one's key is but a hash.
  bool is_record_of(const Entry& entry, const char* word) const {
    if (entry.count() != Entry::kElsewhere) return false;
    const Record record = entry.record();
    return record.size == 0 || is_same(reinterpret_cast<const char*>(&records_[record.at]), word, record.size);
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
    for (size_t at = key.place(bits_ - 1);; at = (at + 1) & (lines - 1)) {
      const Line& line = lines_[at];
      if (line.entries[0].is_free()) return append_new(word, part, key, ids, find);   // in half of one there may have been too little room
      for (const Entry& entry : line.entries)
        if (entry.key == key) return append_known(word, part, line, entry, ids, find);
    }
  }
  template <class Find>
  void append_known(std::string_view word, const WordPart& part, const Line& line, const Entry& entry, IdBuffer& ids, Find find) {
    if (entry.count() <= kAlone) {
      int32_t* const out = ids.room(kAlone);
      entry.copy_four(out);
      line.copy_others(out);
      return ids.took(entry.count());
    }
    if (!is_record_of(entry, word.data())) return append_found(part, ids, find);
    const Record record = entry.record();
    ids.append({&records_[record.ids()], record.count});
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
    const bool is_long = word.size() > WordKey::kLongest;
    const size_t numbers = Record::words_of(word.size()) + made.size();   // at most
    if (word.size() > kLongest || numbers > most_records_ / 2) return;
    while (is_full() || used_ + numbers > most_records_) grow();
    if (is_long || !Entry::holds(made)) return put(lines_, bits_, Entry::of(key, keep(is_long ? word : std::string_view(), made)), {});
    put_short(lines_, bits_, key, made);
  }

  Record keep(std::string_view word, std::span<const int32_t> ids) {
    if (records_.empty()) records_ = ZeroArray<int32_t>(most_records_ + kAtOnce);
    const Record record{static_cast<uint32_t>(used_), static_cast<uint32_t>(ids.size()), static_cast<uint32_t>(word.size())};
    if (!word.empty()) std::memcpy(&records_[record.at], word.data(), word.size());
    std::copy(ids.begin(), ids.end(), &records_[record.ids()]);
    used_ = record.ids() + ids.size();
    return record;
  }

  // One that should be alone and is not in its first line would be found slowly: its ids go into the second memory.
  void put_short(ZeroArray<Line>& lines, int bits, const WordKey& key, std::span<const int32_t> ids) {
    const bool apart = ids.size() > kInHalf && !lines[key.place(bits - 1)].entries[0].is_free() && used_ + ids.size() <= most_records_;
    apart ? put(lines, bits, Entry::of(key, keep({}, ids)), {}) : put(lines, bits, Entry::of(key, ids), ids);
  }
  void put(ZeroArray<Line>& lines, int bits, const Entry& entry, std::span<const int32_t> ids) {
    size_t at = entry.key.place(bits - 1);
    while (!lines[at].take(entry, ids)) at = (at + 1) & ((size_t(1) << (bits - 1)) - 1);
    halves_ += 1 + size_t(entry.is_alone());
  }

  // A small table is kept emptier: in one that is half full every thirtieth word is not in its first line.
  bool is_full() const { return halves_ * 8 >= size_t(bits_ < kRoomyBits ? 2 : 5) << bits_; }
  // Twice the room, or none of the words any more.
  void grow() {
    const bool full = bits_ == most_bits_ || used_ > most_records_ / 2;
    const int bits = full ? kFirstBits : bits_ + 1;
    auto larger = ZeroArray<Line>::dense(size_t(1) << (bits - 1));
    halves_ = 0;
    if (full) {
      used_ = 0;
    } else {
      for (size_t at = 0; at < size_t(1) << (bits_ - 1); ++at) {
        const Line& line = lines_[at];
        std::array<int32_t, kAlone> ids;
        for (const Entry& entry : line.entries) {
          if (entry.is_free()) break;
          if (entry.is_alone()) {
            entry.copy_four(ids.data());
            line.copy_others(ids.data());
            put_short(larger, bits, entry.key, std::span(ids).first(entry.count()));
            break;
          }
          put(larger, bits, entry, {});
        }
      }
    }
    lines_ = std::move(larger);
    bits_ = bits;
  }

  const WordLookups* lookups_ = TextScans::best().lookups;
  int bits_ = kFirstBits, most_bits_ = 21;                    // 2^bits halves of lines: 64 MiB at most
  size_t halves_ = 0, used_ = 0, most_records_ = size_t(1) << 24;   // 64 MiB
  ZeroArray<Line> lines_{size_t(1) << (kFirstBits - 1)};
  ZeroArray<int32_t> records_;
  std::vector<TokenSpan> spans_;
};

}  // namespace orrery
