#include "base/utf8.h"

#include <doctest/doctest.h>

#include <random>
#include <vector>

#include "base/processor.h"
#include "base/unicode.h"

namespace orrery {

#define DECLARE(set) \
  namespace cpu::set { \
  bool is_valid_utf8(std::string_view text); \
  }
ORRERY_EACH_SET(DECLARE)
#undef DECLARE

TEST_CASE("every code point survives the way to UTF-8 and back") {
  int wrong = 0;
  for (char32_t c = 0; c < 0x110000; c++) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    const std::string text = to_utf8(c);
    const CodePoint back = decode_utf8(text, 0);
    wrong += !(back.valid && back.value == c && back.size == text.size());
  }
  CHECK(wrong == 0);
}

TEST_CASE("each maximal invalid part becomes one U+FFFD, and the parts are counted") {
  const struct {
    std::string bytes, repaired;
    size_t parts;
  } rows[] = {
      {"plain", "plain", 0},
      {"\x80", "\uFFFD", 1},
      {"a\xC3", "a\uFFFD", 1},
      {"\xC3(", "\uFFFD(", 1},
      {"\xE2\x82", "\uFFFD", 1},
      {"\xE2\x82x\xAC", "\uFFFDx\uFFFD", 2},
      {"\xF0\x9F\x98", "\uFFFD", 1},
      {"\xC0\xAF", "\uFFFD\uFFFD", 2},           // overlong
      {"\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD", 3}, // a surrogate
      {"\xF4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD", 4},
      {"\xFF\xFE", "\uFFFD\uFFFD", 2},
  };
  for (const auto& row : rows) {
    const RepairedText out = repair_utf8(row.bytes);
    CHECK(out.text == row.repaired);
    CHECK(out.invalid_parts == row.parts);
    CHECK(is_valid_utf8(row.bytes) == (row.parts == 0));
    CHECK(is_valid_utf8(out.text));
  }
}

TEST_CASE("a text is valid where each of its characters is, wherever in it that stands") {
  const std::vector<std::string> parts = {"a", "\u00E9", "\u0800", "\uD7FF", "\uE000", "\uFFFD", "\U00010000", "\U0010FFFF", "0123456789abcdef"};
  const std::vector<std::string> wrong = {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC3", "\xE0\x9F\xBF", "\xE2\x82", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF", "\xF0\x9F\x98", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF"};
  std::vector<bool (*)(std::string_view)> checks;   // those that run here
#define ADD(set) \
  if (has(InstructionSet::set)) checks.push_back(cpu::set::is_valid_utf8);
  ORRERY_EACH_SET(ADD)
#undef ADD
  std::mt19937_64 random(11);
  int differences = 0;
  for (int round = 0; round < 40000; ++round) {
    std::string text;
    const size_t length = random() % 90, favourite = random() % parts.size();
    for (size_t i = 0; i < length; ++i) text += parts[random() % 2 == 0 ? favourite : random() % parts.size()];
    if (round % 3 != 0) {
      const std::string& odd = wrong[random() % wrong.size()];
      text.insert(random() % (text.size() + 1), odd);
    }
    if (round % 7 == 0 && !text.empty()) text[random() % text.size()] = static_cast<char>(random());
    bool valid = true;
    for (size_t at = 0; at < text.size();) {
      const CodePoint c = decode_utf8(text, at);
      valid = valid && c.valid;
      at += c.size;
    }
    differences += valid != is_valid_utf8(text);
    for (const auto check : checks) differences += valid != check(text);
  }
  CHECK(differences == 0);
}

TEST_CASE("the ends and lengths of texts are found in characters") {
  const std::string text = "a\u00E9\U0001F600";
  CHECK(count_code_points(text) == 3);
  CHECK(previous_utf8(text, text.size()) == 3);
  CHECK(previous_utf8(text, 3) == 1);
  CHECK_FALSE(is_ascii(text));
  CHECK(is_ascii("0123456789"));
}

TEST_CASE("classes are the reference's, which differ from one use to the next") {
  CHECK(is(U'a', kLetter));
  CHECK(is(U'7', kNumber));
  CHECK(is(0x00BD, kNumber));             // ½
  CHECK_FALSE(is(0x00BD, kDecimal));
  CHECK(is(0x0301, kMark | kCombining));
  CHECK_FALSE(is(0x0301, kLetter));
  CHECK(is(U'$', kPunctuation));
  CHECK_FALSE(is(0x20AC, kPunctuation));  // €
  CHECK(is(0x3000, kWhitespace));
  CHECK_FALSE(is(0x200B, kWhitespace));
  CHECK(is(0x4E2D, kBertChinese));
  CHECK_FALSE(is(0x3042, kBertChinese));  // hiragana
  CHECK(unicode_classes(0x110000) == 0);
}

namespace {
std::string spelled(std::string_view text, NormalForm form) {
  std::string out;
  for (const Change& c : normal_form(text, form)) append_utf8(out, c.value);
  return out;
}
}  // namespace

TEST_CASE("normal forms decompose, order and compose") {
  CHECK(spelled("\u00E9", NormalForm::nfd) == "e\u0301");
  CHECK(spelled("e\u0301", NormalForm::nfc) == "\u00E9");
  CHECK(spelled("q\u0307\u0323", NormalForm::nfd) == "q\u0323\u0307");
  CHECK(spelled("s\u0307\u0323", NormalForm::nfc) == "\u1E69");
  CHECK(spelled("\uFB01", NormalForm::nfkc) == "fi");
  CHECK(spelled("\uFB01", NormalForm::nfc) == "\uFB01");
  CHECK(spelled("\uAC01", NormalForm::nfd) == "\u1100\u1161\u11A8");
  CHECK(spelled("\u1100\u1161\u11A8", NormalForm::nfc) == "\uAC01");
  CHECK(spelled("\u0958", NormalForm::nfc) == "\u0915\u093C");   // excluded from composition
}

TEST_CASE("lower case goes character by character") {
  CHECK(lowercase(U'A')[0] == U'a');
  CHECK(lowercase(U'a').empty());
  CHECK(lowercase(0x03A3)[0] == 0x03C3);   // no final sigma
  CHECK(lowercase(0x0130).size() == 2);
}

}  // namespace orrery
