// Ids that are being made: a vector whose room is not filled with zeros first.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
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
  void clear() {
    size_ = 0;
    if (capacity_ > kMostKept) data_.reset(), capacity_ = 0;
  }

 private:
  static constexpr size_t kMostKept = size_t(1) << 20;

  void grow(size_t count) {
    const size_t wanted = std::max<size_t>({2 * capacity_, size_ + count, 1024});
    auto larger = std::make_unique_for_overwrite<int32_t[]>(wanted);
    std::copy_n(data_.get(), size_, larger.get());
    data_ = std::move(larger);
    capacity_ = wanted;
  }

  std::unique_ptr<int32_t[]> data_;
  size_t size_ = 0, capacity_ = 0;
};

}  // namespace orrery
