// From the arguments of the process to a command, and from whatever happens to an exit code:
//   0 done, 1 the work failed, 2 the call was wrong.
#pragma once

#include <span>
#include <string>

#include "base/error.h"

namespace orrery::cli {

int run_command_line(std::span<const std::string> args);

// "error: WHAT (WHERE)" and, where there is one, "hint: …" on a line of its own.
std::string error_text(const Error& error);

}  // namespace orrery::cli
