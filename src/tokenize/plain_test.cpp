#include "tokenize/plain.h"

#include <doctest/doctest.h>

#include <vector>

namespace orrery {

TEST_CASE("bytes: the id is the byte, and decoding gives any text back") {
  const Tokenizer bytes = plain_tokenizer("bytes");
  CHECK(bytes.vocab_size() == 256);
  CHECK(bytes.encode_ids("Ab \xC3\xA9") == std::vector<int32_t>{65, 98, 32, 195, 169});
  CHECK(bytes.decode(bytes.encode_ids("na\xC3\xAFve\n")) == "na\xC3\xAFve\n");
}

TEST_CASE("characters and words are numbered in the order of first use") {
  const std::vector<std::string> texts = {"to be or not to be"};
  const Tokenizer characters = plain_tokenizer("characters", texts), words = plain_tokenizer("whitespace", texts);
  CHECK(characters.encode_ids("beta") == std::vector<int32_t>{4, 5, 1, 0});
  CHECK(characters.decode(characters.encode_ids("not to be")) == "not to be");
  CHECK(words.encode_ids("be  or\tgo") == std::vector<int32_t>{2, 3, 0});
  CHECK(words.decode(words.encode_ids("to  be"), true) == "to be");
  CHECK_THROWS_AS(plain_tokenizer("sentences"), Error);
}

}  // namespace orrery
