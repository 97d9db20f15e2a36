#include "cli/context.h"

#include <unistd.h>

#include <cstdio>

#include "base/file.h"

namespace orrery::cli {

Context::Context(const GlobalOptions& globals, OptionSet& options, const std::filesystem::path& output)
    : globals_(globals), options_(options), out_(output) {}

void Context::warn(std::string_view text) const {
  if (!quiet()) std::fprintf(stderr, "warning: %.*s\n", int(text.size()), text.data());
}

void Context::expect_file(const std::filesystem::path& file) {
  if (file == "-") throw Error{ErrorKind::bad_usage, "a page or table goes to a file, not to standard output", file.string()};
}

void Context::write(const std::filesystem::path& file, std::string_view bytes) const {
  expect_file(file);
  write_file(file, bytes).value();
  wrote(file);
}

void Context::wrote(const std::filesystem::path& file) const {
  if (!quiet() && ::isatty(STDERR_FILENO)) std::fprintf(stderr, "written: %s\n", file.c_str());
}

int Context::num_threads() const { return globals_.threads > 0 ? int(globals_.threads) : available_cores(); }

ThreadPool& Context::pool() {
  if (!pool_) pool_ = std::make_unique<ThreadPool>(num_threads());
  return *pool_;
}

}  // namespace orrery::cli
