// Which of a few ways to read the panels of a product is the fastest here, measured. Processors differ: Intel's want to be asked for panels ahead
// of their use, those of AMD look ahead by themselves, and further where nobody asks (Zen 4, one row of q8_0: 29 GB/s undisturbed, 25 asked; eight
// rows of q4_0: 14 and 17); some read four panels side by side faster, some one after the other. So the first products out of memory take turns, a
// few megabytes each, and the clock decides once. Bits are the same in every way.
//
//   static constinit Trial trial{2};                  // of one loop, two ways
//   const Trial::Turn turn = trial.begin(bytes);      // of panels, that the product will read
//   ... turn.way ...
//   trial.end(turn);
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace orrery {

class Trial {
 public:
  static constexpr int kMostWays = 4;
  // Products of fewer bytes are not counted: they say nothing of memory.
  static constexpr int64_t kLeastBytes = int64_t(1) << 16, kTurnBytes = int64_t(1) << 22, kTrialBytes = int64_t(1) << 30;

  explicit constexpr Trial(int ways) : ways_(ways) {}   // at most kMostWays; until there is a choice small products go the first

  struct Turn {
    int way;
    int64_t bytes, began;   // nanoseconds of a steady clock; no bytes: not counted
  };
  Turn begin(int64_t bytes) const;
  void end(const Turn& turn);

  // What a product of so many bytes showed, in so much time. Threads may tell at once.
  void add(int way, int64_t bytes, int64_t nanoseconds);
  bool decided() const { return choice_.load(std::memory_order_relaxed) >= 0; }

 private:
  // Products, one for each kLeastBytes, and the sum of their speeds, in bytes a microsecond. One that was interrupted weighs little so.
  struct Seen {
    std::atomic<int64_t> products{0}, speeds{0};
  };
  int ways_;
  std::atomic<int> choice_{-1};
  std::atomic<int64_t> bytes_{0};   // of all ways
  std::array<Seen, kMostWays> seen_;
};

}  // namespace orrery
