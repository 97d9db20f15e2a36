// A folder for one process, for formats that are read from paths; it goes when the program ends.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "check.h"

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "orrery-fuzz-XXXXXX").string();
    FUZZ_CHECK(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  void clear() const {
    for (const auto& entry : std::filesystem::directory_iterator(path_)) std::filesystem::remove_all(entry.path());
  }
  void write(const std::filesystem::path& name, std::string_view bytes) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream file(path_ / name, std::ios::binary);
    file.write(bytes.data(), std::streamsize(bytes.size()));
    FUZZ_CHECK(bool(file.flush()));
  }

 private:
  std::filesystem::path path_;
};

// The part of an input up to the next zero byte, which is taken off it.
inline std::string_view take_part(std::string_view& input) {
  const size_t zero = input.find('\0');
  const std::string_view part = input.substr(0, zero);
  input = zero == std::string_view::npos ? std::string_view() : input.substr(zero + 1);
  return part;
}
