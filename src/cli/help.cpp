#include "cli/help.h"

#include <algorithm>

namespace orrery::cli {

namespace {
constexpr size_t kWidth = 110, kColumn = 34;

// Words of `text` in lines that begin at column `indent`; the first line goes on from column `at`.
std::string wrapped(const std::string& text, size_t at, size_t indent) {
  std::string out;
  size_t column = at;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(' ', begin), text.size());
    const std::string word = text.substr(begin, end - begin);
    if (begin > 0 && column + 1 + word.size() > kWidth) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (begin > 0) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    begin = end + 1;
  }
  return out;
}

// Characters of UTF-8 text.
size_t columns_of(std::string_view text) {
  return size_t(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string two_columns(const std::string& left, const std::string& right) {
  std::string line = "  " + left;
  if (columns_of(line) + 2 > kColumn) line += "\n" + std::string(kColumn, ' ');
  else line += std::string(kColumn - columns_of(line), ' ');
  return line + wrapped(right, kColumn, kColumn) + "\n";
}

const Command* known(std::string_view name) { return command_named(name); }
}  // namespace

std::string flag_text(const Option& option) {
  if (option.info.positional) return option.metavar();
  std::string text = option.info.letter ? std::string{'-', option.info.letter} + ", " : "    ";
  if (option.is_bool() && option.initial == Json(true)) return text + "--no-" + option.flag().substr(2);
  return text + option.flag() + (option.takes_value() ? " " + option.metavar() : "");
}

std::string help_sentence(const Option& option) {
  std::string text = option.info.help;
  if (option.is_bool() && option.initial == Json(true)) text = "Turn off: " + text;
  std::string extra = option.constraint();
  const std::string initial = option.is_bool() || option.info.required ? "" : option.default_text();
  if (!initial.empty()) extra += (extra.empty() ? "default " : "; default ") + initial;
  if (option.repeats() && !option.info.positional && option.metavar().find(',') == std::string::npos)
    extra += extra.empty() ? "may be repeated" : "; may be repeated";
  return extra.empty() ? text : text + " [" + extra + "]";
}

std::string usage_line(const Command& command, const OptionSet& options) {
  std::string line = "orrery " + command.name;
  for (const Option& option : options.options()) {
    if (!option.info.positional) continue;
    const std::string name = option.metavar() + (option.repeats() ? "…" : "");
    line += option.info.required ? " " + name : " [" + name + "]";
  }
  for (const Option& option : options.options())
    if (option.info.required && !option.info.positional) line += " " + option.flag() + " " + option.metavar();
  return line + " [options]";
}

std::string command_help(const Command& command, const OptionSet& options) {
  std::string text = command.summary + "\n\nusage: " + usage_line(command, options) + "\n";
  std::vector<std::string> headings;
  std::string arguments;
  for (const Option& option : options.options()) {
    if (option.info.positional) arguments += two_columns(flag_text(option), help_sentence(option));
    else if (std::find(headings.begin(), headings.end(), option.heading) == headings.end())
      headings.push_back(option.heading);
  }
  if (!arguments.empty()) text += "\n" + arguments;
  for (const std::string& heading : headings) {
    text += "\n" + heading + ":\n";
    for (const Option& option : options.options())
      if (!option.info.positional && option.heading == heading)
        text += two_columns(flag_text(option), help_sentence(option));
  }
  if (!command.examples.empty()) text += "\nExamples:\n";
  for (const std::string& example : command.examples) text += "  " + example + "\n";
  return text;
}

std::string first_steps() {
  std::string text =
      "orrery loads language models in Hugging Face layout, shows, runs, inspects and trains them.\n\nTry first:\n";
  for (const char* name : {"info", "tokenize", "generate"})
    if (const Command* command = known(name); command && !command->examples.empty())
      text += "  " + command->examples.front() + "\n";
  return text + "\n" + commands_help("");
}

std::string commands_help(const std::string& group) {
  std::vector<const Command*> commands;
  for (const Command* command : all_commands())
    if (command->name.starts_with(group)) commands.push_back(command);
  if (commands.empty()) return "";
  std::string text = "Commands (`orrery COMMAND --help` tells their options and shows examples):\n";
  size_t widest = 0;
  for (const Command* command : commands) widest = std::max(widest, command->name.size());
  for (const Command* command : commands) {
    const std::string padding(widest - command->name.size() + 3, ' ');
    text += "  " + command->name + padding + wrapped(command->summary, widest + 5, widest + 5) + "\n";
  }
  return text;
}

}  // namespace orrery::cli
