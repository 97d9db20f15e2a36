// `orrery cache list`: the packed weights that --packed-cache has kept.
#include <chrono>

#include "cli/command.h"
#include "cli/loading.h"
#include "cli/packed_cache.h"

namespace orrery::cli::commands {
namespace {
struct CacheListOptions {
  std::filesystem::path folder;
  static constexpr auto about = describe("cache list", "", option(&CacheListOptions::folder, "folder", "Another folder than that of --packed-cache.", unit("DIR")));
};

int64_t hours_since(std::filesystem::file_time_type time) { return std::chrono::duration_cast<std::chrono::hours>(std::filesystem::file_time_type::clock::now() - time).count(); }

void run(Context& context, CacheListOptions& options) {
  const std::filesystem::path folder = options.folder.empty() ? panel_cache_folder() : options.folder;
  const std::vector<PanelCacheFile> files = panel_cache_files(folder);
  int64_t bytes = 0;
  Json list = Json::array();
  for (const PanelCacheFile& file : files) {
    bytes += file.bytes;
    list.push_back({{"path", file.path.string()}, {"source", file.source}, {"weights", file.entries}, {"bytes", file.bytes}, {"hours_unused", hours_since(file.used)}});
  }
  if (context.json()) return context.out().json({{"folder", folder.string()}, {"bytes", bytes}, {"files", list}});
  for (const PanelCacheFile& file : files)
    context.out().line(file.path.filename().string() + "  " + bytes_text(file.bytes) + ", " +
                       (file.source.empty() ? "damaged" : std::to_string(file.entries) + " weights of " + printable(file.source) + ", used " + std::to_string(hours_since(file.used)) + " h ago"));
  context.out().line(bytes_text(bytes) + " in " + folder.string());
}
}  // namespace

const Command& cache_list() {
  static const Command command{"cache list", "List the packed weights that --packed-cache has kept.", {"orrery cache list"}, run};
  return command;
}
}  // namespace orrery::cli::commands
