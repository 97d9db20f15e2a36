// The tokens of words met before: most words of a text are. One caller's own, of fixed size; a newer word takes the place
// of an older one.
#pragma once

#include <array>
#include <string_view>
#include <type_traits>
#include <vector>

#include "tokenize/model.h"
#include "tokenize/word_key.h"

namespace orrery {

class WordCache {
 public:
  static constexpr size_t kMostTokens = 8;

  // Appends the word's tokens, from the cache or from find(word, out), which may tell that they are not to be kept.
  template <class Find>
  void tokenize(std::string_view word, std::vector<TokenSpan>& out, Find find) {
    if (word.size() > WordKey::kLongest) return void(find(word, out));
    if (entries_.empty()) entries_.resize(kEntries);
    const WordKey key = WordKey::of(word, 0, word.size());
    Entry& entry = entries_[key.place(kBits)];
    if (entry.key == key) {
      uint32_t at = 0;
      for (size_t i = 0; i < entry.count; i++) {
        out.push_back({entry.ids[i], at, at + entry.bytes[i]});
        at += entry.bytes[i];
      }
      return;
    }
    const size_t before = out.size();
    if constexpr (std::is_same_v<decltype(find(word, out)), bool>) {
      if (!find(word, out)) return;
    } else {
      find(word, out);
    }
    store(entry, key, word.size(), out.data() + before, out.size() - before);
  }

 private:
  struct Entry {
    WordKey key;
    std::array<int32_t, kMostTokens> ids;
    std::array<uint8_t, kMostTokens> bytes;
    uint8_t count;
  };
  static constexpr int kBits = 14;
  static constexpr size_t kEntries = size_t(1) << kBits;   // one MiB

  // Only tokens that lie end to end within the word, as nearly all do.
  static void store(Entry& entry, const WordKey& key, size_t size, const TokenSpan* tokens, size_t count) {
    if (count > kMostTokens) return;
    uint32_t at = 0;
    for (size_t i = 0; i < count; i++) {
      if (tokens[i].begin != at || tokens[i].end > size) return;
      at = tokens[i].end;
    }
    entry.key = key;
    entry.count = static_cast<uint8_t>(count);
    for (size_t i = 0; i < count; i++) {
      entry.ids[i] = tokens[i].id;
      entry.bytes[i] = static_cast<uint8_t>(tokens[i].end - tokens[i].begin);
    }
  }

  std::vector<Entry> entries_;
};

}  // namespace orrery
