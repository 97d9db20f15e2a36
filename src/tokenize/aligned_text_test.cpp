#include "tokenize/aligned_text.h"

#include <doctest/doctest.h>

#include "base/utf8.h"
#include "tokenize/pieces.h"

namespace orrery {
namespace {

AlignedText aligned(const std::string& text) {
  AlignedText out{.text = text, .origin = {}, .tracked = true};
  for (uint32_t at = 0; at < text.size();) {
    const uint32_t size = decode_utf8(text, at).size;
    out.origin.insert(out.origin.end(), size, Span{at, at + size});
    at += size;
  }
  return out;
}

}  // namespace

TEST_CASE("what is prepended shares the origin of the first character") {
  AlignedText text = aligned("hi");
  text.prepend("__");
  CHECK(text.text == "__hi");
  CHECK(text.origin == std::vector<Span>{{0, 1}, {0, 1}, {0, 1}, {1, 2}});
  AlignedText empty = aligned("");
  empty.prepend("__");
  CHECK(empty.text.empty());
}

TEST_CASE("a replacement has the origin of the last character it replaces") {
  AlignedText text = aligned("a--b");
  text.replace("--", "+++");
  CHECK(text.text == "a+++b");
  CHECK(text.origin == std::vector<Span>{{0, 1}, {2, 3}, {2, 3}, {2, 3}, {3, 4}});
  text.replace("", "x");
  CHECK(text.text == "a+++b");
}

TEST_CASE("removed characters leave a gap, lower case and normal forms keep places") {
  AlignedText text = aligned("E\u0301X");
  text.normalize(NormalForm::nfc);
  CHECK(text.text == "\u00C9X");
  CHECK(text.origin == std::vector<Span>{{0, 1}, {0, 1}, {3, 4}});
  text.lowercase();
  CHECK(text.text == "\u00E9x");
  text.normalize(NormalForm::nfd);
  text.remove(kMarkNonspacing);
  CHECK(text.text == "ex");
  CHECK(text.origin == std::vector<Span>{{0, 1}, {3, 4}});
}

TEST_CASE("the byte alphabet is GPT-2's, one character for each byte") {
  CHECK(byte_to_char(' ') == 0x120);
  CHECK(byte_to_char('\n') == 0x10A);
  CHECK(byte_to_char('a') == U'a');
  for (int byte = 0; byte < 256; byte++) CHECK(char_to_byte(byte_to_char(static_cast<unsigned char>(byte))) == byte);
  CHECK(char_to_byte(U'€') == -1);
  AlignedText text = aligned("\u00E9 ");
  bytes_to_chars(text);
  CHECK(text.text == "Ã©Ġ");
  CHECK(text.origin.front() == Span{0, 2});
  CHECK(text.origin.back() == Span{2, 3});
}

TEST_CASE("pieces are views of the text until something rewrites them") {
  const std::string original = "one two";
  Pieces pieces(original, true);
  pieces.split([](std::string_view, auto emit) {
    emit(0, 3, 7);
    emit(3, 3);
    emit(3, 7);
  });
  REQUIRE(pieces.all().size() == 2);
  CHECK(pieces.all()[0].token == 7);
  CHECK(pieces.text(pieces.all()[1]).data() == original.data() + 3);
  pieces.rewrite([](AlignedText& text) { text.replace(" ", "__"); });
  REQUIRE(pieces.all().size() == 2);
  CHECK(pieces.text(pieces.all()[0]) == "one");
  CHECK(pieces.text(pieces.all()[1]) == "__two");
  CHECK(pieces.origin(pieces.all()[1].begin, pieces.all()[1].end) == Span{3, 7});
}

}  // namespace orrery
