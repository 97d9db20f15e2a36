// The call of a command as a user would type it again: its arguments and the options that were given.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "base/options.h"

namespace orrery::cli {

// "orrery trace storyteller 'One day' --seed 7". Without the options named in `but`, and without those that say how the result is told
// (json, quiet, threads).
std::string call_text(std::string_view command, const OptionSet& options, std::initializer_list<std::string_view> but = {});

// A word as a shell reads it: quoted where it has to be.
std::string shell_word(const std::string& word);

}  // namespace orrery::cli
