// A tensor: an element type, a shape, and a view over shared storage. Contiguous, row-major, cheap to pass by value.
//
//   Tensor x = Tensor::zeros(DType::f32, {7, 768});        // owns fresh memory
//   x.mutable_data<float>()[3] = 1;
//   Tensor head = x.rows(0, 2);                            // the same memory
//   Tensor w = Tensor::view(storage_of(std::move(mapped_file)), DType::bf16, {4, 4}, 128);
//   const float* values = w.to(DType::f32).data<float>();  // converted copy; the temporary must outlive the pointer
//
// Copying a tensor copies the view, not the values. A view over a mapped file is read-only: `mutable_data` throws.
// The shape `{}` is a single value; a shape with a zero has no values. Both are legal everywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/dtype.h"
#include "base/error.h"
#include "base/file.h"

namespace orrery {

// Bytes that tensors share. Freed when the last tensor over them goes.
class Storage {
 public:
  virtual ~Storage() = default;
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  const std::byte* data() const { return data_; }
  uint64_t size() const { return size_; }
  bool writable() const { return writable_; }

 protected:
  Storage() = default;
  std::byte* data_ = nullptr;  // written through only where writable_
  uint64_t size_ = 0;
  bool writable_ = false;
};

// Fresh memory of zeros, aligned to 64 bytes; from 2 MiB on, aligned to that and offered huge pages, and pages never
// touched cost nothing. Throws when the system has none left.
std::shared_ptr<Storage> allocate_storage(uint64_t bytes);
// What the process has on its heap now that is no tensor's: names, tables, lists. 0 where the system's library does not count it.
int64_t heap_beside_tensors();
// Gives the system back what was freed and lies idle on the heap, where its library can.
void trim_heap();
// A mapped file, read-only, kept mapped for as long as a tensor looks into it.
std::shared_ptr<Storage> storage_of(std::shared_ptr<const MappedFile> file);
std::shared_ptr<Storage> storage_of(MappedFile file);

// The DTypes whose elements are read as T: one for each C++ type, but for uint16_t, which is both 16-bit floats.
template <class T>
constexpr bool holds(DType dtype) {
  if constexpr (std::is_same_v<T, double>) return dtype == DType::f64;
  else if constexpr (std::is_same_v<T, float>) return dtype == DType::f32;
  else if constexpr (std::is_same_v<T, uint16_t>) return dtype == DType::bf16 || dtype == DType::f16;
  else if constexpr (std::is_same_v<T, int64_t>) return dtype == DType::i64;
  else if constexpr (std::is_same_v<T, int32_t>) return dtype == DType::i32;
  else if constexpr (std::is_same_v<T, int16_t>) return dtype == DType::i16;
  else if constexpr (std::is_same_v<T, int8_t>) return dtype == DType::i8;
  else if constexpr (std::is_same_v<T, uint8_t>) return dtype == DType::u8 || dtype == DType::boolean;
  else return false;
}

class Tensor {
 public:
  Tensor() : shape_{0} {}  // f32 [0]

  static Tensor zeros(DType dtype, std::vector<int64_t> shape);
  // A copy of `values`, whose number must be the shape's.
  static Tensor from(std::span<const float> values, std::vector<int64_t> shape);
  static Tensor from(std::span<const int32_t> values, std::vector<int64_t> shape);
  static Tensor from(std::span<const int64_t> values, std::vector<int64_t> shape);
  // Throws where the view leaves the storage or its first element is not aligned to its size.
  static Tensor view(std::shared_ptr<Storage> storage, DType dtype, std::vector<int64_t> shape,
                     uint64_t byte_offset = 0);

  DType dtype() const { return dtype_; }
  const std::vector<int64_t>& shape() const { return shape_; }
  int64_t rank() const { return int64_t(shape_.size()); }
  // Size of an axis; negative axes count from the end.
  int64_t dim(int64_t axis) const;
  int64_t numel() const { return numel_; }
  uint64_t bytes() const { return uint64_t(numel_) * uint64_t(size_of(dtype_)); }
  bool writable() const { return !storage_ || storage_->writable(); }
  const std::shared_ptr<Storage>& storage() const { return storage_; }

  const std::byte* raw() const { return data_; }
  std::byte* mutable_raw();  // throws over read-only storage
  // The elements, row-major. Throws where the dtype is not read as T (see `holds`).
  template <class T>
  const T* data() const {
    if (!holds<T>(dtype_)) wrong_type();
    return reinterpret_cast<const T*>(data_);
  }
  template <class T>
  T* mutable_data() {
    if (!holds<T>(dtype_)) wrong_type();
    return reinterpret_cast<T*>(mutable_raw());
  }
  template <class T>
  std::span<const T> values() const {
    return {data<T>(), size_t(numel_)};
  }

  // The same values as `dtype`: this view where it is that already, else a fresh tensor. Floats round to nearest even;
  // whole numbers that do not fit, and floats to whole numbers, throw.
  Tensor to(DType dtype) const;
  Tensor clone() const;                              // fresh, writable memory with the same values
  Tensor rows(int64_t begin, int64_t end) const;     // view of [begin, end) of the first axis
  Tensor reshape(std::vector<int64_t> shape) const;  // view; the same number of elements

 private:
  [[noreturn]] void wrong_type() const;

  std::shared_ptr<Storage> storage_;
  std::byte* data_ = nullptr;
  std::vector<int64_t> shape_;
  int64_t numel_ = 0;
  DType dtype_ = DType::f32;
};

// "[7, 512]"; kAny is written "*".
inline constexpr int64_t kAny = -1;
std::string shape_text(std::span<const int64_t> shape);
// Number of elements; nothing where a size is negative or the product is 2^63 or more.
std::optional<int64_t> checked_numel(std::span<const int64_t> shape);

// Throws "x is [7, 512], expected [*, 768]" unless the shapes agree; kAny agrees with every size.
void expect_shape(std::string_view name, std::span<const int64_t> shape, std::initializer_list<int64_t> expected);
inline void expect_shape(std::string_view name, const Tensor& tensor, std::initializer_list<int64_t> expected) {
  expect_shape(name, tensor.shape(), expected);
}
// The same for shapes that came from a file.
Status check_shape(std::string_view name, std::span<const int64_t> shape, std::span<const int64_t> expected,
                   std::string where);

}  // namespace orrery
