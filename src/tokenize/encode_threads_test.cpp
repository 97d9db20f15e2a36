// One text on several threads against the same text on one. What is read in parts and not in words: encode_parts_test.cpp.
#include <doctest/doctest.h>

#include <random>

#include "base/threads.h"
#include "tokenize/rank_file.h"
#include "tokenize/scanners.h"
#include "tokenize/test_encodings.h"
#include "tokenize/tokenizer.h"

using namespace orrery;

namespace {

// The bytes, and a few words, cut by one of the expressions that are scanned by hand.
Tokenizer byte_level(std::string_view expression) {
  Json json = Tokenizer::load("src/tokenize/testdata/byte_level.json").value().to_json();
  json["pre_tokenizer"] = {{"type", "Sequence"},
                           {"pretokenizers", Json::array({{{"type", "Split"}, {"pattern", {{"Regex", expression}}}, {"behavior", "Isolated"}, {"invert", false}},
                                                          {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}}})}};
  return Tokenizer::from_json(json).value();
}

std::string random_text(std::mt19937_64& random) {
  static const std::vector<std::string> parts = {"low", " lower", "Low", "A", "'s", "'LL", "'", "7", "12345", " ", "  ", "\n", "\r\n", "\t", ".", "!!", "/", "\n/", "(", "é", "É", "漢字", "。", "ʰ", "ǅ", "²", "\u00A0", "\u3000", "\u0301", "हि", "🙂", "𝐀", "𝟘", "\uFB01", "<s>"};
  std::string text;
  const size_t length = random() % 40, favourite = random() % parts.size();
  for (size_t i = 0; i < length; ++i) text += parts[random() % 3 == 0 ? favourite : random() % parts.size()];
  return text;
}

}  // namespace

TEST_CASE("a text read on several threads has the tokens that one thread finds") {
  ThreadPool pool(2);
  for (const std::string_view expression : {kGpt2Pattern, kLlama3Pattern, kQwen2Pattern, kCl100kOniguruma, kO200kPattern}) {
    CAPTURE(expression);
    const Tokenizer tokenizer = byte_level(expression);
    std::mt19937_64 random(5);
    for (int round = 0; round < 1000; ++round) {
      const std::string text = random_text(random);
      CAPTURE(text);
      EncodeOptions options{.unit = static_cast<OffsetUnit>(round % 3)};
      const Encoding alone = tokenizer.encode(text, options);
      options.pool = &pool;
      options.least_share = 1 + random() % 12;
      const Encoding threads = tokenizer.encode(text, options);
      require_equal(threads, alone);
      REQUIRE(tokenizer.encode_ids(text, options) == alone.ids);
    }
  }
}

TEST_CASE("what fails on a thread is told to the caller, as one thread tells it") {
  const Tokenizer tokenizer = Tokenizer::parse(R"({"version": "1.0", "added_tokens": [], "normalizer": null, "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": null, "decoder": null,
    "model": {"type": "WordLevel", "unk_token": "?", "vocab": {"a": 0}}})").value();
  ThreadPool pool(2);
  const EncodeOptions options{.pool = &pool, .least_share = 2};
  const std::string text = "a a a a a a a a";
  CHECK(tokenizer.encode_ids(text, options) == std::vector<int32_t>(8, 0));
  for (const std::string& wrong : {text + " b a c", "b" + text, text + " c"}) {
    std::string alone, threads;
    try { tokenizer.encode(wrong); } catch (const Error& error) { alone = error.what; }
    try { tokenizer.encode(wrong, options); } catch (const Error& error) { threads = error.what; }
    CHECK(alone != "");
    CHECK(threads == alone);
  }
}
