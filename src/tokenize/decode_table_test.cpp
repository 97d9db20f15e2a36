// Texts by look-up against those of the decoders themselves.
#include "tokenize/decode_table.h"

#include <doctest/doctest.h>

#include <random>

using namespace orrery;

namespace {

const std::vector<std::string> kTokens = {"<s>", "\xE2\x96\x81", "\xE2\x96\x81the", "a", "##b", "##", "n't", ".", " do not", "<0xE6>", "<0xBC>", "<0xA2>", "<0x20>", "<0xff>", "\xC4\xA0the", "\xC3\xA6", "\xC2\xBC", "\xC2\xA2", "\xE2\x96\x81\xE2\x96\x81\xE2\x96\x81",
                                          " ", "\xE6\xBC\xA2", "", "a-long-token-of-more-than-sixteen-bytes"};

void check(const Json& json) {
  const auto decoder = make_decoder(json);
  std::vector<DecodeTable::Token> tokens;
  for (size_t i = 0; i < kTokens.size(); ++i) tokens.push_back({kTokens[i], i == 0});
  tokens.push_back({});   // an id without a token
  const auto table = DecodeTable::make(json, *decoder, tokens);
  REQUIRE(table);
  std::mt19937 random(5);
  for (int round = 0; round < 20000; ++round) {
    std::vector<int32_t> ids(random() % 9);
    for (int32_t& id : ids) id = static_cast<int32_t>(random() % (tokens.size() + 2)) - 1;
    const bool skip = round % 2 == 0;
    std::vector<std::string> texts;
    for (const int32_t id : ids)
      if (id >= 0 && static_cast<size_t>(id) < kTokens.size() && !(skip && id == 0)) texts.push_back(kTokens[static_cast<size_t>(id)]);
    decoder->decode(texts);
    std::string expected;
    for (const std::string& text : texts) expected += text;
    CAPTURE(ids);
    REQUIRE(table->decode(ids, skip) == expected);
  }
}

}  // namespace

TEST_CASE("decoding by look-up is what the decoder makes of the tokens") {
  const Json replace = {{"type", "Replace"}, {"pattern", {{"String", "\xE2\x96\x81"}}}, {"content", " "}};
  const Json fallback = {{"type", "ByteFallback"}}, fuse = {{"type", "Fuse"}}, strip = {{"type", "Strip"}, {"content", " "}, {"start", 2}, {"stop", 0}};
  check({{"type", "ByteLevel"}});
  for (const bool cleanup : {false, true}) check({{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", cleanup}});
  for (const char* scheme : {"always", "never"}) check({{"type", "Metaspace"}, {"replacement", "\xE2\x96\x81"}, {"prepend_scheme", scheme}});
  check({{"type", "Sequence"}, {"decoders", {replace, fallback, fuse}}});
  check({{"type", "Sequence"}, {"decoders", {replace, fallback, fuse, strip}}});
}

TEST_CASE("other decoders have no table") {
  for (const Json& json : std::vector<Json>{{{"type", "Fuse"}}, {{"type", "BPEDecoder"}, {"suffix", "</w>"}}, {{"type", "Sequence"}, {"decoders", Json::array()}}})
    CHECK(!DecodeTable::make(json, *make_decoder(json), {}));
}
