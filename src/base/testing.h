// For test programs only: what they need to know about their surroundings.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace orrery {

// Whether the reference files of `../shared/SUB` can be used. Tests run with the repository root as working directory.
// Only the absence of the whole folder `../shared` excuses a test: prints one line and returns false. With it there,
// returns true, and a missing file fails the test that wants it.
//
//   if (!shared_available("tokenizers")) return;
inline bool shared_available(const char* sub) {
  std::error_code ignored;
  if (std::filesystem::is_directory("../shared", ignored)) return true;
  std::printf("../shared/%s is not here: this test has nothing to compare with\n", sub);
  return false;
}

// A fresh folder for the files of one test, removed with all it holds at the end of the scope.
//
//   const TemporaryFolder folder("safetensors");
//   write_file(folder.path() / "a.safetensors", bytes);
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::string& name) {
    std::string pattern = (std::filesystem::temp_directory_path() / ("orrery-" + name + "-XXXXXX")).string();
    if (::mkdtemp(pattern.data()) == nullptr) std::perror(pattern.c_str());
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace orrery
