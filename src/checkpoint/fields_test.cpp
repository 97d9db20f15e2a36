#include "checkpoint/fields.h"

#include <doctest/doctest.h>

using namespace orrery;

namespace {
Json config() {
  return parse_json(
             R"({"n_layer": 12, "hidden_size": 768, "n_embd": 768, "eps": 1e-5, "tied": true, "act": "gelu", "none": null,
    "eos": [1, 2], "bos": 5, "half": 2.5, "big": 18446744073709551615, "rope": {"factor": 4, "kind": "linear"}, "a": 1, "b": 2})",
             "test")
      .value();
}

// What reading one field in this way complains of.
template <class F>
std::string error_of(F read) {
  const Json json = config();
  ConfigReader fields(json, "config.json");
  (void)read(fields);
  return fields.ok() ? "" : fields.error().message();
}
}  // namespace

TEST_CASE("fields are read under any of their spellings, and null is absent") {
  const Json json = config();
  ConfigReader f(json, "config.json");
  CHECK(f.integer({"num_hidden_layers", "n_layer"}, {1, 100}) == 12);
  CHECK(f.integer({"hidden_size", "n_embd"}, {1}) == 768);
  CHECK(f.number("eps", {0, 1}) == 1e-5);
  CHECK(f.number("n_layer") == 12);
  CHECK(f.boolean("tied"));
  CHECK(f.string("act") == "gelu");
  CHECK(f.choice_or("act", "relu", {"relu", "gelu"}) == "gelu");
  CHECK(f.integer_or("none", 7) == 7);
  CHECK(f.number_or("absent", 0.5) == 0.5);
  CHECK(f.string_or("none", "x") == "x");
  CHECK_FALSE(f.boolean_or("none", false));
  CHECK(f.choice_or("none", "relu", {"relu", "gelu"}) == "relu");
  CHECK(f.integers("eos") == std::vector<int64_t>{1, 2});
  CHECK(f.integers("bos") == std::vector<int64_t>{5});
  CHECK(f.integers("none").empty());
  CHECK(f.has("eos"));
  CHECK_FALSE(f.has("none"));
  ConfigReader rope = f.section("rope");
  CHECK(rope.number("factor") == 4);
  CHECK_FALSE(f.section("none").has("factor"));
  CHECK(f.ok());
  CHECK(f.finish(3).value() == 3);
}

TEST_CASE("an error names the field, what was found, what is needed and the file") {
  using F = ConfigReader;
  CHECK(error_of([](F& f) {
          return f.integer({"num_heads", "n_head"});
        }) == "field 'num_heads' (or 'n_head') is missing (config.json)");
  CHECK(error_of([](F& f) { return f.string("none"); }) == "field 'none' is missing (config.json)");
  CHECK(error_of([](F& f) { return f.boolean("none"); }) == "field 'none' is missing (config.json)");
  CHECK(error_of([](F& f) { return f.number("none"); }) == "field 'none' is missing (config.json)");
  CHECK(error_of([](F& f) { return f.integer("act"); }) ==
        "field 'act' is \"gelu\", but must be a whole number (config.json)");
  CHECK(error_of([](F& f) { return f.integer("half"); }) ==
        "field 'half' is 2.5, but must be a whole number (config.json)");
  CHECK(error_of([](F& f) { return f.integer("tied"); }) ==
        "field 'tied' is true, but must be a whole number (config.json)");
  CHECK(error_of([](F& f) { return f.integer("big"); }) ==
        "field 'big' is 18446744073709551615, but must be a whole number (config.json)");
  CHECK(error_of([](F& f) {
          return f.integer("n_layer", {1, 8});
        }) == "field 'n_layer' is 12, but must be a whole number from 1 to 8 (config.json)");
  CHECK(error_of([](F& f) { return f.integer_or("n_layer", 0, {13}); }) ==
        "field 'n_layer' is 12, but must be a whole number of at least 13 (config.json)");
  CHECK(error_of([](F& f) {
          return f.number("eps", {0.001, 1});
        }) == "field 'eps' is 1e-05, but must be a number from 0.001 to 1 (config.json)");
  CHECK(error_of([](F& f) { return f.number("act"); }) ==
        "field 'act' is \"gelu\", but must be a number (config.json)");
  CHECK(error_of([](F& f) { return f.boolean("n_layer"); }) ==
        "field 'n_layer' is 12, but must be true or false (config.json)");
  CHECK(error_of([](F& f) { return f.string("eos"); }) == "field 'eos' is a list, but must be a string (config.json)");
  CHECK(error_of([](F& f) {
          return f.choice_or("act", "relu", {"relu", "silu"});
        }) == "field 'act' is \"gelu\", but must be one of 'relu', 'silu' (config.json)");
  CHECK(error_of([](F& f) {
          return f.integers("eos", {0, 1});
        }) == "field 'eos[1]' is 2, but must be a whole number from 0 to 1 (config.json)");
  CHECK(error_of([](F& f) { return f.integers("act"); }) ==
        "field 'act' is \"gelu\", but must be a whole number (config.json)");
  CHECK(error_of([](F& f) {
          return f.integer({"a", "b"});
        }) == "fields 'a' and 'b' mean the same, but are 1 and 2 (config.json)");
  CHECK(error_of([](F& f) { return f.section("act"); }) ==
        "field 'act' is \"gelu\", but must be an object (config.json)");
  CHECK(error_of([](F& f) { return f.section("rope").number("theta"); }) ==
        "field 'rope.theta' is missing (config.json)");
}

TEST_CASE("the first error is kept, and what follows it stays in range") {
  const Json json = config();
  ConfigReader f(json, "config.json");
  CHECK(f.integer("absent", {1, 10}) == 1);
  CHECK(f.integer("act", {-5, -1}) == -1);
  CHECK(f.number("absent", {0.5, 2}) == 0.5);
  f.fail("later");
  CHECK(f.finish(1).error().what == "field 'absent' is missing");
}

TEST_CASE("a config that is not an object is an error, not a crash") {
  for (const char* text : {"[]", "1", "null", "\"x\""}) {
    const Json json = parse_json(text, "test").value();
    ConfigReader f(json, "config.json");
    CHECK(f.integer_or("n_layer", 3) == 3);
    CHECK(f.finish(1).error().what.find("not a JSON object") != std::string::npos);
  }
}
