// `orrery cache clear`: removes the packed weights that --packed-cache has kept.
#include "cli/command.h"
#include "cli/loading.h"
#include "cli/packed_cache.h"

namespace orrery::cli::commands {
namespace {
struct CacheClearOptions {
  std::filesystem::path folder;
  int64_t keep_bytes = 0;
  static constexpr auto about = describe(
      "cache clear", "", option(&CacheClearOptions::folder, "folder", "Another folder than that of --packed-cache.", unit("DIR")),
      option(&CacheClearOptions::keep_bytes, "keep_bytes", "Keep this many bytes of those used last.", at_least(0), unit("N")));
};

void run(Context& context, CacheClearOptions& options) {
  const std::filesystem::path folder = options.folder.empty() ? panel_cache_folder() : options.folder;
  const int64_t removed = shrink_panel_cache(folder, options.keep_bytes);
  if (context.json()) return context.out().json({{"folder", folder.string()}, {"removed_bytes", removed}});
  context.out().line("removed " + bytes_text(removed) + " from " + folder.string());
}
}  // namespace

const Command& cache_clear() {
  static const Command command{"cache clear", "Remove the packed weights that --packed-cache has kept.", {"orrery cache clear --folder build/packed"}, run};
  return command;
}
}  // namespace orrery::cli::commands
