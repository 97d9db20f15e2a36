#include "base/file.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <vector>

#include "base/testing.h"

using namespace orrery;
namespace fs = std::filesystem;

namespace {

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}
using Names = std::vector<std::string>;

// No file of this process may grow beyond `bytes`: what a full disk looks like, within one scope.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

}  // namespace

TEST_CASE("what is written is read, zeros and all, and nothing else is left in the folder") {
  const TemporaryFolder folder("file");
  const fs::path path = folder.path() / "a.bin";
  for (const std::string& bytes :
       {std::string(), std::string("x\0y\n", 4), std::string(300000, 'z'), std::string("short")}) {
    REQUIRE(write_file(path, bytes));
    CHECK(read_file(path).value() == bytes);
    const MappedFile mapped = MappedFile::open(path).value();
    REQUIRE(mapped.bytes().size() == bytes.size());
    CHECK(std::equal(bytes.begin(), bytes.end(), reinterpret_cast<const char*>(mapped.bytes().data())));
    CHECK(names_in(folder.path()) == Names{"a.bin"});
  }
}

TEST_CASE("an error names the file and what the system said") {
  const TemporaryFolder folder("file");
  const fs::path missing = folder.path() / "missing" / "a.bin";
  const auto absent = read_file(missing);
  REQUIRE_FALSE(absent);
  CHECK(absent.error().kind == ErrorKind::not_found);
  CHECK(absent.error().message() == "cannot open the file: No such file or directory (" + missing.string() + ")");
  CHECK(MappedFile::open(missing).error().kind == ErrorKind::not_found);
  CHECK(write_file(missing, "x").error().message() ==
        "cannot write the file: No such file or directory (" + missing.string() + ")");
  CHECK(read_file(folder.path()).error().what == "this is a folder, not a file");
  CHECK(MappedFile::open(folder.path()).error().what == "this is not a regular file");
  CHECK_FALSE(write_file(folder.path(), "x"));
}

TEST_CASE("a file above the limit is refused before it is read") {
  const TemporaryFolder folder("file");
  const fs::path path = folder.path() / "large";
  REQUIRE(write_file(path, "12345"));
  CHECK(read_file(path, 5).value() == "12345");
  CHECK(read_file(path, 4).error().what == "the file has 5 bytes, more than the limit of 4");
  CHECK(read_file("/dev/zero", 1000).error().what == "the file is larger than the limit of 1000 bytes");
  fs::resize_file(path, uint64_t(1) << 40);  // a hole: no bytes on the disk
  CHECK_FALSE(read_file(path));
}

TEST_CASE("readers see the old file until the new one is whole") {
  const TemporaryFolder folder("file");
  const fs::path path = folder.path() / "state";
  REQUIRE(write_file(path, "old"));
  {
    AtomicFile file(path);
    REQUIRE(file.ready());
    file.write("ne");
    CHECK(read_file(path).value() == "old");
    file.write("w");
    REQUIRE(file.commit());
    CHECK(read_file(path).value() == "new");
  }
  {
    AtomicFile abandoned(path);
    abandoned.write("never");
  }
  CHECK(read_file(path).value() == "new");
  CHECK(names_in(folder.path()) == Names{"state"});
}

TEST_CASE("a full disk leaves the old file, no other, and says so") {
  const TemporaryFolder folder("file");
  const fs::path path = folder.path() / "state";
  REQUIRE(write_file(path, "old"));
  Status written = done();
  {
    const FileSizeLimit limit(4096);
    written = write_file(path, std::string(10000, 'x'));
  }
  REQUIRE_FALSE(written);
  CHECK(written.error().kind == ErrorKind::io);
  CHECK(written.error().where == path.string());
  CHECK(read_file(path).value() == "old");
  CHECK(names_in(folder.path()) == Names{"state"});

  const Status full = write_file("/dev/full", "x");
  REQUIRE_FALSE(full);
  CHECK(full.error().what == "cannot write the file: No space left on device");
  CHECK(full.error().hint.starts_with("the disk is full"));
}

TEST_CASE("devices and pipes are written in place") {
  const TemporaryFolder folder("file");
  CHECK(write_file("/dev/null", "x"));
  const fs::path pipe = folder.path() / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  const pid_t child = ::fork();
  if (child == 0) ::_exit(write_file(pipe, "through") ? 0 : 1);
  CHECK(read_file(pipe).value() == "through");
  int status = 1;
  ::waitpid(child, &status, 0);
  CHECK(status == 0);
  CHECK(names_in(folder.path()) == Names{"pipe"});
}

TEST_CASE("a folder appears whole, replaces an older one whole, or not at all") {
  const TemporaryFolder folder("file");
  const fs::path target = folder.path() / "deep" / "checkpoint";
  for (const std::string name : {"first", "second"}) {
    AtomicDirectory directory(target / "");
    REQUIRE(directory.ready());
    REQUIRE(write_file(directory.path() / name, name));
    if (name == "first") CHECK_FALSE(fs::exists(target));
    REQUIRE(directory.commit());
    CHECK(names_in(target) == Names{name});
  }
  {
    AtomicDirectory abandoned(target);
    REQUIRE(write_file(abandoned.path() / "third", "3"));
  }
  CHECK(names_in(target) == Names{"second"});
  CHECK(names_in(target.parent_path()) == Names{"checkpoint"});

  REQUIRE(write_file(folder.path() / "file", "x"));
  AtomicDirectory impossible(folder.path() / "file" / "checkpoint");
  CHECK_FALSE(impossible.ready());
  CHECK_FALSE(impossible.commit());
}

TEST_CASE("a process that ends by a signal can take its unfinished files with it") {
  const TemporaryFolder folder("file");
  REQUIRE(write_file(folder.path() / "kept", "x"));
  const pid_t child = ::fork();
  if (child == 0) {
    AtomicFile file(folder.path() / "half");
    AtomicDirectory directory(folder.path() / "checkpoint");
    file.write("half");
    (void)write_file(directory.path() / "inside", "x");
    if (names_in(folder.path()).size() != 3) ::_exit(1);
    remove_uncommitted_files();
    ::_exit(names_in(folder.path()) == Names{"kept"} ? 0 : 2);
  }
  int status = 1;
  ::waitpid(child, &status, 0);
  CHECK(status == 0);
}

TEST_CASE("released pages of a mapping read the same again") {
  const TemporaryFolder folder("file");
  const fs::path path = folder.path() / "large";
  REQUIRE(write_file(path, std::string(1 << 20, 'q')));
  MappedFile first = MappedFile::open(path).value();
  MappedFile mapped = std::move(first);
  CHECK(mapped.bytes()[500000] == std::byte('q'));
  mapped.release(0, 1 << 20);
  mapped.release(1000, 5000);
  mapped.release((1 << 20) - 1, 1);
  CHECK(mapped.bytes()[500000] == std::byte('q'));
}
