#include "kernels/ask_ahead.h"

#include <doctest/doctest.h>

namespace orrery {
namespace {

constexpr int64_t kProduct = int64_t(1) << 20;

// The products of a trial, which take so many nanoseconds with and without asking.
void run(AskAhead& ahead, int64_t asked, int64_t undisturbed) {
  for (int64_t i = 0; i < AskAhead::kTrialBytes / kProduct; ++i) {
    const AskAhead::Turn turn = ahead.begin(kProduct);
    ahead.add(turn.asks, kProduct, turn.asks ? asked : undisturbed);
  }
}

TEST_CASE("the first products take turns, and the faster way stays") {
  AskAhead ahead;
  int64_t asked = 0;
  for (int64_t i = 0; i < 8 * AskAhead::kTurnBytes / kProduct; ++i) {
    const AskAhead::Turn turn = ahead.begin(kProduct);
    asked += turn.asks;
    ahead.add(turn.asks, kProduct, 1000);
  }
  CHECK(asked == 4 * AskAhead::kTurnBytes / kProduct);
  CHECK(!ahead.decided());

  for (const bool asks : {true, false}) {
    AskAhead other;
    run(other, asks ? 40'000 : 50'000, asks ? 50'000 : 40'000);
    CHECK(other.decided());
    CHECK(other.begin(kProduct).asks == asks);
    CHECK(other.begin(1).asks == asks);
    CHECK(other.begin(kProduct).bytes == 0);   // the clock is asked no more
  }
}

TEST_CASE("interrupted products decide nothing") {
  AskAhead ahead;
  for (int64_t i = 0; i < AskAhead::kTrialBytes / kProduct; ++i) {
    const AskAhead::Turn turn = ahead.begin(kProduct);
    ahead.add(turn.asks, kProduct, turn.asks ? 50'000 : i % 50 == 4 ? 10'000'000 : 40'000);   // 240,000 on average
  }
  CHECK(!ahead.begin(kProduct).asks);
}

TEST_CASE("small products are not counted") {
  AskAhead ahead;
  const AskAhead::Turn turn = ahead.begin(AskAhead::kLeastBytes - 1);
  CHECK(turn.asks);
  CHECK(turn.bytes == 0);
  for (int i = 0; i < 100'000; ++i) ahead.end(ahead.begin(AskAhead::kLeastBytes - 1));
  CHECK(!ahead.decided());
}

}  // namespace
}  // namespace orrery
