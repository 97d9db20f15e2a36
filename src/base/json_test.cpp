#include "base/json.h"

#include <doctest/doctest.h>

using namespace orrery;

namespace {
std::string error_of(std::string_view text) {
  const auto json = parse_json(text, "a.json");
  return json ? "accepted" : json.error().message();
}
std::string repeated(std::string_view text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}
}  // namespace

TEST_CASE("every kind of value is read, and objects keep the order of the file") {
  const Json json = parse_json(
                        "\xEF\xBB\xBF {\"z\": [1, -2, 2.5, true, null, [], {}], \"a\": {\"deep\": [{\"x\": "
                        "\"\\u00e9\\n\"}]}, \"big\": 18446744073709551615}",
                        "a.json")
                        .value();
  CHECK(to_line(json) ==
        "{\"z\":[1,-2,2.5,true,null,[],{}],\"a\":{\"deep\":[{\"x\":\"\xC3\xA9\\n\"}]},\"big\":18446744073709551615}");
  for (const char* scalar : {"1", "null", "\"x\"", "true", "[]", "-0.5"})
    CHECK(to_line(parse_json(scalar, "a.json").value()) == scalar);
}

TEST_CASE("of equal keys the last value stays, at the first place") {
  CHECK(to_line(parse_json(R"({"a":1,"b":2,"a":[3],"c":4,"a":{"x":0,"x":1}})", "a.json").value()) ==
        R"({"a":{"x":1},"b":2,"c":4})");
}

TEST_CASE("an error names the file, the line and the column") {
  CHECK(error_of("{\"a\": 1,\n \"b\": }").find("(a.json, line 2, column 7)") != std::string::npos);
  CHECK(error_of("").starts_with("not valid JSON: syntax error"));
  CHECK(error_of("{} x").starts_with("not valid JSON: syntax error"));
  CHECK(error_of("[1e999]").starts_with("not valid JSON: number overflow"));
  CHECK(error_of("\"\xff\"").find("invalid string") != std::string::npos);
  CHECK(error_of(std::string_view("{}\0", 3)) == "not valid JSON: a zero byte (a.json, line 1, column 3)");
}

TEST_CASE("nesting is bounded") {
  CHECK(error_of(repeated("[", 512) + repeated("]", 512)) == "accepted");
  CHECK(error_of(repeated("[", 513) + repeated("]", 513)) == "JSON nested deeper than 512 (a.json)");
  CHECK(error_of(repeated("{\"a\":", 100000)) == "JSON nested deeper than 512 (a.json)");
}

TEST_CASE("an object of many keys is read in a moment") {
  std::string text = "{";
  for (int i = 0; i < 300000; ++i) text += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":" + std::to_string(i);
  const Json json = parse_json(text + "}", "a.json").value();  // hours, were each key compared with all before it
  CHECK(json.size() == 300000);
  CHECK(json.front() == 0);
  CHECK(json.back() == 299999);
}
