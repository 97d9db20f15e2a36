#include "base/progress.h"

#include <doctest/doctest.h>

using namespace orrery;

TEST_CASE("a progress line tells share, rate and time left") {
  CHECK(progress_line("training", 400, 2000, "steps", 50, "loss 1.25", 200) ==
        "training 400/2000 steps, 20 %, 8.00 steps/s, 3 min 20 s left, loss 1.25");
  CHECK(progress_line("reading", 0, 10, "lines", 0, "", 200) == "reading 0/10 lines, 0 %");
  CHECK(progress_line("reading", 10, 10, "lines", 2, "", 200) == "reading 10/10 lines, 100 %, 5.00 lines/s");
  CHECK(progress_line("reading", 1500, 0, "lines", 2, "", 200) == "reading 1500 lines, 750 lines/s");
}

TEST_CASE("a progress line fits the terminal") {
  CHECK(progress_line("reading", 1500, 0, "lines", 2, "", 10) == "reading 15");
  CHECK(progress_line("aé", 1, 0, "x", 0, "", 2) == "a");
}

TEST_CASE("durations are told in the two largest units") {
  CHECK(duration_text(0.4) == "0 s");
  CHECK(duration_text(59.6) == "1 min 0 s");
  CHECK(duration_text(197) == "3 min 17 s");
  CHECK(duration_text(7500) == "2 h 5 min");
  CHECK(duration_text(-1) == "0 s");
}
