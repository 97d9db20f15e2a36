// NumPy's array files: .npy (one array) and .npz (a zip of named ones). Format: numpy.lib.format, versions 1 to 3.
//
//   Status written = write_npy("pattern.npy", {12, 7, 7}, std::span<const float>(pattern));
//   NpzWriter npz("run.npz");
//   npz.add("loss", {steps}, std::span<const double>(loss));
//   Status all = npz.commit();                       // numpy.load("run.npz")["loss"]
//   for (const auto& [name, array] : read_npz("run.npz").value()) …
//
// Element types: float, double, int32_t, int64_t, uint32_t; row-major, little-endian.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/zip.h"

namespace orrery {

// NumPy's word for an element type: "<f4".
template <class T>
const char* npy_type();
template <>
inline const char* npy_type<float>() {
  return "<f4";
}
template <>
inline const char* npy_type<double>() {
  return "<f8";
}
template <>
inline const char* npy_type<int32_t>() {
  return "<i4";
}
template <>
inline const char* npy_type<int64_t>() {
  return "<i8";
}
template <>
inline const char* npy_type<uint32_t>() {
  return "<u4";
}

struct NpyArray {
  std::string type;  // one of the words above
  std::vector<int64_t> shape;
  std::vector<std::byte> bytes;

  // The elements, row-major; throws where they are of another type.
  template <class T>
  std::span<const T> values() const {
    if (type != npy_type<T>())
      throw Error{ErrorKind::bad_usage, "an array of " + type + " read as " + npy_type<T>(), ""};
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
};
using NamedArrays = std::vector<std::pair<std::string, NpyArray>>;

// From the bytes of a file; `where` names it in errors.
Result<NpyArray> parse_npy(std::string_view file, const std::string& where);
Result<NamedArrays> parse_npz(std::string_view file,
                              const std::string& where);  // entries other than NAME.npy are left out
Result<NpyArray> read_npy(const std::filesystem::path& path);
Result<NamedArrays> read_npz(const std::filesystem::path& path);

// Everything in front of the elements, padded so that they begin at a multiple of 64 bytes.
std::string npy_header(const char* type, std::span<const int64_t> shape);
// Throws unless `count` elements fill the shape.
void expect_count(std::span<const int64_t> shape, size_t count);

Status write_npy_bytes(const std::filesystem::path& path, const std::string& header, std::string_view elements);
template <class T>
Status write_npy(const std::filesystem::path& path, const std::vector<int64_t>& shape, std::span<const T> values) {
  expect_count(shape, values.size());
  return write_npy_bytes(path, npy_header(npy_type<T>(), shape),
                         {reinterpret_cast<const char*>(values.data()), values.size_bytes()});
}

// Writes the archive whole or not at all. A name may hold dots and slashes, as in "h.0.attn/q".
class NpzWriter {
 public:
  explicit NpzWriter(std::filesystem::path path) : zip_(std::move(path)) {}
  template <class T>
  void add(const std::string& name, const std::vector<int64_t>& shape, std::span<const T> values) {
    expect_count(shape, values.size());
    zip_.add(name + ".npy",
             {npy_header(npy_type<T>(), shape), {reinterpret_cast<const char*>(values.data()), values.size_bytes()}});
  }
  Status commit() { return zip_.commit(); }

 private:
  ZipWriter zip_;
};

}  // namespace orrery
