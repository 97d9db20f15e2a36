#include "base/options.h"

#include <doctest/doctest.h>

using namespace orrery;

namespace {
struct Sampling {
  double temperature = 1.0;
  float top_p = 0.1f;
  std::optional<int64_t> top_k;
  int64_t max_new_tokens = 20;
  bool do_sample = false;
  bool use_cache = true;
  std::string device = "cpu";
  std::vector<int64_t> ids;
  std::vector<std::string> stop;
  uint64_t seed = 0;
  static constexpr auto about = describe(
      "sampling", "How the next token is drawn.",
      option(&Sampling::temperature, "temperature", "Divides the logits.", above(0.0), short_flag('t')),
      option(&Sampling::top_p, "top_p", in_range(0.0, 1.0)),
      option(&Sampling::top_k, "top_k", "Keep the k likeliest.", at_least(1)),
      option(&Sampling::max_new_tokens, "max_new_tokens", "Tokens to add.", at_least(0)),
      option(&Sampling::do_sample, "do_sample", "Draw."), option(&Sampling::use_cache, "use_cache", "Keep keys."),
      option(&Sampling::device, "device", "Where it runs.", one_of("cpu", "cuda")),
      option(&Sampling::ids, "ids", "Token ids."), option(&Sampling::stop, "stop", "Stop here."),
      option(&Sampling::seed, "seed", "Of the random numbers."));
};

struct Call {
  std::string model, text;
  std::vector<std::filesystem::path> files;
  int64_t seed = 7;
  static constexpr auto about =
      describe("call", "", option(&Call::model, "model", "A checkpoint.", positional(), required()),
               option(&Call::text, "text", "The text.", positional()),
               option(&Call::files, "files", "More.", positional()), option(&Call::seed, "seed", "Own seed."));
};

struct Both {
  Sampling sampling;
  Call call;
  void bind(OptionSet& set) {
    set.add(call);
    set.add(sampling, "Sampling");
  }
};

std::vector<std::string> words(std::initializer_list<const char*> args) { return {args.begin(), args.end()}; }

Sampling parsed(std::initializer_list<const char*> args) {
  Sampling sampling;
  OptionSet set;
  set.add(sampling).parse_flags(words(args), "generate");
  return sampling;
}

Error refused(std::initializer_list<const char*> args) {
  try {
    parsed(args);
  } catch (const Error& error) {
    CHECK(error.kind == ErrorKind::bad_usage);
    return error;
  }
  FAIL("not refused");
  return {};
}
}  // namespace

TEST_CASE("flags set members of every type") {
  const Sampling s =
      parsed({"--temperature", "0.5", "--top-p=0.25", "--top-k", "40", "--do-sample", "--no-use-cache", "--device",
              "cuda", "--ids", "1,2, 3", "--stop", "a, b", "--stop", "c", "--seed", "18446744073709551615"});
  CHECK(s.temperature == 0.5);
  CHECK(s.top_p == 0.25f);
  CHECK(s.top_k == 40);
  CHECK(s.do_sample);
  CHECK_FALSE(s.use_cache);
  CHECK(s.device == "cuda");
  CHECK(s.ids == std::vector<int64_t>{1, 2, 3});
  CHECK(s.stop == std::vector<std::string>{"a, b", "c"});
  CHECK(s.seed == ~uint64_t(0));
  CHECK(s.max_new_tokens == 20);
}

TEST_CASE("a list of numbers that is given again goes on") {
  CHECK(parsed({"--ids", "1,2", "--ids=3"}).ids == std::vector<int64_t>{1, 2, 3});
}

TEST_CASE("a short flag takes its value apart or attached, and a bool may be spelled out") {
  CHECK(parsed({"-t", "2"}).temperature == 2);
  CHECK(parsed({"-t2"}).temperature == 2);
  CHECK(parsed({"-t=2"}).temperature == 2);
  CHECK_FALSE(parsed({"--use-cache=false"}).use_cache);
}

TEST_CASE("a wrong flag is refused with the flag, the reason and what was likely meant") {
  CHECK(refused({"--temprature", "1"}).hint == "did you mean --temperature?");
  CHECK(refused({"--temprature", "1"}).message() == "unknown flag --temprature (generate)");
  CHECK(refused({"--temperature", "warm"}).message() == "'warm' is not a number (--temperature)");
  CHECK(refused({"--temperature", "nan"}).message() == "'nan' is not a number (--temperature)");
  CHECK(refused({"--temperature", "0"}).message() == "0 is out of range: it must be above 0 (--temperature)");
  CHECK(refused({"--top-p", "1.5"}).message() == "1.5 is out of range: it must be from 0 to 1 (--top-p)");
  CHECK(refused({"--max-new-tokens", "1.5"}).message() == "'1.5' is not a whole number (--max-new-tokens)");
  CHECK(refused({"--max-new-tokens", "99999999999999999999"}).what ==
        "'99999999999999999999' is too large or too small");
  CHECK(refused({"--max-new-tokens"}).what == "--max-new-tokens needs a value: N");
  CHECK(refused({"--max-new-tokens", "--top-k", "3"}).what == "--max-new-tokens needs a value: N");
  CHECK(refused({"--device", "cuad"}).hint == "did you mean cuda?");
  CHECK(refused({"--device", "tpu"}).message() == "'tpu' is not cpu or cuda (--device)");
  CHECK(refused({"--ids", "1,,2"}).what == "'' is not a whole number");
  CHECK(refused({"--no-do-sample=1"}).what == "--no-do-sample takes no value");
  CHECK(refused({"stray"}).what == "one argument too many: 'stray'");
  CHECK(refused({"--seed", "-1"}).what == "'-1' is not a whole number");
}

TEST_CASE("positional arguments fill in order, the last list takes the rest, and -- ends the flags") {
  Call call;
  OptionSet set;
  set.add(call);
  set.parse_flags(words({"gpt2", "--seed", "3", "-", "--", "-a", "--seed"}), "");
  CHECK(call.model == "gpt2");
  CHECK(call.text == "-");
  CHECK(call.files == std::vector<std::filesystem::path>{"-a", "--seed"});
  CHECK(call.seed == 3);
  CHECK_NOTHROW(set.check_required("info"));
}

TEST_CASE("a missing required argument is named") {
  Call call;
  OptionSet set;
  set.add(call).parse_flags({}, "info");
  CHECK_THROWS_AS(set.check_required("info"), Error);
  try {
    set.check_required("info");
  } catch (const Error& error) {
    CHECK(error.message() == "MODEL is missing (info)");
  }
}

TEST_CASE("JSON sets the same members, and a flag given before is kept") {
  Sampling s;
  OptionSet set;
  set.add(s).parse_flags(words({"--top-k", "5"}), "");
  const Json json =
      Json::parse(R"({"top_k": 9, "top_p": 0.5, "max_new_tokens": 3.0, "stop": ["x"], "ids": [4], "do_sample": true})");
  REQUIRE(set.from_json(json, "request"));
  CHECK(s.top_k == 5);
  CHECK(s.top_p == 0.5f);
  CHECK(s.max_new_tokens == 3);
  CHECK(s.stop == std::vector<std::string>{"x"});
  CHECK(s.ids == std::vector<int64_t>{4});
  CHECK(s.do_sample);
  CHECK(set.given("top_k"));
  CHECK_FALSE(set.given("top_p"));
}

TEST_CASE("wrong JSON is an error that names the key") {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"top_pp": 1})", "unknown key 'top_pp' (request)"},
      {R"({"top_p": "high"})", "must be a number, not \"high\" (request, key top_p)"},
      {R"({"top_p": 2})", "2 is out of range: it must be from 0 to 1 (request, key top_p)"},
      {R"({"top_p": null})", "must be a number, not null (request, key top_p)"},
      {R"({"max_new_tokens": 1.5})", "'1.5' is not a whole number (request, key max_new_tokens)"},
      {R"({"do_sample": 1})", "must be true or false, not 1 (request, key do_sample)"},
      {R"({"device": 1})", "must be a string, not 1 (request, key device)"},
      {R"({"ids": 1})", "must be a list, not 1 (request, key ids)"},
      {R"({"ids": ["a"]})", "must be a number, not \"a\" (request, key ids)"},
      {R"([])", "must be a JSON object (request)"},
  };
  for (const auto& [text, message] : cases) {
    Sampling s;
    OptionSet set;
    const Status status = set.add(s).from_json(Json::parse(text), "request");
    REQUIRE_FALSE(status);
    CHECK(status.error().message() == message);
  }
}

TEST_CASE("null unsets an optional") {
  Sampling s;
  s.top_k = 3;
  OptionSet set;
  CHECK(set.add(s).from_json(Json::parse(R"({"top_k": null})"), ""));
  CHECK_FALSE(s.top_k.has_value());
}

TEST_CASE("options go out as JSON and come back the same") {
  Sampling s, back;
  s.top_k = 12;
  s.stop = {"a"};
  OptionSet set, other;
  const Json json = set.add(s).to_json();
  CHECK(to_line(json) == R"({"temperature":1.0,"top_p":0.1,"top_k":12,"max_new_tokens":20,"do_sample":false,)"
                         R"("use_cache":true,"device":"cpu","ids":[],"stop":["a"],"seed":0})");
  CHECK(other.add(back).from_json(json, ""));
  CHECK(other.to_json() == json);
}

TEST_CASE("several structs make one set: the first to bring a name has it, and JSON can be of one struct alone") {
  Both both;
  OptionSet set;
  set.add(both);
  set.parse_flags(words({"m", "--seed", "11", "--top-k", "2"}), "");
  CHECK(both.call.seed == 11);
  CHECK(both.sampling.seed == 0);
  CHECK(both.sampling.top_k == 2);
  CHECK(set.to_json(&both.call) == Json::parse(R"({"seed": 11})"));
  CHECK_FALSE(set.from_json(Json::parse(R"({"top_k": 1})"), "", &both.call));
}

TEST_CASE("an option tells its flag, placeholder, limits and default") {
  Sampling s;
  OptionSet set;
  set.add(s);
  CHECK(set.find("max_new_tokens")->flag() == "--max-new-tokens");
  CHECK(set.find("max_new_tokens")->metavar() == "N");
  CHECK(set.find("max_new_tokens")->constraint() == "at least 0");
  CHECK(set.find("max_new_tokens")->default_text() == "20");
  CHECK(set.find("top_p")->default_text() == "0.1");
  CHECK(std::string(set.find("top_p")->info.help) == "How the next token is drawn.");
  CHECK(set.find("top_k")->default_text() == "");
  CHECK(set.find("device")->constraint() == "cpu or cuda");
  CHECK(set.find("nothing") == nullptr);
}
