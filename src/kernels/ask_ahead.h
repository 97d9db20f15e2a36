// Whether products of few rows gain by asking memory for panels ahead of their use, measured. Processors differ: Intel's want to be told, those of
// AMD look ahead by themselves, and further where nobody asks (Zen 4, one row of q8_0: 29 GB/s undisturbed, 25 asked; eight rows of q4_0: 14 and 17).
// So the first products out of memory take turns, a few megabytes each, and the clock decides once. Bits are the same either way.
//
//   static constinit AskAhead ahead;                      // of one loop
//   const AskAhead::Turn turn = ahead.begin(bytes);       // of panels, that the product will read
//   ... turn.asks ...
//   ahead.end(turn);
#pragma once

#include <atomic>
#include <cstdint>

namespace orrery {

class AskAhead {
 public:
  // Products of fewer bytes are not counted: they say nothing of memory.
  static constexpr int64_t kLeastBytes = int64_t(1) << 16, kTurnBytes = int64_t(1) << 22, kTrialBytes = int64_t(1) << 30;

  struct Turn {
    bool asks;
    int64_t bytes, began;   // nanoseconds of a steady clock; no bytes: not counted
  };
  Turn begin(int64_t bytes) const;
  void end(const Turn& turn);

  // What a product of so many bytes showed, in so much time. Threads may tell at once.
  void add(bool asks, int64_t bytes, int64_t nanoseconds);
  bool decided() const { return choice_.load(std::memory_order_relaxed) != kOpen; }

 private:
  enum Choice { kOpen, kAsks, kStays };
  std::atomic<Choice> choice_{kOpen};
  std::atomic<int64_t> seen_{0};                 // bytes, of both ways
  // Of each way: products, one for each kLeastBytes, and the sum of their speeds, in bytes a microsecond. One that was interrupted weighs little so.
  std::atomic<int64_t> products_[2]{}, speeds_[2]{};
};

}  // namespace orrery
