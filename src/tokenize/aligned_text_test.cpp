#include "tokenize/aligned_text.h"

#include <doctest/doctest.h>

#include <random>

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

TEST_CASE("a normal form made part by part is that of the whole, with its origins") {
  const std::vector<std::string> parts = {"a", "e", "word ", "\u00E9", "\u1EB9", "\u0301", "\u0323", "\u0344", "\u0345", "\u0958", "\u093C", "\u0915", "\u212B", "\u2126", "\uF900", "\uFB01", "\u2460",
                                          "\uAC00", "\uAC01", "\u1100", "\u1161", "\u11A7", "\u11A8", "\u11C2", "\u09C7", "\u09BE", "\u0CC6", "\u0CC2", "\u0CD5", "\u0F71", "\u0F73", "\u0F81", "\u6F22",
                                          "\U0001D15E", "\U0001D165", "\U00011099", "\U000110BA", "\U0001F642", "\u3099", "\u304B", "\uFF76", "\uFF9E", "\u0130", "\u2000", "\u00A0"};
  std::mt19937_64 random(5);
  for (int round = 0; round < 4000; ++round) {
    std::string given;
    const size_t length = random() % (round % 100 == 0 ? 2000 : 12), marks = 1 + random() % parts.size();
    for (size_t i = 0; i < length; ++i)
      given += parts[random() % (round % 2 == 0 ? parts.size() : marks)];
    const AlignedText made = aligned(given);
    CAPTURE(made.text);
    for (const NormalForm form : {NormalForm::nfc, NormalForm::nfd, NormalForm::nfkc, NormalForm::nfkd}) {
      AlignedText by_parts = made, whole = made, untracked{.text = made.text, .origin = {}, .tracked = false};
      by_parts.normalize(form);
      untracked.normalize(form);
      whole.change(normal_form(made.text, form));
      REQUIRE(by_parts.text == whole.text);
      REQUIRE(by_parts.origin == whole.origin);
      REQUIRE(untracked.text == whole.text);
      REQUIRE(is_normal(made.text, form) == (whole.text == made.text));
    }
  }
}

TEST_CASE("a character is replaced in a text without origins as in one with them") {
  for (const std::string_view text : {"", " ", "a", "  a b ", "a b\u00E9 \u6F22  "}) {
    AlignedText tracked = aligned(std::string(text)), untracked{.text = std::string(text), .origin = {}, .tracked = false};
    tracked.replace(" ", "\u2581");
    untracked.replace(" ", "\u2581");
    CHECK(untracked.text == tracked.text);
  }
}

}  // namespace orrery
