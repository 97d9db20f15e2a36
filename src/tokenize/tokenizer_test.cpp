#include "tokenize/tokenizer.h"

#include <doctest/doctest.h>

#include <random>

#include <thread>

#include "base/file.h"
#include "base/testing.h"
#include "base/utf8.h"

namespace orrery {
namespace {

const std::string kData = "src/tokenize/testdata/";

Tokenizer tiny(const std::string& name) { return Tokenizer::load(kData + name + ".json").value(); }

Json bpe_json() {
  return parse_json(R"({"version": "1.0", "added_tokens": [], "normalizer": null, "pre_tokenizer": null, "post_processor": null,
    "decoder": null, "model": {"type": "BPE", "dropout": null, "unk_token": null, "vocab": {"a": 0, "b": 1, "ab": 2, "u": 3, "abb": 4},
    "merges": ["a b", ["ab", "b"]]}})", "test").value();
}

Error error_of(const Json& json) {
  const Result<Tokenizer> tokenizer = Tokenizer::from_json(json);
  return tokenizer ? Error{ErrorKind::io, "it was taken", ""} : tokenizer.error();
}

std::vector<std::string> tokens_of(const Json& json, std::string_view text) {
  return Tokenizer::from_json(json).value().encode(text).tokens();
}

using Tokens = std::vector<std::string>;

}  // namespace

TEST_CASE("the small tokenizers of this folder give the reference's answers, loaded, saved and loaded again") {
  const Json goldens = parse_json(read_file(kData + "goldens.json").value(), "goldens.json").value();
  for (const std::string name : {"byte_level", "byte_fallback", "bert"}) {
    const TemporaryFolder folder("tokenizer");
    const Tokenizer first = tiny(name);
    REQUIRE(first.save(folder.path()).ok());
    const Tokenizer again = Tokenizer::load(folder.path()).value();
    const Tokenizer from_values = Tokenizer::from_json(first.to_json()).value();
    for (const Json& row : goldens["rows"]) {
      if (row["tokenizer"] != name) continue;
      const std::string text = row["text"].get<std::string>();
      CAPTURE(text);
      for (const Tokenizer* tokenizer : {&first, &again, &from_values}) {
        const Encoding e = tokenizer->encode(text);
        CHECK(Json(e.ids) == row["ids"]);
        CHECK(Json(e.tokens()) == row["tokens"]);
        Json offsets = Json::array();
        for (const Offsets& o : e.offsets) offsets.push_back({o.begin, o.end});
        CHECK(offsets == row["offsets"]);
        CHECK(tokenizer->decode(e.ids, true) == row["decoded"]);
        CHECK(tokenizer->encode_ids(text) == e.ids);
      }
    }
  }
}

TEST_CASE("the stages of a text are what its tokens are made of") {
  for (const std::string name : {"byte_level", "byte_fallback", "bert"}) {
    const Tokenizer tokenizer = tiny(name);
    for (const std::string text : {"Hello, World! A naïve café.", "", " x", "日本 ok"}) {
      CAPTURE(text);
      const TokenizerStages stages = tokenizer.stages(text);
      const Encoding e = tokenizer.encode(text, {.add_special = false});
      CHECK(int32_t(stages.pieces.size()) == (e.size() ? e.words.back() + 1 : 0));
      for (size_t i = 0; i < e.size(); ++i) {   // a token lies in its piece
        const Offsets piece = stages.offsets.at(size_t(e.words[i]));
        CHECK(e.offsets[i].begin >= piece.begin);
        CHECK(e.offsets[i].end <= piece.end);
      }
    }
  }
  CHECK(tiny("bert").stages("A Naïve").normalized == "a naive");
  CHECK(tiny("bert").stages("don't stop").pieces == std::vector<std::string>{"don", "'", "t", "stop"});
  CHECK(tiny("byte_level").stages("Hello world").pieces == std::vector<std::string>{" Hello", " world"});
}

TEST_CASE("BPE merges the lowest rank first and the leftmost of equals") {
  CHECK(tokens_of(bpe_json(), "abb") == Tokens{"abb"});
  CHECK(tokens_of(bpe_json(), "aabab") == Tokens{"a", "ab", "ab"});
  CHECK(tokens_of(bpe_json(), "bab") == Tokens{"b", "ab"});
  std::string text;
  for (int i = 0; i < 50; i++) text += "ab";   // the heap, where a word takes the table
  CHECK(tokens_of(bpe_json(), text) == Tokens(50, "ab"));
}

TEST_CASE("without an unknown token BPE drops what it does not know and merges across the gap") {
  Json json = bpe_json();
  CHECK(tokens_of(json, "axb") == Tokens{"ab"});
  json["model"]["unk_token"] = "u";
  CHECK(tokens_of(json, "axyb") == Tokens{"a", "u", "u", "b"});
  json["model"]["fuse_unk"] = true;
  CHECK(tokens_of(json, "axyb") == Tokens{"a", "u", "b"});
  json["model"]["unk_token"] = "nowhere";
  const Tokenizer tokenizer = Tokenizer::from_json(json).value();
  CHECK(tokenizer.encode("ab").size() == 1);
  CHECK_THROWS_AS(tokenizer.encode("x"), Error);
}

TEST_CASE("ignore_merges takes a whole piece that is a token") {
  Json json = bpe_json();
  json["model"]["merges"] = Json::array();
  CHECK(tokens_of(json, "ab") == Tokens{"a", "b"});
  json["model"]["ignore_merges"] = true;
  CHECK(tokens_of(json, "ab") == Tokens{"ab"});
}

TEST_CASE("added tokens: longest first, whole words, spaces at their sides, and specials as text") {
  Json json = bpe_json();
  json["added_tokens"] = parse_json(R"([{"id": 5, "content": "<b>", "special": true}, {"id": 6, "content": "<b>b", "special": false, "normalized": false},
    {"id": 7, "content": "aa", "single_word": true, "special": false, "normalized": false},
    {"id": 8, "content": "[M]", "lstrip": true, "rstrip": true, "special": true}])", "test").value();
  const Tokenizer tokenizer = Tokenizer::from_json(json).value();
  CHECK(tokenizer.encode_ids("a<b>a") == std::vector<int32_t>{0, 5, 0});
  CHECK(tokenizer.encode_ids("a<b>b") == std::vector<int32_t>{0, 6});
  CHECK(tokenizer.encode_ids("aa aab") == std::vector<int32_t>{7, 0, 2});
  const Encoding e = tokenizer.encode("a  [M] b");
  CHECK(e.ids == std::vector<int32_t>{0, 8, 1});
  CHECK(e.token(1) == "  [M] ");
  CHECK(e.offsets[1] == Offsets{1, 7});
  CHECK(tokenizer.encode_ids("a<b>b<b>", {.specials_as_text = true}) == std::vector<int32_t>{0, 6, 1});
  CHECK(tokenizer.decode(std::vector<int32_t>{0, 5, 6, 99}, true) == "a <b>b");
  CHECK(tokenizer.vocab_size() == 9);
  CHECK(tokenizer.id_limit() == 9);
  CHECK(tokenizer.is_special(5));
  CHECK_FALSE(tokenizer.is_special(6));
}

TEST_CASE("offsets count bytes, characters or UTF-16 units") {
  const Tokenizer tokenizer = tiny("byte_level");
  const std::string text = "\U0001F600 low";
  const auto last = [&](OffsetUnit unit) { return tokenizer.encode(text, {.add_special = false, .unit = unit}).offsets.back(); };
  CHECK(last(OffsetUnit::bytes) == Offsets{5, 8});
  CHECK(last(OffsetUnit::chars) == Offsets{2, 5});
  CHECK(last(OffsetUnit::utf16) == Offsets{3, 6});
}

TEST_CASE("two texts are joined by the post-processor") {
  const Encoding e = tiny("bert").encode("low", {.pair = "new"});
  CHECK(e.tokens() == Tokens{"[CLS]", "low", "[SEP]", "new", "[SEP]"});
  CHECK(e.type_ids == std::vector<int32_t>{0, 0, 0, 1, 1});
  CHECK(e.special == std::vector<uint8_t>{1, 0, 1, 0, 1});
  CHECK(e.sequences == std::vector<int32_t>{-1, 0, -1, 1, -1});
}

TEST_CASE("bytes that are not UTF-8 are read as U+FFFD") {
  const Tokenizer tokenizer = tiny("byte_level");
  CHECK(tokenizer.encode_ids("low\xFF\xC3") == tokenizer.encode_ids("low\uFFFD\uFFFD"));
}

TEST_CASE("a stream shows no half characters and ends with the whole text") {
  for (const std::string name : {"byte_level", "byte_fallback", "bert"}) {
    const Tokenizer tokenizer = tiny(name);
    const auto ids = tokenizer.encode_ids("low \U0001F600 e\u0301 \u4E2D lower", {.add_special = false});
    DecodeStream stream(tokenizer);
    std::string shown;
    for (const int32_t id : ids) {
      shown += stream.push(id);
      CHECK(is_valid_utf8(shown));
      CHECK(shown.find("\uFFFD") == std::string::npos);
    }
    CHECK(shown + stream.finish() == tokenizer.decode(ids));
  }
  const Tokenizer tokenizer = tiny("byte_level");
  auto cut = tokenizer.encode_ids("low\U0001F600", {.add_special = false});
  cut.pop_back();
  DecodeStream stream(tokenizer);
  std::string shown;
  for (const int32_t id : cut) shown += stream.push(id);
  CHECK(shown == " low");
  CHECK(stream.finish() == "\uFFFD");
}

TEST_CASE("tokens that show nothing cost a stream nothing, and change nothing") {
  const Tokenizer tokenizer = tiny("bert");
  const auto ids = tokenizer.encode_ids("low lower", {.add_special = false});
  const int32_t special = tokenizer.encode_ids("").front(), unknown = 1 << 20;
  REQUIRE_FALSE(tokenizer.decodes(special, true));
  DecodeStream stream(tokenizer, true);
  std::string shown;
  for (const int32_t id : ids) {
    for (int i = 0; i < 20000; ++i) shown += stream.push(i % 2 ? special : unknown);
    shown += stream.push(id);
  }
  CHECK(shown + stream.finish() == tokenizer.decode(ids, true));
}

TEST_CASE("a token's bytes are what it adds to a text") {
  const Tokenizer bytes = tiny("byte_level"), fallback = tiny("byte_fallback"), bert = tiny("bert");
  CHECK(bytes.token_bytes(bytes.id_of("\u0120low").value()) == " low");
  CHECK(bytes.token_bytes(bytes.id_of("\u00C3").value()) == "\xC3");
  CHECK(fallback.token_bytes(fallback.id_of("\u2581low").value()) == " low");
  CHECK(fallback.token_bytes(fallback.id_of("<0xE4>").value()) == "\xE4");
  CHECK(bert.token_bytes(bert.id_of("##er").value()) == "er");
  CHECK(bytes.token_bytes(100000).empty());
}

TEST_CASE("roles come from the config, else from the usual names") {
  CHECK(tiny("byte_level").bos_id() == 0);
  CHECK(tiny("bert").pad_id() == 0);
  CHECK_FALSE(tiny("bert").eos_id().has_value());
  const Json json = tiny("byte_level").to_json();
  const Json config = {{"bos_token", nullptr}, {"eos_token", {{"content", "<mask>"}}}, {"pad_token", "</s>"}};
  const Tokenizer tokenizer = Tokenizer::from_json(json, config).value();
  CHECK_FALSE(tokenizer.bos_id().has_value());
  CHECK(tokenizer.eos_id() == 2);
  CHECK(tokenizer.pad_id() == 1);
}

TEST_CASE("one tokenizer serves several threads") {
  const Tokenizer tokenizer = tiny("byte_level");
  const auto expected = tokenizer.encode_ids("low lower lowest newer");
  std::vector<int> wrong(4, 0);
  std::vector<std::thread> threads;
  for (int& count : wrong)
    threads.emplace_back([&] {
      for (int i = 0; i < 200; i++) count += tokenizer.encode_ids("low lower lowest newer") != expected;
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == std::vector<int>(4, 0));
}

TEST_CASE("a long text without a break takes a heap, not the square of its length") {
  const std::string text(200000, 'a');
  CHECK(tiny("byte_level").encode_ids(text, {.add_special = false}).size() == text.size() + 1);
}

TEST_CASE("a tokenizer.json that is not understood is refused, naming what is wrong") {
  const auto with = [](const char* part, const char* value) {
    Json json = bpe_json();
    json[Json::json_pointer(part)] = parse_json(value, "test").value();
    return json;
  };
  CHECK(error_of(with("/model/type", "\"Bigram\"")).kind == ErrorKind::unsupported);
  CHECK(error_of(with("/model/type", "\"Bigram\"")).what.find("Bigram") != std::string::npos);
  CHECK(error_of(with("/normalizer", R"({"type": "Precompiled"})")).kind == ErrorKind::bad_file);
  CHECK(error_of(with("/normalizer", R"({"type": "Precompiled", "precompiled_charsmap": "/////w=="})")).kind == ErrorKind::bad_file);
  CHECK(error_of(with("/model/type", "\"Unigram\"")).kind == ErrorKind::bad_file);
  CHECK(error_of(with("/model/dropout", "2")).kind == ErrorKind::bad_file);
  CHECK(error_of(with("/version", "\"2.0\"")).kind == ErrorKind::unsupported);
  CHECK(error_of(with("/model/vocab/a", "-1")).kind == ErrorKind::bad_file);
  CHECK(error_of(with("/model/vocab/a", "1")).what.find("same id") != std::string::npos);
  CHECK(error_of(with("/model/vocab/a", "4294967296")).kind == ErrorKind::bad_file);
  CHECK(error_of(with("/model/vocab/a", "\"one\"")).what.find("'a'") != std::string::npos);
  CHECK(error_of(with("/model/merges", R"([["a", "x"]])")).what.find("'x'") != std::string::npos);
  CHECK(error_of(with("/model/merges", R"([["b", "a"]])")).what.find("'ba'") != std::string::npos);
  CHECK(error_of(with("/model/merges", R"(["a b c"])")).kind == ErrorKind::bad_file);
  CHECK(error_of(with("/model/merges", R"([["a"]])")).kind == ErrorKind::bad_file);
  CHECK(error_of(with("/model/merges", R"([5])")).kind == ErrorKind::bad_file);
  CHECK(error_of(with("/model", "[]")).kind == ErrorKind::bad_file);
  CHECK(error_of(with("/added_tokens", "{}")).kind == ErrorKind::bad_file);
  CHECK(error_of(with("/added_tokens", R"([{"id": 1}])")).kind == ErrorKind::bad_file);
  CHECK(error_of(with("/post_processor", R"({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}],
    "pair": [], "special_tokens": {}})")).what.find("<s>") != std::string::npos);
  CHECK(error_of(with("/decoder", R"({"type": "BPEDecoder", "suffix": ""})")).kind == ErrorKind::bad_file);
  CHECK(error_of(Json::array()).kind == ErrorKind::bad_file);
}

TEST_CASE("a file whose steps double the text again and again meets a limit") {
  Json json = bpe_json();
  Json doubles = Json::array();
  for (int i = 0; i < 60; i++) doubles.push_back({{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", "aa"}});
  json["normalizer"] = {{"type", "Sequence"}, {"normalizers", doubles}};
  CHECK_THROWS_AS(Tokenizer::from_json(json).value().encode("a"), Error);
  json["normalizer"] = nullptr;
  json["decoder"] = {{"type", "Sequence"}, {"decoders", doubles}};
  const Tokenizer tokenizer = Tokenizer::from_json(json).value();
  CHECK_THROWS_AS(tokenizer.decode(tokenizer.encode_ids("a")), Error);
}

TEST_CASE("broken files are told with their place") {
  const TemporaryFolder folder("tokenizer-files");
  const auto error = [&](const char* name, std::string_view bytes) {
    REQUIRE(write_file(folder.path() / name, bytes).ok());
    const Result<Tokenizer> tokenizer = Tokenizer::load(folder.path() / name);
    return tokenizer ? std::string() : tokenizer.error().message();
  };
  CHECK(error("tokenizer.json", "{\"model\": {").find("not valid JSON") != std::string::npos);
  CHECK(error("tokenizer.json", "{\"model\": {\"vocab\": {\"a\": {}}}}").find("'a'") != std::string::npos);
  CHECK(error("tokenizer.json", "{\"model\": {\"vocab\": {\"a\": 1.5}}}").find("'a'") != std::string::npos);
  CHECK(error("tokenizer.json", "{\"model\": {\"merges\": [[\"a\", \"b\", \"c\"]]}}").find("merge 1") != std::string::npos);
  CHECK(error("tokenizer.json", "{\"model\": {\"merges\": [{}]}}").find("merge 1") != std::string::npos);
  CHECK(error("tokenizer.json", std::string(100000, '[')).find("512") != std::string::npos);
  CHECK(error("tokenizer.json", "").find("not valid JSON") != std::string::npos);
  CHECK(error("tokenizer.json", "3").find("object") != std::string::npos);
  CHECK(error("vocab.txt", "ok\n\xFF\n").find("line 2") != std::string::npos);
  CHECK(error("vocab.txt", "").find("empty") != std::string::npos);
  CHECK(error("vocab.json", "{\"a\": 0, \"b\": 1}").find("merges.txt") != std::string::npos);
  CHECK(error("merges.txt", "#version: 0.2\na b c\n").find("merge 1") != std::string::npos);
  CHECK(error("merges.txt", "#version: 0.2\na b\n").find("'ab'") != std::string::npos);
  CHECK(error("merges.txt", "\u20AC b\n").find("byte-level") != std::string::npos);
  CHECK_FALSE(Tokenizer::load(folder.path() / "nothing").ok());
  write_file(folder.path() / "tokenizer.json", R"({"model": {"type": 5, "vocab": {"a": 0}}})").value();
  CHECK_FALSE(Tokenizer::load(folder.path()).ok());   // a type that is no text
  const TemporaryFolder empty("tokenizer-none");
  CHECK(Tokenizer::load(empty.path()).error().kind == ErrorKind::not_found);
}

TEST_CASE("vocabulary files as they are found: carriage returns, blank lines, a byte order mark, lower-casing") {
  const TemporaryFolder folder("tokenizer-vocab");
  REQUIRE(write_file(folder.path() / "vocab.txt", "\xEF\xBB\xBF[UNK]\r\n[CLS]\r\n[SEP]\r\n\r\nlow\r\n##er\r\n").ok());
  CHECK(Tokenizer::load(folder.path()).value().encode("LOWER x").tokens() == Tokens{"[CLS]", "low", "##er", "[UNK]", "[SEP]"});
  REQUIRE(write_file(folder.path() / "tokenizer_config.json", R"({"do_lower_case": false})").ok());
  CHECK(Tokenizer::load(folder.path()).value().encode("LOWER low").ids == std::vector<int32_t>{1, 0, 4, 2});

  const TemporaryFolder pair("tokenizer-bpe");
  REQUIRE(write_file(pair.path() / "vocab.json", R"({"a": 0, "b": 1, "ab": 2, "<|endoftext|>": 3})").ok());
  REQUIRE(write_file(pair.path() / "merges.txt", "#version: 0.2\r\na b\r\n\r\n").ok());
  const Tokenizer tokenizer = Tokenizer::load(pair.path()).value();
  CHECK(tokenizer.encode_ids("ab<|endoftext|>b") == std::vector<int32_t>{2, 3, 1});
  CHECK(tokenizer.eos_id() == 3);
}

TEST_CASE("the class that a config names says what vocabulary files mean, and an unknown one is refused") {
  const TemporaryFolder folder("tokenizer-class");
  REQUIRE(write_file(folder.path() / "vocab.json", R"({"<s>": 0, "</s>": 1, "<pad>": 2, "a": 3, "b": 4, "ab": 5, "<mask>": 6, "\u0120": 7})").ok());
  REQUIRE(write_file(folder.path() / "merges.txt", "a b\n").ok());
  const auto tokens = [&](const char* name) {
    REQUIRE(write_file(folder.path() / "tokenizer_config.json", std::string(R"({"tokenizer_class": ")") + name + "\"}").ok());
    return Tokenizer::load(folder.path()).value().encode("ab <mask>").tokens();
  };
  CHECK(tokens("RobertaTokenizerFast") == Tokens{"<s>", "ab", "Ġ", "<mask>", "</s>"});
  CHECK(tokens("GPT2Tokenizer").front() == "ab");
  REQUIRE(write_file(folder.path() / "tokenizer_config.json", R"({"tokenizer_class": "MarianTokenizer"})").ok());
  CHECK(Tokenizer::load(folder.path()).error().kind == ErrorKind::unsupported);

  const TemporaryFolder bert("tokenizer-bert-class");
  REQUIRE(write_file(bert.path() / "vocab.txt", "[UNK]\n[CLS]\n[SEP]\nlow\nLow\n").ok());
  CHECK(Tokenizer::load(bert.path()).value().encode("Low").token(1) == "Low");   // told by the vocabulary
  REQUIRE(write_file(bert.path() / "tokenizer_config.json", R"({"tokenizer_class": "BertTokenizer"})").ok());
  CHECK(Tokenizer::load(bert.path()).value().encode("Low").token(1) == "low");   // as the class does it
  REQUIRE(write_file(bert.path() / "tokenizer_config.json", R"({"tokenizer_class": "MPNetTokenizer"})").ok());
  CHECK(Tokenizer::load(bert.path()).error().what.find("MPNetTokenizer") != std::string::npos);
}

TEST_CASE("ids alone are those of an encoding, whatever stands at the words' edges") {
  const std::vector<std::string> parts = {"low", "lower", " ", "  ", "\n", "\r\n", "\t", "a", "B", "é", "漢", "\u0301", "\u00A0", "\u2581", "<s>", "[MASK]", "<|endoftext|>", "'s", "12", ".", "\xFF", "\x0B", std::string(1, '\0')};
  std::mt19937_64 random(11);
  for (const char* name : {"bert", "byte_level", "byte_fallback"}) {
    const Tokenizer tokenizer = tiny(name);
    for (int round = 0; round < 3000; ++round) {
      std::string text;
      for (size_t i = random() % 12; i > 0; --i) text += parts[random() % parts.size()];
      CAPTURE(name);
      CAPTURE(text);
      REQUIRE(tokenizer.encode_ids(text) == tokenizer.encode(text).ids);
    }
  }
}

}  // namespace orrery
