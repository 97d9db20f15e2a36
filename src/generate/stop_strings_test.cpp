#include "generate/stop_strings.h"

#include <doctest/doctest.h>

using namespace orrery;

namespace {
std::string all_of(StopStrings stop, const std::vector<std::string>& pieces) {
  std::string text;
  for (const std::string& piece : pieces) text += stop.push(piece);
  return text + stop.finish();
}
}  // namespace

TEST_CASE("text ends before the first stop string, wherever the pieces are cut") {
  const std::string text = "one two three two";
  for (size_t a = 0; a <= text.size(); ++a)
    for (size_t b = a; b <= text.size(); ++b) CHECK(all_of(StopStrings({"two", "three"}), {text.substr(0, a), text.substr(a, b - a), text.substr(b)}) == "one ");
}

TEST_CASE("what may begin a stop string is held back, and no more") {
  StopStrings stop({"aab"});
  CHECK(stop.push("xa") == "x");
  CHECK(stop.push("a") == "");
  CHECK(stop.push("a") == "a");
  CHECK(stop.push("c") == "aac");
  CHECK_FALSE(stop.found());
  CHECK(stop.push("aab and more") == "");
  CHECK(stop.found());
  CHECK(stop.push("anything") == "");
}

TEST_CASE("held text comes out at the end where no stop string came") {
  CHECK(all_of(StopStrings({"END"}), {"the E", "N"}) == "the EN");
  CHECK(all_of(StopStrings({"", "END"}), {"ab", ""}) == "ab");
  CHECK(all_of(StopStrings(), {"ab", "cd"}) == "abcd");
}

TEST_CASE("of several stop strings the earliest ends the text") {
  CHECK(all_of(StopStrings({"cde", "bcdef"}), {"abcdefg"}) == "a");
  CHECK(all_of(StopStrings({"bcdef", "c"}), {"abc"}) == "ab");
}
