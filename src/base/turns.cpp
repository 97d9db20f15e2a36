#include "base/turns.h"

#include <sys/resource.h>

#include <thread>
#include <utility>

namespace orrery {

namespace {
using namespace std::chrono_literals;
constexpr auto kWindow = 50ms;      // the core is shared where in so long
constexpr int kLostShare = 4;       // a quarter of the time was lost
constexpr auto kTurn = 1000us;      // Linux lets a thread run for 1.4 ms and more
constexpr auto kRest = 1500us;
constexpr int kMostQuiet = 100;     // turns; then nobody wants the core any more
}  // namespace

bool Turns::was_taken() {
#ifdef RUSAGE_THREAD
  rusage usage{};
  return getrusage(RUSAGE_THREAD, &usage) == 0 && std::exchange(times_taken_, usage.ru_nivcsw) != usage.ru_nivcsw;
#else
  return false;
#endif
}

void Turns::was_late(int64_t waited) {
  const std::chrono::microseconds now_lost(waited - std::exchange(waited_, waited));
  if (is_shared_ || !was_taken()) return;
  const Clock::time_point now = Clock::now();
  const auto length = now - since_;
  lost_ += now_lost;
  if (length < kWindow) return;
  is_shared_ = length < 4 * kWindow && kLostShare * lost_ >= length;   // one that began long ago tells nothing of today
  since_ = now;
  lost_ = {};
  quiet_ = 0;
  over_ = now + kTurn;
}

void Turns::rest_if_over() {
  if (Clock::now() < over_) return;
  quiet_ = was_taken() ? 0 : quiet_ + 1;
  if (quiet_ > kMostQuiet) {
    is_shared_ = false;
    return;
  }
  std::this_thread::sleep_for(kRest);
  over_ = Clock::now() + kTurn;
}

}  // namespace orrery
