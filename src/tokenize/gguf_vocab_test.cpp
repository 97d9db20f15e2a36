#include "tokenize/gguf_vocab.h"

#include <doctest/doctest.h>

namespace orrery {
namespace {

std::string error_of(const Json& metadata) {
  const Result<Tokenizer> tokenizer = Tokenizer::from_gguf(metadata, "x.gguf");
  return tokenizer ? std::string() : tokenizer.error().what;
}

Json bert() {
  return {{"tokenizer.ggml.model", "bert"},
          {"tokenizer.ggml.tokens", {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "\xE2\x96\x81sun", "day"}},
          {"tokenizer.ggml.token_type", {3, 2, 3, 3, 1, 1}}};
}

}  // namespace

TEST_CASE("BERT's vocabulary of a GGUF file gets its ## back") {
  const Tokenizer tokenizer = Tokenizer::from_gguf(bert(), "x.gguf").value();
  CHECK(tokenizer.encode_ids("Sunday") == std::vector<int32_t>{2, 4, 5, 3});
  CHECK(tokenizer.token_of(5) == "##day");
}

TEST_CASE("of the tokens in brackets of a BERT vocabulary those are special whose type says so") {
  Json metadata = bert();
  metadata["tokenizer.ggml.tokens"].push_back("[unused0]");
  metadata["tokenizer.ggml.token_type"].push_back(1);
  const Tokenizer tokenizer = Tokenizer::from_gguf(metadata, "x.gguf").value();
  CHECK(tokenizer.encode_ids("[unused0] [PAD]") == std::vector<int32_t>{2, 1, 1, 1, 0, 3});   // a bracket, a word, a bracket
  CHECK(tokenizer.token_of(6) == "[unused0]");
  metadata.erase("tokenizer.ggml.token_type");
  CHECK(Tokenizer::from_gguf(metadata, "x.gguf").value().encode_ids("[PAD]") == std::vector<int32_t>{2, 0, 3});
}

TEST_CASE("sentencepiece's pieces of a GGUF file merge by their scores, and it says which tokens go around a text") {
  const Json metadata = {{"tokenizer.ggml.model", "llama"},
                         {"tokenizer.ggml.tokens", {"<unk>", "<s>", "</s>", "\xE2\x96\x81", "a", "b", "ab", "\xE2\x96\x81" "ab"}},
                         {"tokenizer.ggml.scores", {0, 0, 0, -5, -6, -7, -1, -2}},
                         {"tokenizer.ggml.token_type", {2, 3, 3, 1, 1, 1, 1, 1}}};
  const Tokenizer tokenizer = Tokenizer::from_gguf(metadata, "x.gguf").value();
  CHECK(tokenizer.encode_ids("abb") == std::vector<int32_t>{1, 7, 5});
  CHECK(tokenizer.bos_id() == 1);
  CHECK(tokenizer.decode(tokenizer.encode_ids("ab ab"), true) == "ab ab");
  CHECK(tokenizer.is_special(1));
  CHECK(tokenizer.encode_ids("ab</s>ab", {.add_special = false}) == std::vector<int32_t>{7, 2, 7});   // as chats are written
}

TEST_CASE("byte-level vocabularies of a GGUF file are cut as their name says") {
  Json metadata = {{"tokenizer.ggml.model", "gpt2"}, {"tokenizer.ggml.pre", "gpt-2"}, {"tokenizer.ggml.tokens", {"a", "b", "ab", "<|x|>"}},
                   {"tokenizer.ggml.token_type", {1, 1, 1, 3}}, {"tokenizer.ggml.merges", {"a b"}}};
  CHECK(Tokenizer::from_gguf(metadata, "x.gguf").value().encode_ids("ab<|x|>a") == std::vector<int32_t>{2, 3, 0});
  metadata["tokenizer.ggml.pre"] = "unheard-of";
  CHECK(error_of(metadata) == "the way to cut texts 'unheard-of' (tokenizer.ggml.pre) is not known");
}

TEST_CASE("broken vocabularies of a GGUF file are refused with the reason") {
  CHECK(error_of(Json::object()) == "the GGUF file has no tokenizer (tokenizer.ggml.model)");
  CHECK(error_of({{"tokenizer.ggml.model", "rwkv"}, {"tokenizer.ggml.tokens", {"a"}}}) == "the tokenizer 'rwkv' of a GGUF file is not supported");
  CHECK(error_of({{"tokenizer.ggml.model", "llama"}}) == "tokenizer.ggml.tokens is no list as long as the vocabulary");
  Json short_types = bert();
  short_types["tokenizer.ggml.token_type"] = {1};
  CHECK(error_of(short_types) == "tokenizer.ggml.token_type is no list as long as the vocabulary");
}

}  // namespace orrery
