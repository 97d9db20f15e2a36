// Where packed weights are kept: --packed-cache and the environment.
#pragma once

#include <filesystem>
#include <optional>

#include "cli/context.h"
#include "graph/panel_cache.h"

namespace orrery::cli {

// ORRERY_PACKED_CACHE, else the user's own folder for such files. Empty where there is none.
std::filesystem::path panel_cache_folder();

// Nothing unless --packed-cache or ORRERY_PACKED_CACHE asks for it. ORRERY_PACKED_CACHE_BYTES limits all files together.
std::optional<PanelCacheOptions> panel_cache(const Context& context);

}  // namespace orrery::cli
