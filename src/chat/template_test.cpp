#include "chat/template.h"

#include <doctest/doctest.h>

#include "chat/conversation.h"

namespace orrery::chat {
namespace {

struct Outcome {
  std::string text, error, where;
};
Outcome outcome(const std::string& source, const std::string& variables = "{}", const Limits& limits = {}) {
  const Result<ChatTemplate> made = ChatTemplate::parse(source, "t");
  if (!made) return {"", made.error().what, made.error().where};
  const Value values = Value::parse_json(variables, "variables").value();
  RenderOptions options;
  options.limits = limits;
  const Result<Text> text = made->render(*values.as_dict(), options);
  if (!text) return {"", text.error().what, text.error().where};
  return {text->bytes, "", ""};
}
std::string rendered(const std::string& source, const std::string& variables = "{}") {
  const Outcome made = outcome(source, variables);
  CAPTURE(source);
  CHECK(made.error == "");
  return made.text;
}

}  // namespace

TEST_CASE("values print as Python prints them") {
  const std::pair<const char*, const char*> rows[] = {
      {"{{ none }} {{ true }} {{ 1.0 }} {{ 1e16 }} {{ 0.1 }} {{ 1e-5 }}", "None True 1.0 1e+16 0.1 1e-05"},
      {"{{ [1, 'a', \"it's\", none, (1,), {'k': 2.5}] }}", "[1, 'a', \"it's\", None, (1,), {'k': 2.5}]"},
      {"{{ 7 // -2 }} {{ 7 % -2 }} {{ -7 // 2 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ 7 / 2 }}", "-4 -1 -4 1024 0.5 3.5"},
      {"{{ 'héllo'[1] }} {{ 'héllo'[::-1] }} {{ [1, 2, 3][-2:] }} {{ 'abc'[5:] }}", "é olléh [2, 3] "},
      {"{{ 1 < 2 < 3 }} {{ 1 in [1] }} {{ 'a' not in 'b' }} {{ 3 == 3.0 }} {{ true + 1 }}", "True True True True 2"},
      {"{{ 'x' ~ 1 ~ none }} {{ 'ab' * 2 }} {{ [1] + [2] }}", "x1None abab [1, 2]"},
      {"{{ 99999999999999999999 }}", "99999999999999999999"},
      {"{{ '<'|safe + '<' }} {{ '%s-%03d' | format('a', 7) }}", "<&lt; a-007"},
      {"{{ 'straße ǆ' | upper }} {{ 'ΑΣ' | lower }} {{ 'o neIL-b' | title }}", "STRASSE Ǆ ας O Neil-B"}};
  for (const auto& [source, expected] : rows) CHECK(rendered(source) == expected);
}

TEST_CASE("white space goes where trim_blocks, lstrip_blocks and - say") {
  CHECK(rendered("a\n  {% if true %}\n  b\n  {% endif %}\nc\n") == "a\n  b\nc");
  CHECK(rendered("a\n  {%- if true -%}\n  b\n  {%- endif -%}\nc\n") == "abc");
  CHECK(rendered("  {%+ if true +%}\nb{% endif %}") == "  \nb");
  CHECK(rendered("{# no #}\nx{#- no -#}  y") == "xy");
  CHECK(rendered("{% raw %}{{ x }}{% endraw %}\nz") == "{{ x }}z");
  CHECK(rendered("a\r\nb\n\n") == "a\nb\n");
}

TEST_CASE("names live in their block, and only a namespace leaves it") {
  CHECK(rendered("{% set x = 1 %}{% for i in [1, 2] %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }}") == "231");
  CHECK(rendered("{% set n = namespace(x=0) %}{% for i in [1, 2] %}{% set n.x = n.x + i %}{% endfor %}{{ n.x }}") == "3");
  CHECK(rendered("{% if true %}{% set y = 5 %}{% endif %}{{ y }}") == "5");
  CHECK(rendered("{% macro f(a, b=a) %}{{ a }}{{ b }}{{ z }}{% endmacro %}{% set z = 9 %}{{ f(1) }}{{ f(1, b=2) }}") == "119129");
  CHECK(rendered("{% for a, b in {'k': 1}.items() %}{{ a }}{{ b }}{{ loop.last }}{% else %}none{% endfor %}") == "k1True");
  CHECK(rendered("{% for i in range(5) if i % 2 %}{{ loop.index }}:{{ i }}/{{ loop.length }} {% endfor %}") == "1:1/2 2:3/2 ");
  CHECK(rendered("{% for i in range(9) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}") == "02");
  CHECK(rendered("{% macro m() %}[{{ caller(2) }}]{% endmacro %}{% call(x) m() %}{{ x + 1 }}{% endcall %}") == "[3]");
  CHECK(rendered("{% for x in [[1, [2]]] recursive %}{% for y in x %}{{ y }};{% endfor %}{% endfor %}") == "1;[2];");
  CHECK(rendered("{% set t | upper %}a{% endset %}{% filter replace('A', 'b') %}{{ t }}{% endfilter %}") == "b");
}

TEST_CASE("tojson is json.dumps") {
  CHECK(rendered("{{ x | tojson }}", R"({"x": {"b": [1, 2.50, "é<\n"], "a": 123456789012345678901234567890}})") ==
        "{\"b\": [1, 2.5, \"é<\\n\"], \"a\": 123456789012345678901234567890}");
  CHECK(rendered("{{ x | tojson(indent=1, sort_keys=true) }}", R"({"x": {"b": [], "a": [1]}})") == "{\n \"a\": [\n  1\n ],\n \"b\": []\n}");
  CHECK(rendered("{{ '😀' | tojson(ensure_ascii=true, separators=(',', ':')) }}") == "\"\\ud83d\\ude00\"");
}

TEST_CASE("errors name their line and column") {
  const auto check = [](const char* source, const char* error, const char* where) {
    const Outcome made = outcome(source);
    CHECK(made.error == error);
    CHECK(made.where == where);
  };
  check("a\n{{ x.y }}", "'x' is undefined", "t, line 2, column 5");
  check("{% if %}", "expected an expression, got '%}'", "t, line 1, column 7");
  check("é{{ 1 + 'a' }}", "unsupported operand type(s) for +: 'int' and 'str'", "t, line 1, column 7");
  check("{{ [].append(1) }}", "access to attribute 'append' of 'list' object is unsafe.", "t, line 1, column 13");
  check("{{ ''.__class__() }}", "access to attribute '__class__' of 'str' object is unsafe.", "t, line 1, column 16");
  check("{% include 'x' %}", "{% include %} is not for chat templates", "t, line 1, column 4");
  check("{{ raise_exception('a\nb') }}", "a b", "t, line 1, column 19");
  check("{{ 1 | nothing }}", "No filter named 'nothing'.", "t, line 1, column 8");
  check("{% for a in b %}", "the template ends before 'endfor'", "t, line 1, column 17");
}

TEST_CASE("a hostile template ends soon, with an error") {
  const char* const sources[] = {
      "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
      "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
      "{% set n = namespace(x='a') %}{% for i in range(99) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
      "{% set n = namespace(x=[]) %}{% for i in range(99) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}",
      "{% set n = namespace(x=[]) %}{% for i in range(999) %}{% set n.x = [n.x] %}{% endfor %}",
      "{% set n = namespace(x=1) %}{% for i in range(999) %}{% set n.x = joiner(n.x) %}{% endfor %}",
      "{{ 'a' * 10 ** 15 }}",
      "{{ [0] * 10 ** 15 }}",
      "{{ 10 ** 400 }}",
      "{{ 'a' | center(10 ** 15) }}",
      "{{ 'a' | indent(10 ** 15) }}",
      "{{ (('5' * 999) | int) + 1 }}",
      "{{ range(10 ** 12) }}",
      "{{ strftime_now('%99999d') }}"};
  for (const char* source : sources) {
    CAPTURE(source);
    CHECK(outcome(source).error != "");
  }
  CHECK(outcome("{{ " + std::string(1000, '(') + "1" + std::string(1000, ')') + " }}").error == "the template nests deeper than 150");
  std::string sum = "{{ 1";
  for (int i = 0; i < 1000; ++i) sum += " + 1";
  CHECK(outcome(sum + " }}").error == "the expression has more than 300 levels");
  CHECK(outcome("{{ 'aaaa' }}{{ 'aaaa' }}", "{}", {.output = 5}).error == "the prompt is longer than 5 bytes");
}

TEST_CASE("what a loop or a namespace held does not outlive it in a circle") {
  CHECK(rendered("{% set n = namespace() %}{% set n.n = n %}{% for i in [1] %}{% set n.l = loop %}{% set n.c = loop.cycle %}{% endfor %}{{ n.n.n is defined }}") == "True");
  CHECK(outcome("{% set n = namespace() %}{% for i in [1] recursive %}{% set n.l = loop %}{% endfor %}{{ n.l([1]) }}").error == "the loop is over");
}

TEST_CASE("each byte of a prompt says whether it came from the conversation, or from a model") {
  const ChatTemplate made = ChatTemplate::parse("<|{{ x | upper | trim }}|>{% generation %}{{ y[1:] ~ '!' }}{% endgeneration %}{{ x | tojson }}", "t").value();
  const Value values = Value::parse_json(R"({"x": " a\"ß ", "y": "abc"})", "v").value();
  const Text text = made.render(*values.as_dict()).value();
  CHECK(text.bytes == "<|A\"SS|>bc!\" a\\\"ß \"");
  std::string marks;
  for (size_t i = 0; i < text.size(); ++i) marks += char('0' + text.mark(i));
  CHECK(marks == "00111100332" "0111111" "10");
}

TEST_CASE("a conversation is prepared as apply_chat_template does") {
  const ChatTemplate made = ChatTemplate::parse("{% for m in messages %}{{ m.role }}:{{ m.content | trim }}{{ m.thinking }}{{ m.x is defined }};{% endfor %}{{ add_generation_prompt }}{{ k }}", "t").value();
  const auto prompt = [&](const char* json) {
    const Result<Text> text = apply(made, read_conversation(json, "c").value());
    return text ? text->bytes : text.error().what;
  };
  CHECK(prompt(R"([{"role": "user", "content": " a ", "x": null}])") == "user:aFalse;False");
  CHECK(prompt(R"({"messages": [{"role": "user", "content": "a", "reasoning": "r"}], "add_generation_prompt": true, "k": 3})") == "user:arFalse;True3");
  CHECK(prompt(R"({"messages": [{"role": "assistant", "content": "a b "}], "continue_final_message": true})") == "assistant:a b");
  CHECK(prompt("[]") == "there are no messages");
  CHECK(prompt("[1]") == "message 0 is no object");
  CHECK(!read_conversation("{}", "c").ok());
  CHECK(!read_conversation("[", "c").ok());
}

}  // namespace orrery::chat
