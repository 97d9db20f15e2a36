#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <set>

namespace orrery {

namespace {
Error system_error(const std::string& doing, const std::filesystem::path& path, int code) {
  const ErrorKind kind = code == ENOENT ? ErrorKind::not_found : ErrorKind::io;
  std::string hint;
  if (code == ENOSPC || code == EDQUOT) hint = "the disk is full: free some space; nothing was left half-written";
  return {kind, doing + ": " + std::strerror(code), path.string(), hint};
}

// Unique beside the target, so that the rename stays on one file system.
std::filesystem::path beside(const std::filesystem::path& target) {
  static std::atomic<unsigned> counter{0};
  std::filesystem::path name = target;
  name += ".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(counter++);
  return name;
}

void sync_directory(const std::filesystem::path& directory) {
  const int descriptor = ::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}
// The names beside their targets that exist at this moment. Process-wide, because a signal ends the whole process.
struct Uncommitted {
  std::mutex mutex;  // held while names change on disk
  std::set<std::filesystem::path> paths;
};
Uncommitted& uncommitted() {
  static Uncommitted all;
  return all;
}
void forget(const std::filesystem::path& path) {
  const std::lock_guard lock(uncommitted().mutex);
  uncommitted().paths.erase(path);
}
}  // namespace

void remove_uncommitted_files() {
  uncommitted().mutex.lock();  // for good: nothing begins or commits after this
  std::error_code ignored;
  for (const std::filesystem::path& path : uncommitted().paths) std::filesystem::remove_all(path, ignored);
}

Result<std::string> read_file(const std::filesystem::path& path, uint64_t limit) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return system_error("cannot open the file", path, errno);
  struct Closer {
    int descriptor;
    ~Closer() { ::close(descriptor); }
  } closer{descriptor};
  struct stat info {};
  if (::fstat(descriptor, &info) != 0) return system_error("cannot read the file", path, errno);
  if (S_ISDIR(info.st_mode)) return Error{ErrorKind::bad_file, "this is a folder, not a file", path.string()};
  if (S_ISREG(info.st_mode) && uint64_t(info.st_size) > limit)
    return Error{ErrorKind::bad_file, "the file has " + std::to_string(info.st_size) + " bytes, more than the limit of " + std::to_string(limit), path.string()};
  std::string bytes;
  if (S_ISREG(info.st_mode)) bytes.reserve(size_t(info.st_size));
  char buffer[1 << 16];
  for (;;) {
    const ssize_t count = ::read(descriptor, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("cannot read the file", path, errno);
    if (count == 0) return bytes;
    bytes.append(buffer, size_t(count));
    if (bytes.size() > limit)
      return Error{ErrorKind::bad_file, "the file is larger than the limit of " + std::to_string(limit) + " bytes", path.string()};
  }
}

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)), temporary_(beside(path_)) {
  const std::lock_guard lock(uncommitted().mutex);
  uncommitted().paths.insert(temporary_);
  descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (descriptor_ < 0) {
    failed_ = true;
    error_ = system_error("cannot write the file", path_, errno);
  }
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!committed_) ::unlink(temporary_.c_str());
  forget(temporary_);
}

Status AtomicFile::ready() const {
  if (failed_) return error_;
  return done();
}

void AtomicFile::write(std::string_view bytes) {
  while (!failed_ && !bytes.empty()) {
    const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      failed_ = true;
      error_ = system_error("cannot write the file", path_, errno);
      return;
    }
    bytes.remove_prefix(size_t(count));
  }
}

Status AtomicFile::commit() {
  if (!failed_ && ::fsync(descriptor_) != 0 && errno != EINVAL && errno != EROFS) {
    failed_ = true;
    error_ = system_error("cannot write the file", path_, errno);
  }
  if (failed_) return error_;
  const std::lock_guard lock(uncommitted().mutex);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) return system_error("cannot replace the file", path_, errno);
  committed_ = true;
  sync_directory(path_.parent_path());
  return done();
}

Status write_file(const std::filesystem::path& path, std::string_view bytes) {
  // A pipe or a device (/dev/stdout, /dev/null) has no old content to protect.
  std::error_code ignored;
  const auto kind = std::filesystem::status(path, ignored).type();
  if (kind == std::filesystem::file_type::fifo || kind == std::filesystem::file_type::character) {
    std::FILE* file = std::fopen(path.c_str(), "wb");
    if (!file) return system_error("cannot write the file", path, errno);
    const bool all = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
    const int code = errno;
    if (std::fclose(file) != 0 || !all) return system_error("cannot write the file", path, all ? errno : code);
    return done();
  }
  AtomicFile file(path);
  file.write(bytes);
  return file.commit();
}

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return system_error("cannot open the file", path, errno);
  struct stat info {};
  if (::fstat(descriptor, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(descriptor);
    return Error{ErrorKind::bad_file, "this is not a regular file", path.string()};
  }
  MappedFile file;
  file.size_ = size_t(info.st_size);
  if (file.size_ != 0) {
    void* data = ::mmap(nullptr, file.size_, PROT_READ, MAP_SHARED, descriptor, 0);
    const int code = errno;
    if (data == MAP_FAILED) {
      ::close(descriptor);
      file.size_ = 0;
      return system_error("cannot map the file", path, code);
    }
    file.data_ = data;
  }
  ::close(descriptor);
  return file;
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(data_, size_);
}

void MappedFile::release(size_t offset, size_t size) const {
  const size_t page = size_t(::sysconf(_SC_PAGESIZE));
  const size_t begin = (offset + page - 1) / page * page, end = (offset + size) / page * page;
  if (data_ && end > begin && end <= size_) ::madvise(static_cast<char*>(data_) + begin, end - begin, MADV_DONTNEED);
}

void MappedFile::read_in_large_pages() const {
  if (data_) ::madvise(data_, size_, MADV_HUGEPAGE);
}

std::string file_identity(const std::filesystem::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return "";
  std::string text;
  for (const int64_t number : {int64_t(info.st_size), int64_t(info.st_ino), int64_t(info.st_mtim.tv_sec), int64_t(info.st_mtim.tv_nsec), int64_t(info.st_ctim.tv_sec), int64_t(info.st_ctim.tv_nsec)})
    text += std::to_string(number) + " ";
  return text;
}

AtomicDirectory::AtomicDirectory(std::filesystem::path target) : target_(std::move(target)) {
  if (!target_.has_filename()) target_ = target_.parent_path();  // "dir/" names dir
  temporary_ = beside(target_);
  const std::lock_guard lock(uncommitted().mutex);
  uncommitted().paths.insert(temporary_);
  std::error_code code;
  if (target_.has_parent_path()) std::filesystem::create_directories(target_.parent_path(), code);
  if (!code) std::filesystem::create_directory(temporary_, code);
  if (code) {
    failed_ = true;
    error_ = system_error("cannot make the folder", target_, code.value());
  }
}

AtomicDirectory::~AtomicDirectory() {
  std::error_code ignored;
  if (!committed_) std::filesystem::remove_all(temporary_, ignored);
  forget(temporary_);
}

Status AtomicDirectory::ready() const {
  if (failed_) return error_;
  return done();
}

Status AtomicDirectory::commit() {
  if (failed_) return error_;
  sync_directory(temporary_);
  const std::filesystem::path old = beside(target_);
  std::error_code ignored;
  const bool replaces = std::filesystem::exists(target_, ignored);
  const std::lock_guard lock(uncommitted().mutex);  // between two renames no signal may end the process
  if (replaces) {
    // Where the system can swap two names in one step, there is no moment without a whole checkpoint.
    if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE) == 0) {
      committed_ = true;
      sync_directory(target_.parent_path());
      std::filesystem::remove_all(temporary_, ignored);
      return done();
    }
    if (::rename(target_.c_str(), old.c_str()) != 0) return system_error("cannot replace the folder", target_, errno);
  }
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) {
    const int code = errno;
    if (replaces) ::rename(old.c_str(), target_.c_str());
    return system_error("cannot replace the folder", target_, code);
  }
  committed_ = true;
  sync_directory(target_.parent_path());
  if (replaces) std::filesystem::remove_all(old, ignored);
  return done();
}

}  // namespace orrery
