#include "base/properties.h"

#include <doctest/doctest.h>

#include <iterator>
#include <random>
#include <set>
#include <string>

#include "base/utf8.h"

namespace orrery {

TEST_CASE("a cluster ends before what extends no character") {
  CHECK(grapheme_end("e\u0301x", 0) == 3);
  CHECK(grapheme_end("\u2581\u05C7", 0) == 5);   // a mark
  CHECK(grapheme_end("\u2581\u05C8", 0) == 3);   // no character to `tokenizers` yet
  CHECK(grapheme_end("\u00A0\u1AEB", 0) == 5);
  CHECK(grapheme_end("\u00A0\u1AEC", 0) == 2);
}

TEST_CASE("a cluster begins wherever two characters say that one does") {
  // One of each kind that breaks otherwise, and some that break always.
  constexpr char32_t kKinds[] = {'a', U'\u4E2D', U'\u3099', U'\u200D', '\r', '\n', 7, 0x1F1E6, 0x0600, 0x0903, 0x1100, 0x1161, 0x11A8, 0xAC00, 0xAC01, 0x1F600};
  std::mt19937_64 random(1);
  size_t found = 0;
  for (int round = 0; round < 5000; ++round) {
    std::string text;
    for (int i = 0; i < 12; ++i) append_utf8(text, kKinds[random() % std::size(kKinds)]);
    std::set<size_t> begins;
    for (size_t at = 0; at < text.size(); at = grapheme_end(text, at)) begins.insert(at);
    for (size_t at = 0; at < text.size(); at += decode_valid_utf8(text, at).size) {
      if (!begins_grapheme(text, at)) continue;
      ++found;
      REQUIRE(begins.contains(at));
    }
  }
  CHECK(found > 5000);
}

}  // namespace orrery
