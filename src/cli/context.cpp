#include "cli/context.h"

#include <cstdio>

namespace orrery::cli {

Context::Context(const GlobalOptions& globals, OptionSet& options, const std::filesystem::path& output)
    : globals_(globals), options_(options), out_(output) {}

void Context::warn(std::string_view text) const {
  if (!quiet()) std::fprintf(stderr, "warning: %.*s\n", int(text.size()), text.data());
}

int Context::num_threads() const { return globals_.threads > 0 ? int(globals_.threads) : available_cores(); }

ThreadPool& Context::pool() {
  if (!pool_) pool_ = std::make_unique<ThreadPool>(num_threads());
  return *pool_;
}

}  // namespace orrery::cli
