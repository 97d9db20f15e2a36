#include "cli/command_line.h"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <new>

#include "cli/command.h"
#include "cli/help.h"
#include "cli/loading.h"
#include "cli/model_path.h"

namespace orrery::cli {

namespace {
// What a file holds may stand in an error: control characters and invalid bytes are escaped.
std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
  return printable(text);
}

// Flags before the command's name are global ones: `orrery --threads 2 info MODEL`.
size_t command_position(std::span<const std::string> args) {
  GlobalOptions globals;
  OptionSet set;
  set.add(globals);
  size_t at = 0;
  while (at < args.size() && args[at].size() > 1 && args[at][0] == '-') {
    bool value_apart = false;
    for (const Option& option : set.options())
      if (args[at] == option.flag() || (option.info.letter && args[at] == std::string{'-', option.info.letter}))
        value_apart = option.takes_value();
    at += value_apart ? 2 : 1;
  }
  return std::min(at, args.size());
}

// The command that args[at…] begin with; `at` moves past its name, of one word or two.
const Command& find_command(std::span<const std::string> args, size_t& at) {
  if (at + 1 < args.size())
    if (const Command* command = command_named(args[at] + " " + args[at + 1])) {
      at += 2;
      return *command;
    }
  if (const Command* command = command_named(args[at])) {
    ++at;
    return *command;
  }
  std::vector<std::string> names, group;
  for (const Command* command : all_commands()) {
    names.push_back(command->name);
    if (command->name.starts_with(args[at] + " ")) group.push_back("`orrery " + command->name + "`");
  }
  if (!group.empty()) {
    const bool more = at + 1 < args.size() && !args[at + 1].starts_with("-");
    throw Error{
        ErrorKind::bad_usage,
        more ? "unknown command '" + args[at] + " " + args[at + 1] + "'" : "`" + args[at] + "` needs a second word",
        "orrery", "one of " + join_or(group)};
  }
  std::string near = at + 1 < args.size() ? nearest(args[at] + " " + args[at + 1], names) : "";
  if (near.empty()) near = nearest(args[at], names);
  throw Error{ErrorKind::bad_usage, "unknown command '" + args[at] + "'", "orrery",
              near.empty() ? "`orrery` alone lists the commands" : "did you mean `orrery " + near + "`?"};
}

void print(const std::string& text) { Output().text(text); }

std::string commands_json() {
  Json commands = Json::array();
  for (const Command* command : all_commands()) commands.push_back({{"name", command->name}, {"summary", command->summary}});
  return to_line({{"version", ORRERY_VERSION}, {"commands", commands}}) + "\n";
}

// A folder here may have the name of a checkpoint that ships.
void warn_of_hidden(const Context& context) {
  const Option* model = context.options().find("model");
  if (!model || !model->given || !model->value().is_string()) return;
  const std::string name = model->value();
  if (hides_shipped(name)) context.warn("./" + name + " is used, not the " + name + " that ships; another folder's name would not hide it");
}

void run(std::span<const std::string> given) {
  std::vector<std::string> args(given.begin(), given.end());
  GlobalOptions globals;
  size_t at = command_position(args);
  if (at < args.size() && args[at] == "help") {  // `orrery help train` is `orrery train --help`
    args.erase(args.begin() + std::ptrdiff_t(at));
    args.push_back("--help");
  }
  if (at == args.size() || args[at] == "--help") {
    OptionSet set;
    set.add(globals).parse_flags(args, "orrery");
    return print(globals.version ? "orrery " ORRERY_VERSION "\n" : globals.json ? commands_json() : first_steps());
  }

  const bool asks_for_help = at + 2 == args.size() && (args[at + 1] == "--help" || args[at + 1] == "-h");
  if (asks_for_help && !command_named(args[at]))   // orrery inspect --help
    if (const std::string group = commands_help(args[at] + " "); !group.empty()) return print(group);

  std::vector<std::string> flags(args.begin(), args.begin() + std::ptrdiff_t(at));
  const Command& command = find_command(args, at);
  flags.insert(flags.end(), args.begin() + std::ptrdiff_t(at), args.end());
  const std::unique_ptr<Call> call = command.start();
  call->options.add(globals, "Everywhere");
  call->options.parse_flags(flags, command.name);
  if (globals.help) return print(command_help(command, call->options));
  if (globals.version) return print("orrery " ORRERY_VERSION "\n");
  call->options.check_required(command.name);

  Context context(globals, call->options, globals.output);  // empty where the command has its own --output
  warn_of_hidden(context);
  call->run(context);
  context.out().finish();
  if (!globals.output.empty() && globals.output != "-") context.wrote(globals.output);
}
}  // namespace

std::string error_text(const Error& error) {
  std::string text = "error: " + one_line(error.message()) + "\n";
  if (!error.hint.empty()) text += "hint: " + one_line(error.hint) + "\n";
  return text;
}

int run_command_line(std::span<const std::string> args) {
  Error failure;
  try {
    run(args);
    return 0;
  } catch (const ReaderGone&) {
    return 0;
  } catch (const Error& error) {
    failure = error;
  } catch (const std::bad_alloc&) {
    failure = {ErrorKind::io, "out of memory", "orrery",
               "a smaller batch, a shorter context or --dtype bf16 needs less"};
  } catch (const std::exception& error) {
    failure = {ErrorKind::io, error.what(), "orrery"};
  }
  std::fputs(error_text(failure).c_str(), stderr);
  return failure.kind == ErrorKind::bad_usage ? 2 : 1;
}

}  // namespace orrery::cli
