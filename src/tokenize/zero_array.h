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
