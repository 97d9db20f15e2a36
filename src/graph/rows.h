// What a row space is at run time: the sequences whose rows lie end to end.
#pragma once

#include <cstdint>
#include <vector>

namespace orrery {

struct CacheSequence;

struct SequenceRows {
  int64_t begin = 0, count = 0;     // rows [begin, begin + count) of the space
  int64_t position = 0;             // position of the first of them in its sequence
  uint32_t id = 0;                  // names the sequence for random numbers
  CacheSequence* cache = nullptr;   // the state it continues, where the plan has one
  const CacheSequence* source = nullptr;   // the keys and values of its source, written by an encode run
};

struct Rows {
  int64_t count = 0;
  std::vector<SequenceRows> sequences;
  void append(int64_t rows, int64_t position = 0, uint32_t id = 0, CacheSequence* cache = nullptr) {
    sequences.push_back({count, rows, position, id, cache});
    count += rows;
  }
};

}  // namespace orrery
