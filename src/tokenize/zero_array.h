// An array of zeros, for tables that are large and mostly empty.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace orrery {

// Its pages cost nothing until they are touched; large ones where the system has them. Throws where memory is out.
template <class T>
class ZeroArray {
 public:
  ZeroArray() = default;
  // One that is soon used all over has its pages made at once, where the system does that: of a page that is read before it is written
  // the system takes note twice, and the second time it stops all threads.
  static ZeroArray dense(size_t count) {
    ZeroArray made(count);
#if defined(MADV_POPULATE_WRITE)
    constexpr uintptr_t kPage = 4096;
    const auto begin = reinterpret_cast<uintptr_t>(made.data_), end = (begin + count * sizeof(T)) & ~(kPage - 1), first = (begin + kPage - 1) & ~(kPage - 1);
    if (first < end) madvise(reinterpret_cast<void*>(first), end - first, MADV_POPULATE_WRITE);   // what is refused is made when it is touched
#endif
    return made;
  }
  explicit ZeroArray(size_t count) {
    constexpr size_t kLine = 64, kLarge = size_t(1) << 21;
    const size_t bytes = count * sizeof(T), unit = bytes >= kLarge ? kLarge : kLine;
    whole_.reset(std::calloc(bytes + unit, 1));
    if (!whole_) throw std::bad_alloc();
    data_ = reinterpret_cast<T*>((reinterpret_cast<uintptr_t>(whole_.get()) + unit - 1) & ~uintptr_t(unit - 1));
#if defined(MADV_HUGEPAGE)
    if (bytes >= kLarge) madvise(static_cast<void*>(data_), bytes & ~(kLarge - 1), MADV_HUGEPAGE);   // advice: a refusal changes nothing
#endif
  }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }
  bool empty() const { return !whole_; }

 private:
  struct Free {
    void operator()(void* data) const { std::free(data); }
  };
  std::unique_ptr<void, Free> whole_;
  T* data_ = nullptr;
};

}  // namespace orrery
