#include "tensor/tensor.h"

#include <cstring>
#include <limits>
#include <utility>

namespace orrery {

namespace {
bool is_float(DType dtype) {
  return dtype == DType::f64 || dtype == DType::f32 || dtype == DType::bf16 || dtype == DType::f16;
}

// Calls f with a value of the C++ type that holds a whole-number dtype.
template <class F>
void with_integer_type(DType dtype, F f) {
  switch (dtype) {
    case DType::i64: return f(int64_t{});
    case DType::i32: return f(int32_t{});
    case DType::i16: return f(int16_t{});
    case DType::i8: return f(int8_t{});
    default: return f(uint8_t{});  // u8 and boolean
  }
}

void integers_to_doubles(const Tensor& from, Tensor& to) {
  with_integer_type(from.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T* source = from.data<T>();
    double* target = to.mutable_data<double>();
    for (int64_t i = 0; i < from.numel(); ++i) target[i] = double(source[i]);
  });
}

void integers_to_integers(const Tensor& from, Tensor& to) {
  with_integer_type(from.dtype(), [&](auto from_zero) {
    with_integer_type(to.dtype(), [&](auto to_zero) {
      using From = decltype(from_zero);
      using To = decltype(to_zero);
      const int64_t highest = to.dtype() == DType::boolean ? 1 : int64_t(std::numeric_limits<To>::max());
      const From* source = from.data<From>();
      To* target = to.template mutable_data<To>();
      for (int64_t i = 0; i < from.numel(); ++i) {
        const int64_t value = int64_t(source[i]);
        if (value < int64_t(std::numeric_limits<To>::min()) || value > highest)
          throw Error{ErrorKind::out_of_range,
                      "element " + std::to_string(i) + " is " + std::to_string(value) + ", which does not fit " +
                          name_of(to.dtype()),
                      ""};
        target[i] = To(value);
      }
    });
  });
}

template <class T>
Tensor copy_of(std::span<const T> values, std::vector<int64_t> shape, DType dtype) {
  Tensor tensor = Tensor::zeros(dtype, std::move(shape));
  if (int64_t(values.size()) != tensor.numel())
    throw Error{ErrorKind::bad_usage,
                std::to_string(values.size()) + " values given for the shape " + shape_text(tensor.shape()), ""};
  if (!values.empty()) std::memcpy(tensor.mutable_raw(), values.data(), values.size_bytes());
  return tensor;
}

int64_t numel_or_throw(DType dtype, std::span<const int64_t> shape) {
  const std::optional<int64_t> numel = checked_numel(shape);
  if (!numel || *numel > std::numeric_limits<int64_t>::max() / size_of(dtype))
    throw Error{ErrorKind::bad_usage, "impossible shape " + shape_text(shape), ""};
  return *numel;
}
}  // namespace

Tensor Tensor::zeros(DType dtype, std::vector<int64_t> shape) {
  const int64_t numel = numel_or_throw(dtype, shape);
  return view(allocate_storage(uint64_t(numel) * uint64_t(size_of(dtype))), dtype, std::move(shape));
}

Tensor Tensor::from(std::span<const float> values, std::vector<int64_t> shape) {
  return copy_of(values, std::move(shape), DType::f32);
}
Tensor Tensor::from(std::span<const int32_t> values, std::vector<int64_t> shape) {
  return copy_of(values, std::move(shape), DType::i32);
}
Tensor Tensor::from(std::span<const int64_t> values, std::vector<int64_t> shape) {
  return copy_of(values, std::move(shape), DType::i64);
}

Tensor Tensor::view(std::shared_ptr<Storage> storage, DType dtype, std::vector<int64_t> shape, uint64_t byte_offset) {
  Tensor tensor;
  tensor.numel_ = numel_or_throw(dtype, shape);
  tensor.dtype_ = dtype;
  tensor.shape_ = std::move(shape);
  if (byte_offset > storage->size() || tensor.bytes() > storage->size() - byte_offset)
    throw Error{ErrorKind::bad_usage,
                "a view of " + std::to_string(tensor.bytes()) + " bytes at byte " + std::to_string(byte_offset) +
                    " leaves its storage of " + std::to_string(storage->size()) + " bytes",
                ""};
  if (storage->size() != 0) tensor.data_ = const_cast<std::byte*>(storage->data()) + byte_offset;
  if (reinterpret_cast<uintptr_t>(tensor.data_) % uintptr_t(size_of(dtype)) != 0)
    throw Error{ErrorKind::bad_usage,
                "a view at byte " + std::to_string(byte_offset) + " is not aligned for " + name_of(dtype), ""};
  tensor.storage_ = std::move(storage);
  return tensor;
}

int64_t Tensor::dim(int64_t axis) const {
  const int64_t index = axis < 0 ? axis + rank() : axis;
  if (index < 0 || index >= rank())
    throw Error{ErrorKind::bad_usage, "axis " + std::to_string(axis) + " of a tensor of shape " + shape_text(shape_),
                ""};
  return shape_[size_t(index)];
}

std::byte* Tensor::mutable_raw() {
  if (!writable())
    throw Error{ErrorKind::bad_usage, "this tensor lies in a mapped file and is read-only", "", "clone() it first"};
  return data_;
}

void Tensor::wrong_type() const {
  throw Error{ErrorKind::bad_usage, std::string("a tensor of ") + name_of(dtype_) + " read as another type", ""};
}

Tensor Tensor::to(DType dtype) const {
  if (dtype == dtype_) return *this;
  Tensor result = zeros(dtype, shape_);
  if (is_float(dtype_) && is_float(dtype)) {
    convert(data_, dtype_, result.data_, dtype, numel_);
  } else if (is_float(dtype_)) {
    throw Error{ErrorKind::unsupported, std::string("no conversion from ") + name_of(dtype_) + " to " + name_of(dtype),
                ""};
  } else if (is_float(dtype)) {
    if (dtype == DType::f64) {
      integers_to_doubles(*this, result);
    } else {
      Tensor doubles = zeros(DType::f64, shape_);
      integers_to_doubles(*this, doubles);
      convert(doubles.data_, DType::f64, result.data_, dtype, numel_);
    }
  } else {
    integers_to_integers(*this, result);
  }
  return result;
}

Tensor Tensor::clone() const {
  Tensor result = zeros(dtype_, shape_);
  if (numel_ != 0) std::memcpy(result.data_, data_, size_t(bytes()));
  return result;
}

Tensor Tensor::rows(int64_t begin, int64_t end) const {
  const int64_t count = dim(0);
  if (begin < 0 || begin > end || end > count)
    throw Error{
        ErrorKind::bad_usage,
        "rows " + std::to_string(begin) + " to " + std::to_string(end) + " of a tensor of shape " + shape_text(shape_),
        ""};
  Tensor part = *this;
  part.shape_[0] = end - begin;
  part.numel_ = count == 0 ? 0 : numel_ / count * (end - begin);
  if (data_ && count != 0) part.data_ += numel_ / count * begin * size_of(dtype_);
  return part;
}

Tensor Tensor::reshape(std::vector<int64_t> shape) const {
  if (checked_numel(shape) != numel_)
    throw Error{ErrorKind::bad_usage,
                "a tensor of shape " + shape_text(shape_) + " cannot be seen as " + shape_text(shape), ""};
  Tensor result = *this;
  result.shape_ = std::move(shape);
  return result;
}

std::string shape_text(std::span<const int64_t> shape) {
  std::string text = "[";
  for (const int64_t size : shape) {
    if (text.size() > 1) text += ", ";
    text += size == kAny ? "*" : std::to_string(size);
  }
  return text + "]";
}

std::optional<int64_t> checked_numel(std::span<const int64_t> shape) {
  bool empty = false;
  int64_t product = 1;
  for (const int64_t size : shape) {
    if (size < 0) return std::nullopt;
    if (size == 0) {
      empty = true;
    } else {
      // The sizes beside a zero must have a product too, so that strides can be computed.
      if (product > std::numeric_limits<int64_t>::max() / size) return std::nullopt;
      product *= size;
    }
  }
  return empty ? 0 : product;
}

namespace {
bool agrees(std::span<const int64_t> shape, std::span<const int64_t> expected) {
  if (shape.size() != expected.size()) return false;
  for (size_t i = 0; i < shape.size(); ++i)
    if (expected[i] != kAny && shape[i] != expected[i]) return false;
  return true;
}
}  // namespace

void expect_shape(std::string_view name, std::span<const int64_t> shape, std::initializer_list<int64_t> expected) {
  const std::span<const int64_t> sizes(expected.begin(), expected.size());
  if (!agrees(shape, sizes))
    throw Error{ErrorKind::bad_usage,
                std::string(name) + " is " + shape_text(shape) + ", expected " + shape_text(sizes), ""};
}

Status check_shape(std::string_view name, std::span<const int64_t> shape, std::span<const int64_t> expected,
                   std::string where) {
  if (agrees(shape, expected)) return done();
  return Error{ErrorKind::bad_file,
               std::string(name) + " is " + shape_text(shape) + ", expected " + shape_text(expected), std::move(where)};
}

}  // namespace orrery
