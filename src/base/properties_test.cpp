#include "base/properties.h"

#include <doctest/doctest.h>

namespace orrery {

TEST_CASE("a cluster ends before what extends no character") {
  CHECK(grapheme_end("e\u0301x", 0) == 3);
  CHECK(grapheme_end("\u2581\u05C7", 0) == 5);   // a mark
  CHECK(grapheme_end("\u2581\u05C8", 0) == 3);   // no character to `tokenizers` yet
  CHECK(grapheme_end("\u00A0\u1AEB", 0) == 5);
  CHECK(grapheme_end("\u00A0\u1AEC", 0) == 2);
}

}  // namespace orrery
