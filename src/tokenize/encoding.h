// What encoding a text gives: parallel arrays, one entry for each token; and how the tokens read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tokenize/token_texts.h"

namespace orrery {

// In which unit offsets count. Hugging Face's Python side and its goldens use characters (code points).
enum class OffsetUnit { bytes, chars, utf16 };

// The part [begin, end) of the input text that a token covers.
struct Offsets {
  uint32_t begin = 0, end = 0;
  friend bool operator==(const Offsets&, const Offsets&) = default;
};

struct Encoding {
  static constexpr int32_t kNone = -1;

  std::vector<int32_t> ids;
  TokenTexts texts;                  // how they read: token(i), tokens()
  std::vector<Offsets> offsets;      // (0, 0) for tokens that the post-processor adds
  std::vector<int32_t> type_ids;     // the segment, as BERT counts it
  std::vector<uint8_t> special;      // 1 for tokens that the post-processor added
  std::vector<int32_t> words;        // the index of the pre-token, or kNone
  std::vector<int32_t> sequences;    // 0 or 1: which input text, or kNone
  std::vector<uint8_t> mask;         // 0 for padding
  std::vector<Encoding> overflow;    // what truncation cut off, window by window
  bool bare = false;                 // of one text without a post-processor: the reference counts padding as part of that text

  size_t size() const { return ids.size(); }
  std::string_view token(size_t i) const { return texts.of(i, ids[i]); }
  std::vector<std::string> tokens() const;
  void add(int32_t id, Offsets at, int32_t type_id, bool is_special, int32_t word, int32_t sequence);   // as its id reads
  void add(int32_t id, std::string token, Offsets at, int32_t type_id, bool is_special, int32_t word, int32_t sequence);
  // Puts the other after this; each window of one goes with the other itself and with each of its windows.
  void append(const Encoding& other);
  void append(Encoding&& other);
  Encoding part(size_t begin, size_t end) const;   // tokens [begin, end), without overflow
};

}  // namespace orrery
