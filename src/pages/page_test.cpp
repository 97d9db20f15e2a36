#include "pages/page.h"

#include <doctest/doctest.h>

#include "base/base64.h"
#include "base/sha256.h"

using namespace orrery;

namespace {
std::string between(const std::string& text, const std::string& begin, const std::string& end) {
  const size_t from = text.rfind(begin);
  REQUIRE(from != std::string::npos);
  const size_t to = text.find(end, from + begin.size());
  REQUIRE(to != std::string::npos);
  return text.substr(from + begin.size(), to - from - begin.size());
}
const std::vector<std::string> kHostile = {"</script><script>alert(1)</script>", "<!--<script>", "<img src=x onerror=alert(1)>", "]]>", "&lt;", "\xe2\x80\xa8\xe2\x80\xa9\xe2\x82\xac",
                                           std::string("\0\x01", 2), "\xff\xfe", "\"'\\`${1}"};
}  // namespace

TEST_CASE("data survives the page, and none of it is markup") {
  const Json data = {{"tokens", kHostile}};
  const std::string html = page({.title = "<b>&", .command = "orrery '</script>'", .data = data});
  const std::string json = between(html, "id=\"data\">", "</script>");
  for (const char ch : {'<', '>', '&'}) CHECK(json.find(ch) == std::string::npos);
  CHECK(json.find("\xe2\x80\xa8") == std::string::npos);
  const Json read = Json::parse(json);
  CHECK(to_line(read["data"]) == to_line(data));
  CHECK(read["command"] == "orrery '</script>'");
  CHECK(html.find("<title>&lt;b&gt;&amp;</title>") != std::string::npos);
}

TEST_CASE("the policy names the digests of the page's one script and one style") {
  const std::string html = page({.title = "t", .style = "b { color: red }", .script = "shell.main.append('x');", .data = {}});
  const auto source = [](const std::string& text) { return "'sha256-" + encode_base64(sha256(text)) + "'"; };
  CHECK(html.find("script-src " + source(between(html, "<script>", "</script>")) + ";") != std::string::npos);
  CHECK(html.find("style-src " + source(between(html, "<style>", "</style>")) + ";") != std::string::npos);
  CHECK(html.find("default-src 'none'") != std::string::npos);
}

TEST_CASE("the shell makes no markup of text and asks for nothing") {
  const std::string html = page({.title = "t", .data = {}});
  for (const char* word : {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "http:", "https:", "fetch(", "XMLHttpRequest", " onclick="})
    CHECK_MESSAGE(html.find(word) == std::string::npos, word);
}
