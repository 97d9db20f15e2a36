#include "tokenize/protobuf.h"

#include <doctest/doctest.h>

#include <string>

#include "base/error.h"
#include "tokenize/sentencepiece.h"

namespace orrery {

TEST_CASE("a protocol buffer's fields are read in order, whatever they are") {
  using namespace std::string_literals;
  const std::string message = "\x08\x96\x01"s + "\x12\x02hi"s + "\x1d\x00\x00\x80\x3f"s + "\x21"s + std::string(8, 'x');
  ProtobufReader field(message);
  REQUIRE(field.next());
  CHECK(field.number() == 1);
  CHECK(field.integer() == 150);
  CHECK_THROWS_AS((void)field.bytes(), Error);
  REQUIRE(field.next());
  CHECK(field.bytes() == "hi");
  REQUIRE(field.next());
  CHECK(field.real() == 1.0f);
  REQUIRE(field.next());
  CHECK_FALSE(field.next());
}

TEST_CASE("a broken protocol buffer is refused at the place where it breaks") {
  using namespace std::string_literals;
  for (const std::string& message : {"\x08"s, "\x08\xFF"s, "\x12\x05hi"s, "\x1d\x00"s, "\x0b"s, "\x00\x01"s, "\x08"s + std::string(11, '\xFF')}) {
    CAPTURE(message.size());
    ProtobufReader field(message);
    CHECK_THROWS_AS((void)field.next(), Error);
  }
}

TEST_CASE("a sentencepiece model that lacks what it needs is refused") {
  using namespace std::string_literals;
  CHECK_THROWS_AS(SentencePiece(""), Error);
  CHECK_THROWS_AS(SentencePiece("tokenizer"), Error);
  CHECK_THROWS_AS(SentencePiece("\x0a\x03\x0a\x01" "a"s), Error);   // no unknown piece
  const std::string unknown = "\x0a\x09\x0a\x05<unk>\x18\x02"s;
  CHECK_NOTHROW(SentencePiece{unknown});
  CHECK_THROWS_AS(SentencePiece(unknown + unknown), Error);
  CHECK(SentencePiece(unknown).encode("ab c").size() == 1);
  CHECK(SentencePiece(unknown).decode(std::vector<int32_t>{0, 7}) == " \xE2\x81\x87 ");
}

}  // namespace orrery
