// A folder for one process, for formats that are read from paths; it goes when the program ends.
#pragma once

#include <filesystem>
#include <fstream>
#include <string_view>

#include "base/testing.h"
#include "check.h"

class Folder : public orrery::TemporaryFolder {
 public:
  Folder() : TemporaryFolder("fuzz") {}
  void clear() const {
    for (const auto& entry : std::filesystem::directory_iterator(path())) std::filesystem::remove_all(entry.path());
  }
  void write(const std::filesystem::path& name, std::string_view bytes) const {
    std::filesystem::create_directories((path() / name).parent_path());
    std::ofstream file(path() / name, std::ios::binary);   // not write_file, which waits for the disk
    file.write(bytes.data(), std::streamsize(bytes.size()));
    FUZZ_CHECK(bool(file.flush()));
  }
};

// The part of an input up to the next zero byte, which is taken off it.
inline std::string_view take_part(std::string_view& input) {
  const size_t zero = input.find('\0');
  const std::string_view part = input.substr(0, zero);
  input = zero == std::string_view::npos ? std::string_view() : input.substr(zero + 1);
  return part;
}
