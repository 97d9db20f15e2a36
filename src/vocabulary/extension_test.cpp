#include "vocabulary/extension.h"

#include <doctest/doctest.h>

#include <set>

#include "base/testing.h"
#include "tokenize/trainers/vocab_trainer.h"
#include "vocabulary/extended_model.h"

namespace orrery {

namespace {

const std::vector<std::string> kGeneral = {"the cat sat on the mat", "a dog ran to the cat", "the mat and the dog"};
const std::vector<std::string> kDomain = {"electroplating the anode", "the electroplating bath", "anode and cathode", "electroplating cathode", "a cathode bath"};

Tokenizer learned(const std::string& algorithm, int64_t size) {
  VocabTrainer trainer({.algorithm = algorithm, .vocab_size = size, .initial_alphabet = algorithm == "byte-bpe" ? "" : "abcdefghijklmnopqrstuvwxyz"});
  for (const std::string& text : kGeneral) trainer.add(text);
  if (algorithm == "wordpiece") trainer.add("electroplating cathode bath");   // a character inside a word is a token of its own
  ThreadPool pool(1);
  return trainer.train(pool).tokenizer();
}

constexpr EncodeOptions kPlain{.add_special = false, .specials_as_text = true};

}  // namespace

TEST_CASE("an extended vocabulary keeps every old id, makes domain texts shorter and with BPE no text longer") {
  for (const auto& [algorithm, size] : {std::pair("byte-bpe", 270), {"bpe", 70}, {"wordpiece", 58}, {"unigram", 70}}) {
    CAPTURE(algorithm);
    const Tokenizer before = learned(algorithm, size);
    VocabExtension extension(before);
    for (const std::string& text : kDomain) extension.add(text);
    const ExtendedVocab extended = extension.learn(12);
    const Tokenizer after = extended.tokenizer();
    CHECK(extended.tokens.size() == 12);
    CHECK(after.vocab_size() == before.vocab_size() + 12);
    for (int32_t id = 0; id < before.id_limit(); id++) CHECK(after.token_of(id) == before.token_of(id));
    for (const NewToken& token : extended.tokens) {
      CHECK(token.id >= before.id_limit());
      CHECK(after.token_of(token.id) == token.text);
      CHECK(token.parts.size() >= 2);
    }
    size_t old_size = 0, new_size = 0;
    for (const std::string& text : kDomain) {
      old_size += before.encode_ids(text, kPlain).size();
      new_size += after.encode_ids(text, kPlain).size();
      CHECK(after.decode(after.encode_ids(text, kPlain)) == before.decode(before.encode_ids(text, kPlain)));
    }
    CHECK(new_size < old_size);
    if (std::string_view(algorithm).ends_with("bpe"))
      for (const std::string& text : kGeneral) CHECK(after.encode_ids(text, kPlain).size() <= before.encode_ids(text, kPlain).size());
  }
}

TEST_CASE("merges appended for a domain's own tokens join two tokens each, and make no text longer") {
  for (const auto& [algorithm, size] : {std::pair("byte-bpe", 270), {"bpe", 70}}) {
    CAPTURE(algorithm);
    const Tokenizer before = learned(algorithm, size);
    VocabExtension extension(before);
    for (const std::string& text : kDomain) extension.add(text);
    const ExtendedVocab extended = extension.learn(12, 2, ExtensionMethod::append_merges);
    const Tokenizer after = extended.tokenizer();
    REQUIRE(!extended.tokens.empty());
    CHECK(extended.tokens.size() <= 12);
    for (int32_t id = 0; id < before.id_limit(); id++) CHECK(after.token_of(id) == before.token_of(id));
    const Json merges = extended.tokenizer_json["model"]["merges"];
    const size_t old = merges.size() - extended.tokens.size();
    CHECK(old == before.to_json()["model"]["merges"].size());
    for (size_t i = 0; i < extended.tokens.size(); i++) {
      CHECK(merges[old + i][0].get<std::string>() + merges[old + i][1].get<std::string>() == extended.tokens[i].text);
      CHECK(after.token_of(extended.tokens[i].id) == extended.tokens[i].text);
    }
    size_t old_size = 0, new_size = 0;
    for (const std::string& text : kDomain) {
      old_size += before.encode_ids(text, kPlain).size();
      new_size += after.encode_ids(text, kPlain).size();
      CHECK(after.decode(after.encode_ids(text, kPlain)) == before.decode(before.encode_ids(text, kPlain)));
    }
    CHECK(new_size < old_size);
    CHECK(unused_tokens(extended, after, kDomain) < static_cast<int64_t>(extended.tokens.size()));
    CHECK(unused_tokens(extended, after, {"z"}) == static_cast<int64_t>(extended.tokens.size()));
    for (const std::string& text : kGeneral) CHECK(after.encode_ids(text, kPlain).size() <= before.encode_ids(text, kPlain).size());
  }
}

TEST_CASE("only a vocabulary with merges gets more of them") {
  for (const char* algorithm : {"unigram", "wordpiece"}) {
    const Tokenizer tokenizer = learned(algorithm, 70);
    VocabExtension extension(tokenizer);
    extension.add(kDomain[0]);
    CHECK_THROWS_AS(extension.learn(3, 1, ExtensionMethod::append_merges), Error);
  }
}

TEST_CASE("an added token beyond the model's own keeps its id") {
  Json json = learned("byte-bpe", 270).to_json();
  json["added_tokens"].push_back({{"id", 270}, {"content", "<mask>"}, {"single_word", false}, {"lstrip", false}, {"rstrip", false}, {"normalized", false}, {"special", true}});
  const Tokenizer before = Tokenizer::from_json(json).value();
  VocabExtension extension(before);
  for (const std::string& text : kDomain) extension.add(text);
  const ExtendedVocab extended = extension.learn(3);
  CHECK(extended.tokens[0].id == 271);
  CHECK(extended.tokenizer_json["model"]["vocab"]["<mask>"] == 270);
  CHECK(extended.tokenizer().id_of("<mask>") == 270);
}

TEST_CASE("the gain is measured on texts that were not learned from") {
  std::vector<std::string> texts;
  for (int i = 0; i < 10; i++) texts.insert(texts.end(), kDomain.begin(), kDomain.end());
  const Tokenizer tokenizer = learned("byte-bpe", 270);
  const Gain gain = extension_gain(tokenizer, texts, 40);
  CHECK(gain.texts == 10);
  CHECK(gain.tokens_after < gain.tokens_before);
  CHECK(gain.texts_longer == 0);
  CHECK(gain.shorter() > 0.1);
}

TEST_CASE("word lists cannot be extended by pairs") {
  const Tokenizer words = learned("wordlevel", 50);
  CHECK_THROWS_AS(VocabExtension{words}, Error);
}

TEST_CASE("new rows are the mean of their parts, in every tensor of the vocabulary, and old rows keep their bits") {
  const TemporaryFolder folder("extended");
  Tensor embedding = Tensor::from(std::vector<float>{1, 2, 3, 4, 5, 6}, {3, 2}), bias = Tensor::from(std::vector<float>{1, 2, 3}, {3}), other = Tensor::from(std::vector<float>{7, 8, 9}, {3});
  CheckpointContents contents;
  contents.config = {{"model_type", "gpt2"}, {"vocab_size", 3}};
  contents.tensors = {{"transformer.wte.weight", embedding}, {"lm_head.bias", bias}, {"transformer.ln_f.weight", other}};
  save_checkpoint(folder.path() / "old", contents).value();
  const Checkpoint old = Checkpoint::open(folder.path() / "old").value();
  const ExtendedModel made = extend_model(old, {{3, "ab", {0, 1}}, {4, "abc", {0, 1, 2}}}).value();
  CHECK(made.vocab_size == 5);
  CHECK(made.rows_added == 2);
  CHECK(made.contents.config["vocab_size"] == 5);
  CHECK(std::set<std::string>(made.tensors.begin(), made.tensors.end()) == std::set<std::string>{"transformer.wte.weight", "lm_head.bias"});
  for (const auto& [name, tensor] : made.contents.tensors) {
    const auto values = tensor.values<float>();
    if (name == "transformer.wte.weight") CHECK(std::vector<float>(values.begin(), values.end()) == std::vector<float>{1, 2, 3, 4, 5, 6, 2, 3, 3, 4});
    if (name == "lm_head.bias") CHECK(std::vector<float>(values.begin(), values.end()) == std::vector<float>{1, 2, 3, 1.5F, 2});
    if (name == "transformer.ln_f.weight") CHECK(tensor.shape() == std::vector<int64_t>{3});
  }
  CHECK_FALSE(extend_model(old, {}).value().rows_added);
}

}  // namespace orrery
