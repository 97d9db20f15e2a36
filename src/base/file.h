// Files: read whole, mapped, or written whole-or-not-at-all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace orrery {

// The whole file as bytes. Refuses directories and files above `limit` bytes.
Result<std::string> read_file(const std::filesystem::path& path, uint64_t limit = uint64_t(4) << 30);

// Writes `bytes` beside `path`, syncs, and renames: readers see the old file or the new one, never half.
// On any failure the temporary is removed and `path` is untouched.
Status write_file(const std::filesystem::path& path, std::string_view bytes);

// The same for content produced in pieces.
//   AtomicFile file(path);  file.write(a); file.write(b);  Status done = file.commit();
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();  // removes the temporary unless committed
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  Status ready() const;                 // could it be made?
  void write(std::string_view bytes);   // errors are kept and told by commit()
  Status commit();

 private:
  std::filesystem::path path_, temporary_;
  int descriptor_ = -1;
  Error error_;
  bool failed_ = false, committed_ = false;
};

// What changes when a file's content does, or whenever the system cannot tell: size, number of the file, and the times of its last change
// in content or in name. Empty where there is no file.
std::string file_identity(const std::filesystem::path& path);

// A file mapped read-only. Movable, not copyable.
class MappedFile {
 public:
  static Result<MappedFile> open(const std::filesystem::path& path);
  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept { swap(other); }
  MappedFile& operator=(MappedFile&& other) noexcept {
    swap(other);
    return *this;
  }
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(data_), size_}; }
  // Tells the kernel that these bytes will not be read again soon: their pages leave this process.
  void release(size_t offset, size_t size) const;
  // Asks for huge pages, where the system has them for files.
  void read_in_large_pages() const;

 private:
  void swap(MappedFile& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
  }
  void* data_ = nullptr;
  size_t size_ = 0;
};

// A fresh directory beside `target`; commit() makes it `target`, replacing an older one.
// Used for checkpoints of several files: the whole directory appears or nothing does.
class AtomicDirectory {
 public:
  explicit AtomicDirectory(std::filesystem::path target);
  ~AtomicDirectory();
  AtomicDirectory(const AtomicDirectory&) = delete;
  AtomicDirectory& operator=(const AtomicDirectory&) = delete;
  const std::filesystem::path& path() const { return temporary_; }  // write files here
  Status ready() const;                                             // could it be made?
  Status commit();

 private:
  std::filesystem::path target_, temporary_;
  Error error_;
  bool failed_ = false, committed_ = false;
};

// For a process that is about to end by a signal: removes what AtomicFile and AtomicDirectory have not committed, and
// lets no more be committed.
void remove_uncommitted_files();

}  // namespace orrery
