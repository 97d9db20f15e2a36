#include "base/npy.h"

#include <array>
#include <cstring>
#include <limits>
#include <optional>

namespace orrery {

namespace {
constexpr std::string_view kMagic = "\x93NUMPY";
constexpr size_t kMaxRank = 64;  // NumPy's limit

struct Header {
  std::string type;
  std::vector<int64_t> shape;
  bool fortran_order = false;
};

// The header is a Python literal: {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : text_(text) {}

  // What is wrong, or nothing.
  std::optional<std::string> parse(Header& header) {
    bool seen_type = false, seen_order = false, seen_shape = false;
    if (!take('{')) return "the header is not a dictionary";
    while (!take('}')) {
      std::string key;
      if (!string(key) || !take(':')) return "the header is not a dictionary of names";
      bool* const seen = key == "descr"           ? &seen_type
                         : key == "fortran_order" ? &seen_order
                         : key == "shape"         ? &seen_shape
                                                  : nullptr;
      if (!seen) return "the header has the unknown key '" + key + "'";
      if (std::exchange(*seen, true)) return "the header has two '" + key + "'";
      if (seen == &seen_type && !string(header.type)) return "the array has a structured type, which is not supported";
      if (seen == &seen_order && !truth(header.fortran_order))
        return "the header's fortran_order is neither True nor False";
      if (seen == &seen_shape && !sizes(header.shape)) return "the header's shape is not a tuple of up to 64 sizes";
      if (!take(',') && !peek('}')) return "the header has no ',' after '" + key + "'";
    }
    skip();
    if (!text_.empty()) return "the header goes on after its '}'";
    if (!seen_type || !seen_order || !seen_shape) return "the header lacks one of descr, fortran_order and shape";
    return std::nullopt;
  }

 private:
  void skip() {
    const size_t at = text_.find_first_not_of(" \t\r\n");
    text_.remove_prefix(at == std::string_view::npos ? text_.size() : at);
  }
  bool peek(char c) {
    skip();
    return text_.starts_with(c);
  }
  bool take(char c) {
    if (!peek(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool string(std::string& value) {
    skip();
    if (text_.empty() || (text_.front() != '\'' && text_.front() != '"')) return false;
    const size_t end = text_.find(text_.front(), 1);
    if (end == std::string_view::npos) return false;
    value = text_.substr(1, end - 1);
    text_.remove_prefix(end + 1);
    return value.find('\\') == std::string::npos;
  }
  bool truth(bool& value) {
    skip();
    value = text_.starts_with("True");
    if (!value && !text_.starts_with("False")) return false;
    text_.remove_prefix(value ? 4 : 5);
    return true;
  }
  bool sizes(std::vector<int64_t>& shape) {
    if (!take('(')) return false;
    while (!take(')')) {
      skip();
      int64_t size = 0;
      size_t digits = 0;
      for (; digits < text_.size() && text_[digits] >= '0' && text_[digits] <= '9'; ++digits) {
        const int digit = text_[digits] - '0';
        if (size > (std::numeric_limits<int64_t>::max() - digit) / 10) return false;
        size = size * 10 + digit;
      }
      if (digits == 0 || shape.size() == kMaxRank) return false;
      text_.remove_prefix(digits);
      shape.push_back(size);
      if (!take(',') && !peek(')')) return false;
    }
    return true;
  }

  std::string_view text_;
};

// Bytes of an array, where that is below 2^63.
std::optional<uint64_t> bytes_of(std::span<const int64_t> shape, uint64_t width) {
  uint64_t bytes = width;
  bool empty = false;
  for (const int64_t size : shape) {
    if (size < 0) return std::nullopt;
    if (size == 0) {
      empty = true;
    } else if (bytes > uint64_t(std::numeric_limits<int64_t>::max()) / uint64_t(size)) {
      return std::nullopt;
    } else {
      bytes *= uint64_t(size);
    }
  }
  return empty ? 0 : bytes;
}

std::optional<uint64_t> width_of(std::string_view type) {
  if (type == "<f4" || type == "<i4" || type == "<u4") return 4;
  if (type == "<f8" || type == "<i8") return 8;
  return std::nullopt;
}

Result<NamedArrays> arrays_of(const std::vector<ZipEntry>& entries, const std::string& where) {
  NamedArrays arrays;
  for (const ZipEntry& entry : entries) {
    if (!entry.name.ends_with(".npy")) continue;
    Result<NpyArray> array = parse_npy(entry.bytes, where + ", entry " + entry.name);
    if (!array) return array.error();
    arrays.emplace_back(entry.name.substr(0, entry.name.size() - 4), std::move(*array));
  }
  return arrays;
}

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}
}  // namespace

Result<NpyArray> parse_npy(std::string_view file, const std::string& where) {
  const auto wrong = [&](std::string what, ErrorKind kind = ErrorKind::bad_file) {
    return Error{kind, std::move(what), where};
  };
  if (!file.starts_with(kMagic)) return wrong("this is not an .npy file: it does not start with \\x93NUMPY");
  if (file.size() < 10) return wrong("the file ends inside its header");
  const int version = file[6];
  if (version < 1 || version > 3)
    return wrong("version " + std::to_string(version) + " of the .npy format is not known", ErrorKind::unsupported);
  const size_t width = version == 1 ? 2 : 4, start = 8 + width;
  if (file.size() < start) return wrong("the file ends inside its header");
  size_t length = 0;
  for (size_t i = width; i-- > 0;) length = (length << 8) | uint8_t(file[8 + i]);
  if (length > file.size() - start)
    return wrong("the header claims " + std::to_string(length) + " bytes, but only " +
                 std::to_string(file.size() - start) + " follow");

  Header header;
  if (auto what = HeaderParser(file.substr(start, length)).parse(header)) return wrong(std::move(*what));
  const std::optional<uint64_t> element = width_of(header.type);
  if (!element)
    return wrong(
        "elements of the type '" + header.type.substr(0, 32) + "' are not supported: <f4, <f8, <i4, <i8 and <u4 are",
        ErrorKind::unsupported);
  if (header.fortran_order && header.shape.size() > 1)
    return wrong("the array is column-major (fortran_order), which is not supported", ErrorKind::unsupported);
  const std::optional<uint64_t> bytes = bytes_of(header.shape, *element);
  const std::string_view elements = file.substr(start + length);
  if (!bytes) return wrong("the array's shape overflows 64 bits");
  if (*bytes != elements.size())
    return wrong("the array takes " + std::to_string(*bytes) + " bytes, but " + std::to_string(elements.size()) +
                 " follow its header");
  const std::byte* first = reinterpret_cast<const std::byte*>(elements.data());
  return NpyArray{std::move(header.type), std::move(header.shape), {first, first + elements.size()}};
}

Result<NamedArrays> parse_npz(std::string_view file, const std::string& where) {
  const Result<std::vector<ZipEntry>> entries = parse_zip(file, where);
  if (!entries) return entries.error();
  return arrays_of(*entries, where);
}

Result<NpyArray> read_npy(const std::filesystem::path& path) {
  const Result<MappedFile> file = MappedFile::open(path);
  if (!file) return file.error();
  return parse_npy(text_of(*file), path.string());
}

Result<NamedArrays> read_npz(const std::filesystem::path& path) {
  const Result<MappedFile> file = MappedFile::open(path);
  if (!file) return file.error();
  return parse_npz(text_of(*file), path.string());
}

std::string npy_header(const char* type, std::span<const int64_t> shape) {
  std::string text = std::string("{'descr': '") + type + "', 'fortran_order': False, 'shape': (";
  for (size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  text += shape.size() == 1 ? ",), }" : "), }";
  const size_t before = kMagic.size() + 4;  // the magic, two bytes of version, two of length
  text.append(63 - (before + text.size()) % 64, ' ');
  text += '\n';
  const std::array<char, 4> version_and_length = {1, 0, char(uint8_t(text.size())), char(uint8_t(text.size() >> 8))};
  return std::string(kMagic) + std::string(version_and_length.data(), 4) + text;
}

void expect_count(std::span<const int64_t> shape, size_t count) {
  const std::optional<uint64_t> elements = bytes_of(shape, 1);
  if (shape.size() > kMaxRank || !elements || *elements != count)
    throw Error{ErrorKind::bad_usage, std::to_string(count) + " values do not fill the array's shape", ""};
}

Status write_npy_bytes(const std::filesystem::path& path, const std::string& header, std::string_view elements) {
  AtomicFile file(path);
  file.write(header);
  file.write(elements);
  return file.commit();
}

}  // namespace orrery
