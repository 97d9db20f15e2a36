// From the MODEL of a command line to a folder or file.
//
// MODEL is, in this order:
//   1. a folder or file that exists;
//   2. the name of a checkpoint that ships, looked for in $ORRERY_CHECKPOINTS, then beside the binary: in
//      ../../checkpoints (a build tree) and ../share/orrery/checkpoints (an installation);
//   3. owner/name in the hub's cache: $HF_HUB_CACHE, $HF_HOME/hub or ~/.cache/huggingface/hub, at refs/main.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::cli {

// Throws Error{not_found} that says where was looked, with a hint that names the checkpoints that ship.
std::filesystem::path model_path(std::string_view model);

// Whether `model` is here a folder or file that hides a checkpoint of the same name that ships.
bool hides_shipped(std::string_view model);

// Names of the checkpoints that ship, sorted.
std::vector<std::string> shipped_checkpoints();

}  // namespace orrery::cli
