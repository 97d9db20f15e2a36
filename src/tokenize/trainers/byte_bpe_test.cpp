#include "tokenize/trainers/byte_bpe.h"

#include <doctest/doctest.h>

#include "base/file.h"
#include "base/testing.h"

namespace orrery {

TEST_CASE("the most frequent pair is merged first, ties by the lower ids") {
  ByteBpeTrainer trainer({.vocab_size = 7, .whole_alphabet = false});
  for (int i = 0; i < 3; i++) trainer.add("abab");
  trainer.add("cdcd");
  const ByteBpe bpe = trainer.train();
  CHECK(bpe.tokens == std::vector<std::string>{"a", "b", "c", "d", "ab", "abab", "cd"});
  CHECK(bpe.merges == std::vector<std::pair<std::string, std::string>>{{"a", "b"}, {"ab", "ab"}, {"c", "d"}});
}

TEST_CASE("special tokens come first, then the bytes, and every text can be encoded") {
  ByteBpeTrainer trainer({.vocab_size = 300, .special_tokens = {"<s>", "</s>"}, .bos_token = "<s>", .eos_token = "</s>", .add_bos = true});
  trainer.add("the cat sat on the mat, the cat");
  const Tokenizer tokenizer = trainer.train().tokenizer();
  CHECK(tokenizer.id_of("<s>") == 0);
  CHECK(tokenizer.bos_id() == 0);
  CHECK(tokenizer.eos_id() == 1);
  CHECK(tokenizer.id_of("!") == 2);
  const std::string text = "the mat \xF0\x9F\x98\x80\n\t</s>";
  CHECK(tokenizer.encode_ids(text)[0] == 0);
  CHECK(tokenizer.decode(tokenizer.encode_ids(text, {.add_special = false})) == text);
}

TEST_CASE("a pair rarer than min_frequency is not merged, nor a token longer than max_token_length made") {
  ByteBpeTrainer rare({.vocab_size = 1000, .min_frequency = 3, .whole_alphabet = false});
  rare.add("ab ab ab cd cd");
  for (const auto& [left, right] : rare.train().merges) CHECK(left + right != "cd");

  ByteBpeTrainer limited({.vocab_size = 1000, .whole_alphabet = false, .max_token_length = 3});
  limited.add("abcdef abcdef");
  for (const std::string& token : limited.train().tokens) CHECK(token.size() <= 3);
}

TEST_CASE("the order of the texts does not matter, and repeated letters merge as they stand") {
  ByteBpeTrainer one({.vocab_size = 280}), two({.vocab_size = 280});
  const std::vector<std::string> texts = {"aaaa aaaaa", "baab", "zebra zebra", "aaab zebr"};
  for (const std::string& text : texts) one.add(text);
  for (auto text = texts.rbegin(); text != texts.rend(); ++text) two.add(*text);
  CHECK(one.train().tokens == two.train().tokens);
  CHECK(one.train().merges == two.train().merges);
}

TEST_CASE("impossible options are refused") {
  CHECK_THROWS_AS(ByteBpeTrainer({.vocab_size = 0}), Error);
  CHECK_THROWS_AS(ByteBpeTrainer({.special_tokens = {""}}), Error);
  CHECK_THROWS_AS(ByteBpeTrainer({.bos_token = "<s>"}), Error);
  ByteBpeTrainer trainer({});
  CHECK_FALSE(trainer.add_file("/nowhere/at/all.txt").ok());
}

}  // namespace orrery
