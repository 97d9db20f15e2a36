// Memory under tensors: fresh pages, or a mapped file.
#include <malloc.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>

#include "tensor/pages.h"
#include "tensor/tensor.h"

namespace orrery {

namespace {
constexpr uint64_t kLine = 64;  // a cache line, and the widest vector
std::atomic<uint64_t> on_heap = 0;   // bytes of tensors there

Error no_memory(uint64_t bytes) {
  return {ErrorKind::out_of_range, "cannot allocate " + std::to_string(bytes) + " bytes", "",
          "the system has no memory left for this: use a smaller model, batch or context"};
}

class SmallStorage final : public Storage {
 public:
  explicit SmallStorage(uint64_t bytes) {
    rounded_ = std::max(kLine, up_to(bytes, kLine));
    data_ = static_cast<std::byte*>(std::aligned_alloc(kLine, rounded_));
    if (!data_) throw no_memory(bytes);
    std::memset(data_, 0, rounded_);
    size_ = bytes;
    writable_ = true;
    on_heap += rounded_;
  }
  ~SmallStorage() override {
    std::free(data_);
    on_heap -= rounded_;
  }

 private:
  uint64_t rounded_ = 0;
};

// Mapped directly: the system hands out zeroed pages when they are first touched. The mapping is trimmed to whole small
// pages around an aligned start, so huge pages never cover more than the tensor.
class LargeStorage final : public Storage {
 public:
  explicit LargeStorage(uint64_t bytes) {
    if (bytes > uint64_t(1) << 62) throw no_memory(bytes);
    mapped_ = up_to(bytes, page_size());
    void* base = ::mmap(nullptr, mapped_ + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) throw no_memory(bytes);
    char* const begin = static_cast<char*>(base);
    const uint64_t before = (kHugePage - reinterpret_cast<uintptr_t>(base) % kHugePage) % kHugePage;
    if (before != 0) ::munmap(begin, before);
    if (before != kHugePage) ::munmap(begin + before + mapped_, kHugePage - before);
    data_ = reinterpret_cast<std::byte*>(begin + before);
    ::madvise(data_, mapped_, MADV_HUGEPAGE);
    size_ = bytes;
    writable_ = true;
  }
  ~LargeStorage() override { ::munmap(data_, mapped_); }

 private:
  uint64_t mapped_ = 0;
};

class FileStorage final : public Storage {
 public:
  explicit FileStorage(std::shared_ptr<const MappedFile> file) : file_(std::move(file)) {
    data_ = const_cast<std::byte*>(file_->bytes().data());  // never written through: writable_ stays false
    size_ = file_->bytes().size();
  }

 private:
  std::shared_ptr<const MappedFile> file_;
};
}  // namespace

int64_t heap_beside_tensors() {
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
  const struct mallinfo2 heap = ::mallinfo2();
  const uint64_t used = heap.uordblks + heap.hblkhd, tensors = on_heap;
  return used > tensors ? int64_t(used - tensors) : 0;
#else
  return 0;
#endif
}

void trim_heap() {
#if defined(__GLIBC__)
  ::malloc_trim(0);
#endif
}

std::shared_ptr<Storage> allocate_storage(uint64_t bytes) {
  if (bytes >= kHugePage) return std::make_shared<LargeStorage>(bytes);
  return std::make_shared<SmallStorage>(bytes);
}

std::shared_ptr<Storage> storage_of(std::shared_ptr<const MappedFile> file) {
  return std::make_shared<FileStorage>(std::move(file));
}

std::shared_ptr<Storage> storage_of(MappedFile file) {
  return storage_of(std::make_shared<const MappedFile>(std::move(file)));
}

}  // namespace orrery
