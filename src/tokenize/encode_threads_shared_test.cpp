// One text on several threads against the same text on one, for every tokenizer of ../shared.
#include <doctest/doctest.h>

#include <filesystem>
#include <random>

#include "base/testing.h"
#include "base/threads.h"
#include "tokenize/test_encodings.h"
#include "tokenize/tokenizer.h"

namespace orrery {
namespace {

const std::filesystem::path kRoot = "../shared/tokenizers";

std::string random_text(std::mt19937_64& random) {
  static const std::vector<std::string> parts = {
      "the", "The", " of", "'s", "'LL", " ", "  ", "   ", "\n", "\n\n", "\r\n", "\t", "12", "3456", ".", ",", "--", "_", "naïve", "e\u0301", "ﬁ", "ß", "Москва", "北京", "。", "，", "서울", "😀", "👩‍💻",
      "\u00a0", "\u200b", "\u3000", "▁", "<s>", "</s>", "<|endoftext|>", "[MASK]", "[SEP]", "<unk>", "{", "};", "\u0301", "a", "b", " a", " b c", "word word", "x\ny"};
  std::string text;
  const uint64_t kind = random() % 3;   // all parts alike, or many plain words
  for (uint64_t i = 40 + random() % 160; i > 0; --i) {
    text += kind == 0 || random() % 3 != 0 ? parts[random() % parts.size()] : "the";
    if (kind != 0 && random() % 2 != 0) text += ' ';
  }
  return text;
}

void check(const std::string& name, const Tokenizer& tokenizer, ThreadPool& pool, int rounds) {
  CAPTURE(name);
  std::mt19937_64 random(name.size());
  for (int round = 0; round < rounds; ++round) {
    const std::string text = random_text(random);
    CAPTURE(text);
    EncodeOptions options{.specials_as_text = round % 5 == 0, .unit = static_cast<OffsetUnit>(round % 3)};
    std::optional<Encoding> alone;
    try {
      alone = tokenizer.encode(text, options);
    } catch (const Error&) {   // no unknown token
    }
    options.pool = &pool;
    options.least_share = 1 + random() % 60;
    if (!alone) {
      CHECK_THROWS_AS(tokenizer.encode(text, options), Error);
      continue;
    }
    require_equal(tokenizer.encode(text, options), *alone);
    REQUIRE(tokenizer.encode_ids(text, options) == alone->ids);
  }
}

}  // namespace

TEST_CASE("a text has the same tokens and offsets on any number of threads") {
  if (!shared_available("tokenizers")) return;
  ThreadPool pool(3);
  for (const auto& entry : std::filesystem::directory_iterator(kRoot)) {
    const std::string name = entry.path().filename();
    if (std::filesystem::exists(entry.path() / "tokenizer.json") || name == "bert-base-multilingual-cased") check(name, Tokenizer::load(entry.path()).value(), pool, 150);
  }
  const RankOptions cl100k = {.pattern = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
  check("cl100k_base", Tokenizer::load(kRoot / "cl100k_base/cl100k_base.tiktoken", cl100k).value(), pool, 150);
  check("spiece.model", Tokenizer::load(kRoot / "t5/spiece.model").value(), pool, 20);
  for (const auto& entry : std::filesystem::directory_iterator(kRoot / "synthetic"))
    if (entry.path().extension() == ".json")
      if (const auto tokenizer = Tokenizer::load(entry.path())) check(entry.path().stem(), *tokenizer, pool, 25);
}

}  // namespace orrery
