// Every template of ../shared/tokenizers/chat_templates, as transformers renders it.
#include <doctest/doctest.h>

#include <fstream>
#include <map>

#include "base/file.h"
#include "base/testing.h"
#include "chat/template.h"

namespace orrery::chat {
namespace {

const std::string kRoot = "../shared/tokenizers/";

std::tm golden_time() {   // 2027-01-31 09:05:07, a Sunday
  std::tm time{};
  time.tm_year = 127;
  time.tm_mday = 31;
  time.tm_hour = 9;
  time.tm_min = 5;
  time.tm_sec = 7;
  time.tm_wday = 0;
  time.tm_yday = 30;
  return time;
}

}  // namespace

TEST_CASE("real templates give the reference's text, or refuse with its message") {
  if (!shared_available("tokenizers")) return;
  std::ifstream in(kRoot + "goldens/chat.jsonl");
  REQUIRE(in.good());
  std::map<std::string, ChatTemplate> templates;
  RenderOptions options;
  options.now = golden_time();
  int rows = 0, differences = 0;
  for (std::string line; std::getline(in, line); ++rows) {
    const Value row = Value::parse_json(line, "chat.jsonl").value();
    const auto field = [&](const char* name) { return row.as_dict()->find(name); };
    const std::string name = field("template")->as_text()->bytes;
    if (!templates.contains(name)) templates.emplace(name, ChatTemplate::parse(read_file(kRoot + "chat_templates/" + name).value(), name).value());
    Dict variables = *field("args")->as_dict();
    variables.set(Value::text("messages"), *field("messages"));
    const Result<Text> made = templates.at(name).render(variables, options);
    const Value* expected = field(made ? "out" : "message");
    const std::string ours = made ? made->bytes : made.error().what;
    const bool same = expected && (made ? expected->as_text()->bytes == ours : ours.starts_with(expected->as_text()->bytes));
    if (same || ++differences > 8) continue;
    MESSAGE(name, ", ", field("case")->as_text()->bytes, "\n  ours     ", ours.substr(0, 300), " ", made ? "" : made.error().where, "\n  expected ",
            expected ? expected->as_text()->bytes.substr(0, 300) : "the other outcome");
  }
  CHECK(rows == 407);
  CHECK(differences == 0);
}

}  // namespace orrery::chat
