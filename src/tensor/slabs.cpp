#include "tensor/slabs.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include <optional>
#include <utility>

#include "tensor/pages.h"

namespace orrery {

namespace {
constexpr uint64_t kAlone = uint64_t(8) << 20, kSlab = uint64_t(1) << 30;
}  // namespace

// Reserved addresses from a huge page's start on. They are no memory before they are opened, also to a system that promises no more than it has.
class Slabs::Addresses {
 public:
  Addresses() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) return;   // others would lack them
    base_ = ::mmap(nullptr, kSlab + kHugePage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base_ == MAP_FAILED) return;
    begin_ = reinterpret_cast<std::byte*>(up_to(reinterpret_cast<uintptr_t>(base_), kHugePage));
    ::madvise(begin_, kSlab, MADV_HUGEPAGE);
  }
  ~Addresses() {
    if (begin_) ::munmap(base_, kSlab + kHugePage);
  }
  Addresses(const Addresses&) = delete;
  Addresses& operator=(const Addresses&) = delete;

  std::byte* begin() const { return begin_; }   // null where the system gives none, or not as many as one likes
  // May bytes [0, end) be read and written to? In whole huge pages, else what comes next would begin on small ones.
  bool open(uint64_t end) {
    end = up_to(end, kHugePage);
    if (end <= open_) return true;
    if (::mprotect(begin_ + open_, end - open_, PROT_READ | PROT_WRITE) != 0) return false;
    open_ = end;
    return true;
  }
  void close_from(uint64_t end) {
    end = up_to(end, page_size());
    if (end >= open_) return;
    ::madvise(begin_ + end, open_ - end, MADV_DONTNEED);
    if (::mprotect(begin_ + end, open_ - end, PROT_NONE) == 0) open_ = end;
  }

 private:
  void* base_ = nullptr;
  std::byte* begin_ = nullptr;
  uint64_t open_ = 0;
};

// A tensor's part of a slab. Its whole pages go back to the system with it.
class Slabs::Part final : public Storage {
 public:
  Part(std::shared_ptr<Addresses> slab, uint64_t offset, uint64_t bytes) : slab_(std::move(slab)) {
    data_ = slab_->begin() + offset;
    size_ = bytes;
    writable_ = true;
  }
  ~Part() override {
    const uintptr_t begin = up_to(reinterpret_cast<uintptr_t>(data_), page_size()), end = (reinterpret_cast<uintptr_t>(data_) + size_) / page_size() * page_size();
    if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  }

 private:
  std::shared_ptr<Addresses> slab_;
};

Tensor Slabs::zeros(DType dtype, std::vector<int64_t> shape) {
  const std::optional<int64_t> count = checked_numel(shape);
  if (!count || uint64_t(*count) > kSlab / uint64_t(size_of(dtype))) return Tensor::zeros(dtype, std::move(shape));   // or says why it cannot be
  const uint64_t size = up_to(uint64_t(*count) * uint64_t(size_of(dtype)), 64);
  taken_ += size;
  if (taken_ <= kAlone) return Tensor::zeros(dtype, std::move(shape));
  if (!slab_ || slab_.use_count() == 1 || used_ + size > kSlab) {   // none, or one of which all has gone, or full
    trim();
    slab_ = std::make_shared<Addresses>();
    used_ = 0;
  }
  if (!slab_->begin() || !slab_->open(used_ + size)) {
    trim();
    return Tensor::zeros(dtype, std::move(shape));
  }
  const uint64_t offset = std::exchange(used_, used_ + size);
  return Tensor::view(std::make_shared<Part>(slab_, offset, size), dtype, std::move(shape));
}

void Slabs::trim() {
  if (slab_) slab_->close_from(used_);
}

}  // namespace orrery
