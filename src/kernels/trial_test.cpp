#include "kernels/trial.h"

#include <doctest/doctest.h>

#include <vector>

namespace orrery {
namespace {

constexpr int64_t kProduct = int64_t(1) << 20;

// A trial of products that take so many nanoseconds; how many went each way.
template <class Time>
std::vector<int64_t> run(Trial& trial, int ways, int64_t bytes, Time time) {
  std::vector<int64_t> turns(static_cast<size_t>(ways));
  for (int64_t i = 0; i < Trial::kTrialBytes / bytes; ++i) {
    CHECK(!trial.decided());
    const Trial::Turn turn = trial.begin(bytes);
    CHECK(turn.bytes == bytes);
    ++turns[size_t(turn.way)];
    trial.add(turn.way, bytes, time(turn.way, i));
  }
  return turns;
}

TEST_CASE("the first products take turns, and the fastest way stays") {
  for (int ways = 1; ways <= Trial::kMostWays; ++ways)
    for (int fastest = 0; fastest < ways; ++fastest)
      for (const int64_t bytes : {kProduct, 2 * Trial::kTurnBytes, 4 * Trial::kTurnBytes}) {
        CAPTURE(ways);
        CAPTURE(fastest);
        CAPTURE(bytes);
        Trial trial(ways);
        const auto turns = run(trial, ways, bytes, [&](int way, int64_t) { return way == fastest ? 40'000 : 50'000 + way; });
        for (const int64_t of_way : turns) CHECK(of_way * ways * 2 > Trial::kTrialBytes / bytes);   // half its share at least
        CHECK(trial.decided());
        for (const int64_t later : {int64_t(1), kProduct}) {
          CHECK(trial.begin(later).way == fastest);
          CHECK(trial.begin(later).bytes == 0);   // the clock is asked no more
        }
      }
}

TEST_CASE("interrupted products decide nothing") {
  Trial trial(2);
  run(trial, 2, kProduct, [](int way, int64_t i) { return way == 0 ? 50'000 : i % 20 == 0 ? 10'000'000 : 40'000; });   // 540,000 on average
  CHECK(trial.begin(kProduct).way == 1);
}

TEST_CASE("small products are not counted") {
  Trial trial(2);
  for (int i = 0; i < 100'000; ++i) {
    const Trial::Turn turn = trial.begin(Trial::kLeastBytes - 1);
    CHECK(turn.way == 0);
    CHECK(turn.bytes == 0);
    trial.end(turn);
  }
  CHECK(!trial.decided());
}

}  // namespace
}  // namespace orrery
