#include "base/random.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <set>
#include <vector>

using namespace orrery;

TEST_CASE("philox4x32-10 gives the published test vectors") {
  // Salmon et al., Random123, tests/kat_vectors: nothing, everything, the digits of pi.
  struct Known {
    uint64_t key;
    Counter counter, expected;
  };
  const Known known[] = {
      {0, {0, 0, 0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {~uint64_t(0),
       {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
       {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {0x299f31d0a4093822,
       {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (const Known& one : known) CHECK(philox(one.key, one.counter) == one.expected);
}

TEST_CASE("uniform numbers lie in [0, 1) and reach both ends") {
  CHECK(uniform(0) == 0.0f);
  CHECK(uniform(0xffffffffu) == 1.0f - 0x1p-24f);
  CHECK(uniform(0x80000000u) == 0.5f);
  CHECK(uniform53(0, 0) == 0.0);
  CHECK(uniform53(0xffffffffu, 0xffffffffu) == 1.0 - 0x1p-53);
}

TEST_CASE("a sequence is fixed by seed and stream") {
  const auto first = [](uint64_t seed, uint64_t stream) {
    Random random(seed, stream);
    std::vector<uint32_t> bits;
    for (int i = 0; i < 9; ++i) bits.push_back(random.bits());
    return bits;
  };
  CHECK(first(1, 2) == first(1, 2));
  CHECK(first(1, 2) != first(2, 2));
  CHECK(first(1, 2) != first(1, 3));
  CHECK(first(0, 0)[0] == 0x6627e8d5);
  CHECK(first(0, 0)[3] == 0x9b00dbd8);
}

TEST_CASE("whole numbers below n are all drawn, equally often") {
  Random random(3);
  for (const uint64_t n : {uint64_t(1), uint64_t(2), uint64_t(7), uint64_t(100)}) {
    std::vector<double> counts(n);
    const double draws = 20000;
    for (int i = 0; i < int(draws); ++i) {
      const uint64_t drawn = random.below(n);
      REQUIRE(drawn < n);
      ++counts[drawn];
    }
    double chi_squared = 0;
    for (const double count : counts)
      chi_squared += (count - draws / double(n)) * (count - draws / double(n)) * double(n) / draws;
    CHECK(chi_squared < double(n) + 5 * std::sqrt(2 * double(n)));
  }
  for (const uint64_t n : {~uint64_t(0), (uint64_t(1) << 63) + 1}) CHECK(random.below(n) < n);
}

TEST_CASE("normal numbers have the moments of the normal distribution") {
  Random random(4);
  const int draws = 200000;
  double sum = 0, squares = 0, fourth = 0;
  for (int i = 0; i < draws; ++i) {
    const double x = random.normal();
    sum += x;
    squares += x * x;
    fourth += x * x * x * x;
  }
  CHECK(std::fabs(sum / draws) < 0.01);
  CHECK(std::fabs(squares / draws - 1) < 0.02);
  CHECK(std::fabs(fourth / draws - 3) < 0.15);
}
