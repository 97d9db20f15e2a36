// A worker's turns on a core that another process wants too. The system gives each of both the core for some milliseconds; taken away in the
// middle of a task, it is missed by all others, who wait for that task: two threads are then slower than one. So a worker that this befalls
// for a good part of the time works for less than the system lets it and then sleeps, between two tasks: the others do its work meanwhile.
#pragma once

#include <chrono>
#include <cstdint>

namespace orrery {

class Turns {
 public:
  // Between two loops: sleeps where the turn is over. `waited`: microseconds that others have waited for workers so far; while it is the
  // same and the core is not shared, nothing happens.
  void after_loop(int64_t waited) {
    if (waited != waited_) was_late(waited);
    if (is_shared_) rest_if_over();
  }

 private:
  using Clock = std::chrono::steady_clock;

  void was_late(int64_t waited);
  void rest_if_over();
  bool was_taken();   // the core, since it was asked last

  int64_t waited_ = 0;
  long times_taken_ = 0;
  Clock::time_point since_{};   // and since then, others waited so long for this worker:
  std::chrono::microseconds lost_{};
  bool is_shared_ = false;
  Clock::time_point over_{};
  int quiet_ = 0;   // turns since the core was taken
};

}  // namespace orrery
