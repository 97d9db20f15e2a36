#include "cli/command.h"

namespace orrery::cli {

namespace commands {
#define COMMAND(name) const Command& name();
#include "cli/commands.inc"
#undef COMMAND
}  // namespace commands

const std::vector<const Command*>& all_commands() {
  static const std::vector<const Command*> all = {
#define COMMAND(name) &commands::name(),
#include "cli/commands.inc"
#undef COMMAND
  };
  return all;
}

const Command* command_named(std::string_view name) {
  for (const Command* command : all_commands())
    if (command->name == name) return command;
  return nullptr;
}

}  // namespace orrery::cli
