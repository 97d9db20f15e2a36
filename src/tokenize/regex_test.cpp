#include "tokenize/regex.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/error.h"

namespace orrery {
namespace {

std::string matched(std::string_view expression, std::string_view text, RegexDialect dialect = RegexDialect::ruby) {
  std::string all;
  Regex(expression, dialect).each_match(text, [&](size_t begin, size_t end) {
    if (!all.empty()) all += '|';
    all += text.substr(begin, end - begin);
  });
  return all;
}

bool refused(std::string_view expression, ErrorKind kind, RegexDialect dialect = RegexDialect::ruby) {
  try {
    const Regex regex(expression, dialect);
    return false;
  } catch (const Error& error) {
    return error.kind == kind;
  }
}

}  // namespace

TEST_CASE("a regular expression finds its matches from left to right") {
  struct Row {
    std::string expression, text, matches;
  };
  const Row rows[] = {
      {"ab|a", "abaab", "ab|a|ab"},
      {"a|ab", "abaab", "a|a|a"},
      {R"(\d+|[aeiou]+)", "queue 12, a9", "ueue|12|a|9"},
      {R"(\s+(?!\S)|\s+)", "a   b ", "  | | "},
      {R"(\p{N}{1,3})", "1234567", "123|456|7"},
      {R"([^\s\p{L}\p{N}]+)", "a, (b)!", ",|(|)!"},
      {"(?i:'s|'t)x?", "'S'T'\xC5\xBF", "'S|'T|'\xC5\xBF"},
      {"(?i)k|b", "\xE2\x84\xAA" "B", "\xE2\x84\xAA|B"},
      {"a(?i)b|c", "aB", "aB"},
      {R"((?i:[^\w]))", "\uA7D2\uA7D3\uA7D4\uA7D5", "\uA7D2|\uA7D4"},   // capitals that Oniguruma does not know yet
      {R"((?i:\uA7D3|\uA7DD))", "\uA7D2\uA7D3\uA7DC", "\uA7D3"},
      {R"((?i:\uA7CD))", "\uA7CC\uA7CD\uA7CE", "\uA7CC|\uA7CD"},
      {"a.*?b", "axbxb", "axb"},
      {"a.*b", "axbxb", "axbxb"},
      {"a++a|b", "aaab", "b"},
      {"(?>a|ab)c|b", "abc", "b"},
      {"(?:ab){2,3}", "abababab", "ababab"},
      {"(?:a|b)*?c", "abac", "abac"},
      {"(a*)*b", "aaab", "aaab"},
      {R"((\w)\1)", "hello book", "ll|oo"},
      {R"(\w+)", "m\u00B2 \u00BDa\u2070", "m\u00B2|\u00BDa"},   // as Oniguruma has it: Latin-1's numbers are words, but not in brackets
      {R"([\w]+|[^\W\d]|[[:word:]])", "m\u00B2 \u00BDa\u2070", "m|a"},
      {R"([^\s\w])", "m\u00B2 \u00BDa\u00AA", "\u00B2|\u00BD"},
      {R"((?<x>.)\k<x>)", "abba", "bb"},
      {R"((?i:(.)\1))", "aA s\u017F \u017Fs b", "aA|\u017Fs"},   // a back reference asks for as many bytes as it refers to
      {R"((?i:(.)\1))", "\u023A\u2C65 \u2C65\u023A b", "\u023A\u2C65|\u2C65\u023A"},
      {R"((?i:(.)\1))", "\u017Fs", ""},
      {"(?<=a)b|(?<!a)c", "abcac", "b|c"},
      {"(?<=ab|c)x", "abxcxx", "x|x"},
      {"(?<!\\d)\\d{2}(?!\\d)", "12 345 67", "12|67"},
      {"[a-c&&[^b]]+", "abcab", "a|ca"},
      {"[[:digit:]x-]+", "1-x y", "1-x"},
      {"[]a]+", "a]b", "a]"},
      {R"([\[\]\-\\]+)", R"(a[-]\b)", R"([-]\)"},
      {R"([\p{Han}&&[^\u4e00]]+)", "\xE4\xB8\x80\xE4\xB8\x81\xE4\xB8\x82", "\xE4\xB8\x81\xE4\xB8\x82"},
      {R"(\P{L}+|\p{^Lu}+)", "a1B", "a1"},
      {"^.|.$", "ab\ncd", "a|b|c|d"},
      {R"(\Aa|b\z|\bc\b|\Bd)", "a ab c cd b", "a|c|d|b"},
      {R"(\x41|\x{1F600}|\t)", "A\t\xF0\x9F\x98\x80", "A|\t|\xF0\x9F\x98\x80"},
      {R"(\R)", "a\r\nb\n", "\r\n|\n"},
      {"(?m).+", "a\nb", "a\nb"},
      {"a{,2}b", "aaab", "aab"},
      {"a{x}", "a{x}", "a{x}"},
      {"x(?#note)y", "xy", "xy"},
      {"(?x) a b # end", "ab", "ab"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.expression);
    CHECK(matched(row.expression, row.text) == row.matches);
  }
}

TEST_CASE("an empty match counts where no match ended") {
  std::vector<std::pair<size_t, size_t>> expected{{0, 0}, {1, 2}, {3, 3}};
  CHECK(Regex("x*").matches("axa") == expected);
  expected = {{0, 0}};
  CHECK(Regex("x*").matches("") == expected);
}

TEST_CASE("the two dialects differ where their libraries do") {
  CHECK(matched("^a|a$", "a\na\na", RegexDialect::rust) == "a|a");
  CHECK(matched("^a", "a\na", RegexDialect::ruby) == "a|a");
  CHECK(matched("(?s)a.b", "a\nb", RegexDialect::rust) == "a\nb");
  CHECK(matched("\\d{1,3}+3|\\d", "123", RegexDialect::rust) == "1|2|3");
  CHECK(matched("\\d{1,3}+3|\\d", "123", RegexDialect::ruby) == "123");
  CHECK(matched("\\s++$|b", "a  b  ", RegexDialect::rust) == "b|  ");
}

TEST_CASE("an expression that is broken or unknown is refused") {
  for (const std::string expression : {"(", "a)", "[a", "*a", "a{3,2}", "[b-a]", "\\p{L", "\\x{110000}", "(?<n", "\\k<n>", "a{100001}"}) {
    CAPTURE(expression);
    CHECK(refused(expression, ErrorKind::bad_file));
  }
  for (const std::string expression : {"\\p{Nonsense}", "\\X", "(?<=a+)b", "(?(1)a|b)", "[[:alpha:]]", "(?:(?:ab){1000}){1000}"}) {
    CAPTURE(expression);
    CHECK(refused(expression, ErrorKind::unsupported));
  }
  CHECK(refused(std::string(1000, '('), ErrorKind::unsupported));
}

TEST_CASE("a catastrophic expression ends with an error, a long text does not") {
  const std::string text(100000, 'a');
  CHECK_THROWS_AS((void)Regex("(a*)*b").matches(text), Error);
  CHECK_THROWS_AS((void)Regex("(?:a|aa)+$b").matches(text), Error);
  CHECK(Regex("(?:a|b)*").matches(text).size() == 1);
  CHECK(Regex("(?:(?:a)+)+").matches(text).size() == 1);
  CHECK(Regex(R"(\s*[\r\n]+|\s+(?!\S)|\s+|a)").matches(text).size() == text.size());
}

}  // namespace orrery
