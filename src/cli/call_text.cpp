#include "cli/call_text.h"

#include <algorithm>

namespace orrery::cli {

namespace {

std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : to_line(value); }

// The flag with each of its values; lists of numbers are one value.
std::string flag_text(const Option& option) {
  const Json value = option.value();
  if (option.is_bool()) return value == Json(true) ? " " + option.flag() : " --no-" + option.flag().substr(2);
  if (!value.is_array()) return " " + option.flag() + " " + shell_word(text_of(value));
  std::string flags, numbers;
  for (const Json& one : value) {
    if (one.is_string()) flags += " " + option.flag() + " " + shell_word(text_of(one));
    else numbers += (numbers.empty() ? "" : ",") + text_of(one);
  }
  return numbers.empty() ? flags : " " + option.flag() + " " + numbers;
}

}  // namespace

std::string shell_word(const std::string& word) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || std::string_view("_-./:@,=+%").find(c) != std::string_view::npos; };
  if (!word.empty() && std::all_of(word.begin(), word.end(), plain)) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string call_text(std::string_view command, const OptionSet& options, std::initializer_list<std::string_view> but) {
  std::string text = "orrery " + std::string(command), flags;
  for (const Option& option : options.options()) {
    const std::string_view name = option.info.name;
    if (!option.given || name == "json" || name == "quiet" || name == "threads" || std::find(but.begin(), but.end(), name) != but.end()) continue;
    if (option.info.positional) text += " " + shell_word(text_of(option.value()));
    else flags += flag_text(option);
  }
  return text + flags;
}

}  // namespace orrery::cli
