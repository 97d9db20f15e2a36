#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include <doctest/doctest.h>

#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/help.h"
#include "cli/model_path.h"

using namespace orrery;
using namespace orrery::cli;
namespace fs = std::filesystem;

namespace {
struct ScratchFolder {
  ScratchFolder() {
    char name[] = "/tmp/orrery-cli-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~ScratchFolder() { fs::remove_all(path); }
  fs::path path;
};

struct Environment {
  Environment(const char* variable, const std::string& value) : name(variable) { ::setenv(name, value.c_str(), 1); }
  ~Environment() { ::unsetenv(name); }
  const char* name;
};

void touch(const fs::path& file, const std::string& text = "{}") {
  fs::create_directories(file.parent_path());
  std::ofstream(file) << text;
}
}  // namespace

TEST_CASE("commands stand in order, each once, with a summary that is a sentence and an example that calls it") {
  std::string before;
  for (const Command* command : all_commands()) {
    CAPTURE(command->name);
    CHECK(before < command->name);
    before = command->name;
    CHECK(command->summary.ends_with("."));
    CHECK_FALSE(command->examples.empty());
    for (const std::string& example : command->examples)
      CHECK(example.find("orrery " + command->name) != std::string::npos);
    CHECK(command_named(command->name) == command);
  }
}

TEST_CASE("every option of every command has help, a flag of its own and a letter of its own") {
  for (const Command* command : all_commands()) {
    GlobalOptions globals;
    const std::unique_ptr<Call> call = command->start();
    call->options.add(globals, "Everywhere");
    std::set<std::string> seen;
    for (const Option& option : call->options.options()) {
      CAPTURE(command->name);
      CAPTURE(option.info.name);
      CHECK(std::string(option.info.help).ends_with("."));
      CHECK(seen.insert(option.flag()).second);
      if (option.info.letter) CHECK(seen.insert(std::string(1, option.info.letter)).second);
    }
    const std::string help = command_help(*command, call->options);
    CHECK(help.find("usage: orrery " + command->name) != std::string::npos);
    CHECK(help.find("--threads") != std::string::npos);
  }
}

TEST_CASE("an error is one line, and a hint is another") {
  CHECK(error_text({ErrorKind::bad_file, "two\nlines", "a.json"}) == "error: two lines (a.json)\n");
  CHECK(error_text({ErrorKind::bad_file, "what", "", "do this"}) == "error: what\nhint: do this\n");
}

TEST_CASE("a model is a path, the name of a checkpoint that ships, or a snapshot in the hub's cache") {
  const ScratchFolder scratch;
  const Environment shipped("ORRERY_CHECKPOINTS", scratch.path / "shipped");
  const Environment hub("HF_HUB_CACHE", scratch.path / "hub");
  touch(scratch.path / "shipped/teller/config.json");
  touch(scratch.path / "hub/models--some--model/snapshots/abc/config.json");
  touch(scratch.path / "hub/models--some--model/snapshots/def/config.json");
  touch(scratch.path / "hub/models--some--model/refs/main", "def\n");
  touch(scratch.path / "hub/models--some--other/snapshots/one/config.json");

  CHECK(model_path(scratch.path.string()) == scratch.path);
  CHECK(model_path("teller") == scratch.path / "shipped/teller");
  CHECK(model_path("some/model") == scratch.path / "hub/models--some--model/snapshots/def");
  CHECK(model_path("some/other") == scratch.path / "hub/models--some--other/snapshots/one");
  const std::vector<std::string> names = shipped_checkpoints();
  CHECK(std::find(names.begin(), names.end(), "teller") != names.end());
}

TEST_CASE("a model that is nowhere is an error that says where was looked and what there is") {
  const ScratchFolder scratch;
  const Environment shipped("ORRERY_CHECKPOINTS", scratch.path);
  const Environment hub("HF_HUB_CACHE", scratch.path / "hub");
  touch(scratch.path / "teller/config.json");
  for (const char* name : {"tellr", "no/such", "a/b/c", "..", "/", "../x/y", ""}) {
    CAPTURE(name);
    if (fs::exists(name)) continue;
    try {
      model_path(name);
      FAIL("found");
    } catch (const Error& error) {
      CHECK(error.kind == ErrorKind::not_found);
      CHECK_FALSE(error.hint.empty());
    }
  }
  try {
    model_path("tellr");
  } catch (const Error& error) {
    CHECK(error.hint == "did you mean teller?");
    CHECK(error.where.find(scratch.path.string()) != std::string::npos);
  }
}

TEST_CASE("the output of -o appears whole when it is finished, and not at all before") {
  const ScratchFolder scratch;
  const fs::path file = scratch.path / "out.txt";
  {
    Output output(file);
    output.line("one");
    CHECK_FALSE(fs::exists(file));
  }
  CHECK(fs::is_empty(scratch.path));
  Output output(file);
  output.line("one");
  output.json({{"a", 1}});
  output.finish();
  CHECK(read_file(file).value() == "one\n{\"a\":1}\n");
  CHECK_THROWS_AS(Output(scratch.path), Error);
  CHECK_THROWS_AS(Output(scratch.path / "no/such/folder/out"), Error);
}
