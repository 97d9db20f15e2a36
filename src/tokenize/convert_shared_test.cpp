#include "tokenize/convert.h"

#include <doctest/doctest.h>

#include "base/testing.h"

using namespace orrery;

namespace {

const std::filesystem::path kTokenizers = "../shared/tokenizers";
constexpr std::string_view kHard = "The miller's 1234 flour  sacks,\n\tcafé naïve 中文 🙂 don't ABC\xC2\xA0x";

void check_same_ids(const char* model, const char* format) {
  CAPTURE(model);
  CAPTURE(format);
  const TemporaryFolder folder("convert");
  const std::filesystem::path made = folder.path() / "made";
  const Tokenizer before = Tokenizer::load(kTokenizers / model).value();
  convert_tokenizer(before, format, made).value();
  CHECK(Tokenizer::load(made).value().encode_ids(kHard) == before.encode_ids(kHard));
}

}  // namespace

TEST_CASE("published tokenizers keep their ids in another format") {
  if (!shared_available("tokenizers")) return;
  check_same_ids("gpt2", "vocab.json");
  check_same_ids("bert-base-uncased", "vocab.txt");
  check_same_ids("bert-base-multilingual-cased", "vocab.txt");
  check_same_ids("qwen/qwen.tiktoken", "tokenizer.json");
  check_same_ids("t5/spiece.model", "tokenizer.json");
}

TEST_CASE("what a format cannot say is named, and nothing is written") {
  if (!shared_available("tokenizers")) return;
  const TemporaryFolder folder("convert");
  const auto reason = [&](const char* model, const char* format) {
    const Result<ConvertedTokenizer> made = convert_tokenizer(Tokenizer::load(kTokenizers / model).value(), format, folder.path() / "made");
    CHECK_FALSE(std::filesystem::exists(folder.path() / "made"));
    return made ? std::string() : made.error().what;
  };
  CHECK(reason("gpt-neox-20b", "vocab.json").find("normalizer") != std::string::npos);
  CHECK(reason("gpt-neox-20b", "tiktoken").find("no token for the byte") != std::string::npos);
  CHECK(reason("clip", "vocab.json").find("end_of_word_suffix") != std::string::npos);
  CHECK(reason("spm-test/test_model.model", "tokenizer.json").find("other ids") != std::string::npos);
}
