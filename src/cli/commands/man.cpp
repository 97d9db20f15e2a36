// `orrery man [COMMAND…]`: a page for man(1), from the descriptions of commands and options.
#include "cli/command.h"
#include "cli/help.h"

namespace orrery::cli::commands {
namespace {
struct ManOptions {
  std::vector<std::string> command;
  static constexpr auto about =
      describe("man", "",
               option(&ManOptions::command, "command", "The command; all of them where none is named.", positional()));
};

// Text that troff prints as it is.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') out += "\\e";
    else if (c == '-') out += "\\-";
    else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) out += std::string("\\&") + c;
    else out += c;
  }
  return out;
}

std::string option_list(const OptionSet& options, const std::string& heading) {
  std::string text;
  for (const Option& option : options.options()) {
    if (!heading.empty() && option.heading != heading) continue;
    std::string flag = flag_text(option);
    flag.erase(0, flag.find_first_not_of(' '));
    text += ".TP\n\\fB" + escaped(flag) + "\\fR\n" + escaped(help_sentence(option)) + "\n";
  }
  return text;
}

std::string command_section(const Command& command) {
  const std::unique_ptr<Call> call = command.start();
  std::string text = ".SS " + escaped(command.name) + "\n" + escaped(command.summary) + "\n.PP\n\\fB" +
                     escaped(usage_line(command, call->options)) + "\\fR\n" + option_list(call->options, "");
  if (!command.examples.empty()) text += ".PP\nExamples:\n";
  for (const std::string& example : command.examples) text += ".RS\n.nf\n" + escaped(example) + "\n.fi\n.RE\n";
  return text;
}

void run(Context& context, ManOptions& options) {
  std::string asked;
  for (const std::string& word : options.command) asked += (asked.empty() ? "" : " ") + word;
  if (!asked.empty() && !command_named(asked))
    throw Error{ErrorKind::bad_usage, "unknown command '" + asked + "'", "man", "`orrery` alone lists the commands"};
  std::string text = ".TH ORRERY 1 \"\" \"orrery " ORRERY_VERSION
                     "\"\n.SH NAME\norrery \\- language models from text to weights and back\n"
                     ".SH SYNOPSIS\n\\fBorrery\\fR COMMAND [arguments] [options]\n.SH COMMANDS\n";
  for (const Command* command : all_commands())
    if (asked.empty() || command->name == asked) text += command_section(*command);
  GlobalOptions globals;
  OptionSet everywhere;
  everywhere.add(globals);
  text += ".SH OPTIONS OF EVERY COMMAND\n" + option_list(everywhere, "");
  text += ".SH EXIT STATUS\n0 done, 1 the work failed, 2 the call was wrong.\n";
  context.out().text(text);
}
}  // namespace

const Command& man() {
  static const Command command{"man", "Print the manual page, of one command or of all.", {"orrery man version"}, run};
  return command;
}
}  // namespace orrery::cli::commands
