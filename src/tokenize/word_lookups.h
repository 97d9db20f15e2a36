// The two loops that most of word_ids.h's time goes into, where an instruction set has better ones than its own.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tokenize/word_key.h"

namespace orrery {

// A line of memory is two halves, each a word's key, its first four ids, and in the upper four bits of the last how many there are. Where
// there are more than four the first word is alone: up to eight more are the line's other half. A number over kMostInLine: elsewhere.
struct WordLookups {
  static constexpr uint32_t kMostInLine = 12;
  static constexpr size_t kMost = 32;   // words at once

  // Of words that lie end to end between bounds[0] and bounds[count]: their keys, and the lines that may have them, of 2^bits, which are
  // asked for. Those of words too long for a key are not asked for: told is a bit for each.
  uint32_t (*ask)(const char* text, const uint32_t* bounds, size_t count, const void* lines, int bits, WordKey* keys, size_t* places);

  struct Copied {
    size_t next;    // the first word not copied
    int32_t* out;   // where its ids go
  };
  // The ids of words from i on, as long as their lines have them, one after the other from `out` on, where there is room for sixteen a word.
  Copied (*copy)(const void* lines, const WordKey* keys, const size_t* places, size_t i, size_t count, int32_t* out);
};

}  // namespace orrery
