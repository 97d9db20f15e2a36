// `orrery version`: what this binary is.
#include "cli/command.h"

namespace orrery::cli::commands {
namespace {
#ifdef __clang__
constexpr const char* kCompiler = "clang " __clang_version__;
#else
constexpr const char* kCompiler = "gcc " __VERSION__;
#endif

void run(Context& context) {
  if (context.json())
    return context.out().json({{"version", ORRERY_VERSION}, {"compiler", kCompiler}, {"cores", available_cores()}});
  context.out().line("orrery " ORRERY_VERSION ", built by " + std::string(kCompiler));
}
}  // namespace

const Command& version() {
  static const Command command{
      "version", "Print the version and how the binary was built.", {"orrery version --json"}, run};
  return command;
}
}  // namespace orrery::cli::commands
