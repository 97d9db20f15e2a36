#include "tokenize/word_parts.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <utility>
#include <vector>

using namespace orrery;

namespace {

std::vector<std::string> parts_of(const PartCuts& cuts, std::string_view text, size_t most = 64) {
  std::vector<std::string> made;
  std::vector<WordPart> parts(most);
  PartScanner scanner(cuts, text);
  while (const size_t count = scanner.next(parts))
    for (size_t i = 0; i < count; ++i) made.push_back((parts[i].fresh ? "+" : "") + std::string(text.substr(parts[i].begin, parts[i].end - parts[i].begin)));
  return made;
}

PartCuts cuts_at_spaces_and_dots() {
  PartCuts cuts;
  cuts.lines = true;
  cuts.allow('a', '.');
  cuts.allow('.', 'a');
  return cuts;
}

using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE("parts end where two bytes may be cut") {
  PartCuts cuts = cuts_at_spaces_and_dots();
  CHECK(parts_of(cuts, "").empty());
  CHECK(parts_of(cuts, "a.b a  a\n") == Strings{"+a", ".b", " a", "  a", "\n"});
  const std::string dots(200, 'a'), line = dots + "." + dots + " b";
  for (const size_t most : {1, 2, 64}) CHECK(parts_of(cuts, line, most) == Strings{"+" + dots, ".", dots, " b"});
  CHECK(parts_of(cuts, "a\xE2\x96\x81 a") == Strings{"+a\xE2\x96\x81 a"});   // a ▁ may stand for a space
  CHECK(parts_of(cuts, "\xC3\xA9" "a.a\xC3\xA9") == Strings{"+\xC3\xA9" "a", ".", "a\xC3\xA9"});
}

TEST_CASE("characters beyond ASCII beside a cut keep it from being made, where they may change its characters") {
  PartCuts cuts = cuts_at_spaces_and_dots();
  cuts.keeps_apart = true;
  CHECK(parts_of(cuts, "\xC3\xA9" "a.aa\xC3\xA9 a") == Strings{"+\xC3\xA9" "a.", "aa\xC3\xA9", " a"});
  CHECK(parts_of(cuts, "aa.a\xCC\x81") == Strings{"+aa", ".a\xCC\x81"});
}

TEST_CASE("parts are found from any of them on") {
  PartCuts cuts = cuts_at_spaces_and_dots();
  const std::vector<std::string> pieces = {"a", ".", " ", "\n", "\xC3\xA9", "aaaaaaaaaaaaaaaa", "\xE2\x96\x81", "B"};
  std::mt19937_64 random(3);
  for (int round = 0; round < 300; ++round) {
    cuts.keeps_apart = round % 2 != 0;
    cuts.drops_spaces = round % 3 == 0;
    std::string text;
    for (uint64_t i = random() % 60; i > 0; --i) text += pieces[random() % pieces.size()];
    CAPTURE(text);
    const Strings whole = parts_of(cuts, text);
    const size_t from = random() % (text.size() + 1), cut = std::min(PartScanner::first_after(cuts, text, from), text.size());
    Strings made;
    for (const auto& [begin, end] : {std::pair{size_t(0), cut}, std::pair{cut, text.size()}}) {
      std::array<WordPart, 5> parts;
      PartScanner scanner(cuts, text, begin, end);
      while (const size_t count = scanner.next(parts))
        for (size_t i = 0; i < count; ++i) made.push_back((parts[i].fresh ? "+" : "") + text.substr(parts[i].begin, parts[i].end - parts[i].begin));
    }
    REQUIRE(made == whole);
  }
}

TEST_CASE("white space that is dropped makes parts fresh") {
  PartCuts cuts = cuts_at_spaces_and_dots();
  cuts.drops_spaces = true;
  CHECK(parts_of(cuts, "  a.a \n\ta \xC3\xA9 \x01 ") == Strings{"+a", ".", "a", "+a", "+ \xC3\xA9", "+ \x01"});
  CHECK(parts_of(cuts, " \n ").empty());
}
