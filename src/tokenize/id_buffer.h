// Ids that are being made: a vector whose room is not filled with zeros first.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>

namespace orrery {

class IdBuffer {
 public:
  // Where `count` more may be written.
  int32_t* room(size_t count) {
    if (size_ + count > capacity_) grow(count);
    return data_.get() + size_;
  }
  void took(size_t count) { size_ += count; }
  void push_back(int32_t id) {
    *room(1) = id;
    took(1);
  }
  void append(std::span<const int32_t> ids) {
    std::copy(ids.begin(), ids.end(), room(ids.size()));
    took(ids.size());
  }
  std::span<const int32_t> ids() const { return {data_.get(), size_}; }
  size_t size() const { return size_; }
  void clear() {
    size_ = 0;
    if (capacity_ > kMostKept) data_.reset(), capacity_ = 0;
  }
  void reserve(size_t count) {
    if (count > capacity_) resize(count);
  }
  void shrink_to_fit() {
    if (size_ < capacity_) resize(std::max<size_t>(size_, 1));
  }

 private:
  static constexpr size_t kMostKept = size_t(1) << 20;

  void grow(size_t count) { resize(std::max<size_t>({2 * capacity_, size_ + count, 1024})); }
  void resize(size_t capacity) {
    auto* const moved = static_cast<int32_t*>(std::realloc(data_.get(), capacity * sizeof(int32_t)));
    if (!moved) throw std::bad_alloc();
    static_cast<void>(data_.release());   // realloc has freed it, or it is what was moved
    data_.reset(moved);
    capacity_ = capacity;
  }

  struct Free {
    void operator()(int32_t* data) const { std::free(data); }
  };
  std::unique_ptr<int32_t[], Free> data_;
  size_t size_ = 0, capacity_ = 0;
};

}  // namespace orrery
