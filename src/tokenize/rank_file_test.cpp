#include "tokenize/rank_file.h"

#include <doctest/doctest.h>

#include "base/base64.h"

namespace orrery {
namespace {

// All bytes, then the given tokens, ranked in this order.
std::string rank_lines(std::initializer_list<std::string> tokens) {
  std::string text;
  int rank = 0;
  for (int b = 0; b < 256; b++) text += encode_base64(std::string(1, static_cast<char>(b))) + " " + std::to_string(rank++) + "\n";
  for (const std::string& token : tokens) text += encode_base64(token) + " " + std::to_string(rank++) + "\n";
  return text;
}

TokenizerFile described(const std::string& text, const RankOptions& options) {
  TokenizerFile file;
  describe_ranks(text, options, file);
  return file;
}

}  // namespace

TEST_CASE("the merge of a ranked token is the last step of its own way") {
  const TokenizerFile file = described(rank_lines({"bc", "ab", "abc", "xyz"}), {.pattern = "."});
  REQUIRE(file.model.merges.size() == 3);   // nothing leads to "xyz": only a whole word is that token
  CHECK(file.model.merges[0].left == "b");
  CHECK(file.model.merges[0].right == "c");
  CHECK(file.model.merges[2].left == "a");
  CHECK(file.model.merges[2].right == "bc");
}

TEST_CASE("a part of a ranked token may have a larger rank than the token") {
  const TokenizerFile file = described(rank_lines({"abc", "bc"}), {.pattern = "."});
  REQUIRE(file.model.merges.size() == 2);
  CHECK(file.model.merges[0].left == "a");
  CHECK(file.model.merges[0].right == "bc");
  CHECK(file.model.merges[1].left == "b");
}

TEST_CASE("special tokens follow the ranks, and reserved ones fill what is left between them") {
  const TokenizerFile file = described(rank_lines({"ab"}), {.pattern = ".", .special = {{"<b>", 260}, {"<a>", 257}, {"<c>", RankOptions::kNext}}});
  const Json& added = file.json["added_tokens"];
  REQUIRE(added.size() == 4);
  CHECK(added[0]["content"] == "<a>");
  CHECK(added[1]["content"] == "<c>");   // after the one named before it
  CHECK(added[2]["content"] == "<|reserved_token_259|>");
  CHECK(added[3]["content"] == "<b>");
}

TEST_CASE("ranks that are left out move no special token") {
  const TokenizerFile file = described(rank_lines({}) + "YWI= 258\n", {.pattern = ".", .special = {{"<a>", RankOptions::kNext}, {"<b>", 256}}});
  CHECK(file.model.vocab.size() == 259);   // "<b>" and a reserved token are in the holes
  CHECK(file.json["added_tokens"].size() == 2);
}

TEST_CASE("broken rank files and impossible special tokens are refused with the reason") {
  const auto error = [](const std::string& text, const RankOptions& options) {
    try {
      described(text, options);
      return std::string();
    } catch (const Error& e) {
      return e.what;
    }
  };
  CHECK(error("YQ== 0\n", {}) == "the rank file has no token for the byte 0");
  CHECK(error(rank_lines({"ab"}) + "YWI= 999\n", {}) == "the rank file has the token of rank 999 twice");
  CHECK(error(rank_lines({}) + "YWI= 7\n", {}) == "the rank file has two tokens of rank 7");
  CHECK(error(rank_lines({}) + "YWI= x\n", {}) == "line 257 of the rank file has no rank from 0 to 2147483647");
  CHECK(error(rank_lines({}) + "**** 300\n", {}) == "line 257 of the rank file has no token in base64");
  CHECK(error(rank_lines({"ab"}), {.special = {{"<a>", 3}}}) == "the special token '<a>' of id 3 is an ordinary token of the rank file");
  CHECK(error(rank_lines({}), {.special = {{"<a>", 2000000000}}}).find("too large") != std::string::npos);
  CHECK(is_rank_file("YQ== 0\r\n"));
  CHECK_FALSE(is_rank_file("{\"a\": 1}\n"));
}

TEST_CASE("expressions of tiktoken are told to Oniguruma in its own way") {
  CHECK(oniguruma_expression(R"(\p{N}{1,3}+|\s++$)") == R"((?>\p{N}{1,3})|\s++\z)");
  CHECK(oniguruma_expression(R"([^\r\n$]?+\p{L}++)") == R"([^\r\n$]?+\p{L}++)");
  CHECK(oniguruma_expression(R"((?i:ab|c){2}+^)") == R"((?>(?i:ab|c){2})\A)");
}

}  // namespace orrery
