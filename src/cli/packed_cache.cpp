#include "cli/packed_cache.h"

#include <charconv>
#include <cstdlib>
#include <string>

namespace orrery::cli {

namespace {
std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}
}  // namespace

std::filesystem::path panel_cache_folder() {
  if (const std::string folder = environment("ORRERY_PACKED_CACHE"); !folder.empty()) return folder;
  if (const std::string folder = environment("XDG_CACHE_HOME"); !folder.empty()) return std::filesystem::path(folder) / "orrery";
  if (const std::string home = environment("HOME"); !home.empty()) return std::filesystem::path(home) / ".cache/orrery";
  return {};
}

std::optional<PanelCacheOptions> panel_cache(const Context& context) {
  if (!context.globals().packed_cache.value_or(!environment("ORRERY_PACKED_CACHE").empty())) return std::nullopt;
  PanelCacheOptions options{.folder = panel_cache_folder()};
  options.warn = [&context](const std::string& text) { context.warn(text); };
  options.progress = [&context](int64_t weights) { return context.progress("keeping packed weights", weights, "weights"); };
  if (options.folder.empty()) {
    context.warn("packed weights are not kept: there is no HOME; set ORRERY_PACKED_CACHE to a folder");
    return std::nullopt;
  }
  if (const std::string limit = environment("ORRERY_PACKED_CACHE_BYTES"); !limit.empty()) {
    const auto [rest, wrong] = std::from_chars(limit.data(), limit.data() + limit.size(), options.max_bytes);
    if (wrong != std::errc() || rest != limit.data() + limit.size() || options.max_bytes < 0)
      throw Error{ErrorKind::bad_usage, "'" + limit + "' is not a number of bytes", "ORRERY_PACKED_CACHE_BYTES"};
  }
  return options;
}

}  // namespace orrery::cli
