#include "generate/generation_config.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace orrery;

namespace {
GenerationConfig with_flags(const Json& file, const std::vector<std::string>& args) {
  GenerationConfig config;
  OptionSet flags;
  config.bind(flags);
  flags.parse_flags(args, "test");
  config.read_defaults(file, "generation_config.json", &flags).value();
  return config;
}
}  // namespace

TEST_CASE("generation is greedy until somebody asks for sampling") {
  CHECK_FALSE(with_flags({}, {}).sampling());
  CHECK(with_flags({}, {"--do-sample"}).sampling());
  CHECK(with_flags({}, {"--temperature", "0.8"}).sampling());
  CHECK(with_flags({}, {"--top-p", "0.8"}).sampling());
  CHECK_FALSE(with_flags({}, {"--temperature", "0.8", "--no-do-sample"}).sampling());
  CHECK_FALSE(with_flags({}, {"--repetition-penalty", "1.2"}).sampling());
  CHECK(with_flags({{"do_sample", true}}, {}).sampling());
  CHECK_FALSE(with_flags({{"do_sample", true}}, {"--no-do-sample"}).sampling());
  CHECK_FALSE(with_flags({{"temperature", 0.6}}, {}).sampling());
}

TEST_CASE("the checkpoint's defaults hold where no flag says otherwise") {
  const Json file = {{"max_new_tokens", 7}, {"eos_token_id", {1, 2}}, {"transformers_version", "5.0"}, {"top_p", nullptr}, {"stop_strings", "END"}};
  CHECK(with_flags(file, {}).max_new_tokens == 7);
  CHECK(with_flags(file, {"--max-new-tokens", "9"}).max_new_tokens == 9);
  CHECK(with_flags(file, {}).stop_strings == std::vector<std::string>{"END"});
  CHECK(GenerationConfig().read_defaults(Json(), "nothing").ok());
  const Status wrong = GenerationConfig().read_defaults({{"temperature", "hot"}}, "generation_config.json");
  REQUIRE_FALSE(wrong.ok());
  CHECK(wrong.error().message().find("temperature") != std::string::npos);
}

TEST_CASE("what the checkpoint asks for and nobody does is named") {
  const Json file = {{"num_beams", 4}, {"min_length", 0}, {"length_penalty", 1.0}, {"suppress_tokens", {5}}, {"begin_suppress_tokens", Json::array()}, {"bad_words_ids", nullptr},
                     {"temperature", 0.5}, {"eos_token_id", 2}};
  const std::vector<std::string> names = GenerationConfig::not_followed(file);
  CHECK(std::count(names.begin(), names.end(), "suppress_tokens") == 1);
  for (const char* name : {"min_length", "length_penalty", "begin_suppress_tokens", "bad_words_ids", "temperature", "eos_token_id"})
    CHECK(std::count(names.begin(), names.end(), name) == 0);
  CHECK(GenerationConfig::not_followed(Json()).empty());
}

TEST_CASE("a text is as long as is allowed: the last token needs no position") {
  GenerationConfig config;
  CHECK(config.new_tokens(6, 11) == 6);
  CHECK(config.new_tokens(11, 11) == 1);
  CHECK(config.new_tokens(5, 100000) == GenerationConfig::kDefaultNewTokens);
  config.max_length = 20;
  CHECK(config.new_tokens(5, 1000) == 15);
  CHECK(config.new_tokens(30, 1000) == 0);
  config.max_new_tokens = 3;
  CHECK(config.new_tokens(5, 1000) == 3);
}

TEST_CASE("a copy has samplers of its own") {
  GenerationConfig one;
  one.do_sample = true;
  GenerationConfig two = one;
  two.set("top_k", 1).value();
  Candidates a, b;
  const std::vector<float> logits = {1, 2, 3};
  a.reset(logits);
  b.reset(logits);
  one.apply(a);
  two.apply(b);
  CHECK(a.items().size() == 3);
  CHECK(b.items().size() == 1);
}
