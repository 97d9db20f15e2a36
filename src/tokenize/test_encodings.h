// Encodings compared, for tests.
#pragma once

#include <doctest/doctest.h>

#include "tokenize/encoding.h"

namespace orrery {

// All that an encoding tells; of windows cut off, how many there are.
inline void require_equal(const Encoding& one, const Encoding& other) {
  REQUIRE(one.ids == other.ids);
  REQUIRE(one.tokens() == other.tokens());
  REQUIRE(one.offsets == other.offsets);
  REQUIRE(one.type_ids == other.type_ids);
  REQUIRE(one.special == other.special);
  REQUIRE(one.words == other.words);
  REQUIRE(one.sequences == other.sequences);
  REQUIRE(one.mask == other.mask);
  REQUIRE(one.overflow.size() == other.overflow.size());
  REQUIRE(one.bare == other.bare);
}

}  // namespace orrery
