#include "tokenize/long_lists.h"

#include <doctest/doctest.h>

#include "base/random.h"
#include "tokenize/tokenizer_file.h"

namespace orrery {
namespace {

// A name with an escape is one that the quick way leaves to the reader of whole files.
std::string for_the_slow_way(std::string text) {
  for (size_t at = 0; (at = text.find("\"model\"", at)) != std::string::npos;) text.replace(at, 7, "\"mode\\u006c\"");
  return text;
}

// An error, without its place and what was read last, which the other name changes.
std::string plain(std::string text) {
  text.resize(std::min(text.size(), text.find("last read")));
  std::erase_if(text, [](char c) { return c >= '0' && c <= '9'; });
  return text;
}

Json lists_json(const ModelConfig& model) {
  Json vocab = Json::array(), merges = Json::array();
  for (const auto& [token, id] : model.vocab) vocab.push_back({token, id});
  for (const auto& [left, right] : model.merges) merges.push_back({left, right});
  return {{"vocab", vocab}, {"scores", model.scores}, {"merges", merges}, {"fields", model.fields}};
}

bool same(const std::string& text) {
  const Result<TokenizerFile> quick = parse_tokenizer_json(text, "test"), slow = parse_tokenizer_json(for_the_slow_way(text), "test");
  if (quick.ok() != slow.ok()) return false;
  if (!quick.ok()) return quick.error().kind == slow.error().kind && plain(quick.error().what) == plain(slow.error().what);
  return quick->json == slow->json && lists_json(quick->model) == lists_json(slow->model);
}

const std::string kBpe = R"({"version": "1.0", "added_tokens": [{"id": 7, "content": "\"{[\\"}], "other": {"vocab": {"z": 1}, "merges": ["x"]},
  "model": {"type": "BPE", "unk_token": null, "vocab": {"a": 0, "\u0120b": 1, "\"": 2, "\ud83d\ude00\n": 3, "中": 4, "" : 123456789},
  "merges": ["#version: 0.2", "a b", ["\u0120b", "é" ] , ["a", "\\"]], "dropout": 1e-1}, "decoder": null})";
const std::string kUnigram = R"({"model": {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], ["▁a", -2.25], ["b", -3], ["c\t", 1.5e-3], [ "d" , -0 ]]}})";

}  // namespace

TEST_CASE("the long lists of a tokenizer.json are taken out of its text") {
  ModelConfig model;
  std::string rest;
  REQUIRE(take_long_lists(kBpe, false, model, rest));
  CHECK(model.vocab.size() == 6);
  CHECK(model.vocab.text(1) == "Ġb");
  CHECK(model.vocab.text(3) == "😀\n");
  CHECK(model.vocab.id(5) == 123456789);
  CHECK(model.merges.size() == 3);
  CHECK(model.merges[1].right == "é");
  CHECK(parse_json(rest, "rest").value()["model"].dump() == R"({"type":"BPE","unk_token":null,"vocab":{},"merges":[],"dropout":0.1})");
  CHECK(parse_json(rest, "rest").value()["other"]["vocab"]["z"] == 1);

  ModelConfig unigram;
  REQUIRE(take_long_lists(kUnigram, false, unigram, rest));
  CHECK(unigram.scores == std::vector<double>{0, -2.25, -3, 1.5e-3, 0});
  CHECK(unigram.vocab.text(3) == "c\t");

  ModelConfig vocab;
  REQUIRE(take_long_lists(" {\"a\": 0, \"b\" :1}\n", true, vocab, rest));
  CHECK(vocab.vocab.size() == 2);
}

TEST_CASE("what is not as it should be is left to the reader of whole files") {
  for (const char* text : {"", "{", "[]", R"({"model": {"vocab": {"a": -1}}})", R"({"model": {"vocab": {"a": 1.0}}})", R"({"model": {"vocab": {"a": 01}}})", R"({"model": {"vocab": {"a": 1,}}})",
                           R"({"model": {"vocab": {"a": 9999999999}}})", R"({"model": {"vocab": {"a" 1}}})", "{\"model\": {\"vocab\": {\"\n\": 1}}}", R"({"model": {"vocab": {"\ud800": 1}}})",
                           R"({"model": {"vocab": {"\x": 1}}})", R"({"model": {"merges": ["a  b"]}})", R"({"model": {"merges": [["a"]]}})", R"({"model": {"merges": [["a", "b", "c"]]}})",
                           R"({"model": {"merges": [1]}})", R"({"model": {"vocab": [["a", "b"]]}})", R"({"model": {"vocab": [["a", 1.]]}})", R"({"model": {"vocab": [["a", +1]]}})",
                           R"({"mode\u006c": {"vocab": {"a": 1}}})", "{\"model\": {\"vocab\": {\"\xFF\": 1}}}", R"({"model": {"vocab": {"a": 1})"}) {
    CAPTURE(text);
    ModelConfig model;
    std::string rest;
    CHECK_FALSE(take_long_lists(text, false, model, rest));
  }
}

TEST_CASE("files read the quick way are what they are read as a whole, whole or broken") {
  Random random(11);
  const std::string bytes = "\"\\{}[],:01-.eu \n\xC3\x80" "am";
  for (const std::string& text : {kBpe, kUnigram, std::string(R"({"model": {"vocab": {"a": 0}, "vocab": [["b", 1]], "merges": ["a b"], "merges": []}, "model": {"vocab": {"c": 1}}})"),
                                  std::string(R"({"model": [{"vocab": {"a": 0}}], "vocab": {"a": -1}})"), std::string(R"({"model": {"vocab": {"a": 0}} "x": 1})")}) {
    CHECK(same(text));
    for (int i = 0; i < 4000; ++i) {
      std::string broken = text;
      for (uint64_t changes = 1 + random.below(3); changes > 0; --changes) {
        const size_t at = random.below(broken.size());
        const char byte = bytes[random.below(bytes.size())];
        switch (random.below(4)) {
          case 0: broken[at] = byte; break;
          case 1: broken.insert(at, 1, byte); break;
          case 2: broken.replace(at, 2, 1, byte); break;
          default: broken.resize(at + 1); break;
        }
      }
      CAPTURE(broken);
      CHECK(same(broken));
    }
  }
}

}  // namespace orrery
