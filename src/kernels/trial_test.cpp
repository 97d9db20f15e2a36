#include "kernels/trial.h"

#include <doctest/doctest.h>

#include <vector>

namespace orrery {
namespace {

constexpr int64_t kProduct = int64_t(1) << 20, kProducts = Trial::kTrialBytes / kProduct;

TEST_CASE("the first products take turns, and the fastest way stays") {
  for (int ways = 1; ways <= Trial::kMostWays; ++ways)
    for (int fastest = 0; fastest < ways; ++fastest) {
      CAPTURE(ways);
      CAPTURE(fastest);
      Trial trial(ways);
      std::vector<int64_t> turns(static_cast<size_t>(ways));
      for (int64_t i = 0; i < kProducts; ++i) {
        CHECK(!trial.decided());
        const Trial::Turn turn = trial.begin(kProduct);
        CHECK(turn.bytes == kProduct);
        ++turns[size_t(turn.way)];
        trial.add(turn.way, kProduct, turn.way == fastest ? 40'000 : 50'000 + turn.way);
      }
      for (const int64_t of_way : turns) CHECK(of_way >= kProducts / ways - Trial::kTurnBytes / kProduct);
      CHECK(trial.decided());
      for (const int64_t bytes : {int64_t(1), kProduct}) {
        CHECK(trial.begin(bytes).way == fastest);
        CHECK(trial.begin(bytes).bytes == 0);   // the clock is asked no more
      }
    }
}

TEST_CASE("interrupted products decide nothing") {
  Trial trial(2);
  for (int64_t i = 0; i < kProducts; ++i) {
    const Trial::Turn turn = trial.begin(kProduct);
    trial.add(turn.way, kProduct, turn.way == 0 ? 50'000 : i % 50 == 4 ? 10'000'000 : 40'000);   // 240,000 on average
  }
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
