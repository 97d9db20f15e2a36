// What `orrery`, `orrery --help` and `orrery COMMAND --help` print: from the descriptions of the options.
#pragma once

#include <string>

#include "cli/command.h"

namespace orrery::cli {

// The few things to try first, then all commands.
std::string first_steps();
// The commands whose names begin so, with what they do; nothing where there is none.
std::string commands_help(const std::string& group);
// Usage, arguments, options under their headings, examples. `options` are those of the call, global ones included.
std::string command_help(const Command& command, const OptionSet& options);
// "orrery generate MODEL [TEXT] [options]"
std::string usage_line(const Command& command, const OptionSet& options);
// "-p, --prompt TEXT"
std::string flag_text(const Option& option);
// The help sentence with limits and default: "Divides the logits. [above 0; 1.0]"
std::string help_sentence(const Option& option);

}  // namespace orrery::cli
