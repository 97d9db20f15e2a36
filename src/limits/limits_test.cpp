#include "limits/limits.h"

#include <doctest/doctest.h>

#include <cmath>

#include "kernels/kernels.h"

using namespace orrery;

TEST_CASE("limits are measured for one thread and for all") {
  ThreadPool pool(2);
  const Limits limits = measure_limits(pool, {.seconds = 0.005, .read_bytes = 4 << 20});
  CHECK(limits.threads == 2);
  for (const Speeds& speeds : {limits.one, limits.all}) {
    CHECK(speeds.read_gb_per_second > 0);
    CHECK(speeds.f32_gflops > 0);
    CHECK((speeds.bf16_gflops > 0) == (kernels().peak_bf16(1) > 0));   // where the class has such instructions
    CHECK((speeds.int8_gops > 0) == (kernels().peak_int8(1) > 0));
    CHECK(std::isfinite(speeds.read_gb_per_second + speeds.f32_gflops + speeds.bf16_gflops + speeds.int8_gops));
  }
}
