// Reads and checks the header of a safetensors file.
//
// The JSON is read event by event: a document object of a 100 MB header would take gigabytes, would keep only one of two
// tensors of the same name, and takes quadratic time to build.
#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <optional>

#include "base/json.h"
#include "checkpoint/safetensors.h"

static_assert(std::endian::native == std::endian::little, "tensors are viewed in files, which are little-endian");

namespace orrery {

namespace {
constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the reference implementation's limit
constexpr size_t kMaxRank = 64;                    // NumPy's limit; bounds what one header can make us allocate

struct DTypeWord {
  const char* word;
  DType dtype;
};
constexpr DTypeWord kWords[] = {
    {"F64", DType::f64}, {"F32", DType::f32}, {"BF16", DType::bf16}, {"F16", DType::f16}, {"I64", DType::i64},
    {"I32", DType::i32}, {"I16", DType::i16}, {"I8", DType::i8},     {"U8", DType::u8},   {"BOOL", DType::boolean}};

std::string known_words() {
  std::string list;
  for (const DTypeWord& entry : kWords) list += (list.empty() ? "" : ", ") + std::string(entry.word);
  return list;
}

// Names come from the file: long ones are cut in messages.
std::string in_quotes(std::string_view name) {
  constexpr size_t kLongest = 120;
  if (name.size() <= kLongest) return "'" + std::string(name) + "'";
  return "'" + std::string(name.substr(0, kLongest)) + "…'";
}

// Receives the JSON events. Depth 1 is the header's object, 2 a tensor or the metadata, 3 an array of sizes.
class HeaderEvents final : public nlohmann::json_sax<Json> {
 public:
  explicit HeaderEvents(const std::string& where) : where_(where) {}
  SafetensorsHeader header;
  std::optional<Error> error;

  bool start_object(size_t) override {
    if (depth_ == 2 || in_array_) return unexpected("an object");
    ++depth_;
    if (depth_ == 2 && !in_metadata_) {
      header.tensors.emplace_back().name = name_;
      has_dtype_ = has_shape_ = has_offsets_ = false;
    }
    return true;
  }

  bool end_object() override {
    if (depth_ == 2 && !in_metadata_) {
      for (const auto& [there, field] :
           {std::pair{has_dtype_, "dtype"}, {has_shape_, "shape"}, {has_offsets_, "data_offsets"}})
        if (!there) return fail("tensor " + in_quotes(name_) + " has no '" + field + "'");
    }
    --depth_;
    return true;
  }

  bool key(std::string& text) override {
    if (depth_ == 1) {
      in_metadata_ = text == "__metadata__";
      if (in_metadata_ && std::exchange(seen_metadata_, true)) return fail("the header has two '__metadata__'");
      name_ = std::move(text);
      return true;
    }
    if (in_metadata_) {
      header.metadata.emplace_back(std::move(text), "");
      return true;
    }
    field_ = std::move(text);
    bool* const seen = field_ == "dtype"          ? &has_dtype_
                       : field_ == "shape"        ? &has_shape_
                       : field_ == "data_offsets" ? &has_offsets_
                                                  : nullptr;
    if (!seen) return fail("tensor " + in_quotes(name_) + " has the unknown field " + in_quotes(field_));
    if (std::exchange(*seen, true)) return fail("tensor " + in_quotes(name_) + " has two '" + field_ + "'");
    return true;
  }

  bool string(std::string& text) override {
    if (depth_ == 2 && in_metadata_) {
      header.metadata.back().second = std::move(text);
      return true;
    }
    if (depth_ != 2 || in_array_ || field_ != "dtype") return unexpected("a string");
    for (const DTypeWord& entry : kWords) {
      if (text == entry.word) {
        header.tensors.back().dtype = entry.dtype;
        return true;
      }
    }
    return fail(
        "tensor " + in_quotes(name_) + " has the dtype " + in_quotes(text) + ", which is not one of " + known_words(),
        ErrorKind::unsupported);
  }

  bool start_array(size_t) override {
    if (depth_ != 2 || in_metadata_ || in_array_ || field_ == "dtype") return unexpected("a list");
    in_array_ = true;
    negative_ = false;
    count_ = 0;
    return true;
  }

  bool end_array() override {
    in_array_ = false;
    if (field_ != "data_offsets") return true;
    const TensorInfo& tensor = header.tensors.back();
    if (negative_)
      return fail("tensor " + in_quotes(name_) + " has a negative offset: data_offsets are [" +
                  std::to_string(int64_t(tensor.begin)) + ", " + std::to_string(int64_t(tensor.end)) + "]");
    if (count_ != 2)
      return fail("tensor " + in_quotes(name_) + " has " + std::to_string(count_) + " data_offsets instead of 2");
    return true;
  }

  bool number_unsigned(uint64_t value) override {
    if (!in_array_) return unexpected("a number");
    TensorInfo& tensor = header.tensors.back();
    ++count_;
    if (field_ == "shape") {
      if (value > uint64_t(std::numeric_limits<int64_t>::max()))
        return fail("tensor " + in_quotes(name_) + " has the size " + std::to_string(value));
      if (count_ > kMaxRank)
        return fail("tensor " + in_quotes(name_) + " has more than " + std::to_string(kMaxRank) + " axes");
      tensor.shape.push_back(int64_t(value));
    } else {
      offset(value);
    }
    return true;
  }
  bool number_integer(int64_t value) override {
    if (!in_array_) return unexpected("a number");
    if (field_ == "shape") return fail("tensor " + in_quotes(name_) + " has a negative size " + std::to_string(value));
    ++count_;
    offset(uint64_t(value));
    negative_ = true;  // refused once both are known
    return true;
  }
  bool number_float(double, const std::string& text) override {
    if (!in_array_) return unexpected("a number");
    return fail("tensor " + in_quotes(name_) + " has the " + (field_ == "shape" ? "size " : "offset ") +
                in_quotes(text) + ", not a whole number of 64 bits");
  }
  bool null() override { return unexpected("null"); }
  bool boolean(bool) override { return unexpected("a truth value"); }
  bool binary(Json::binary_t&) override { return unexpected("bytes"); }

  bool parse_error(size_t position, const std::string&, const Json::exception& reason) override {
    std::string what = reason.what();
    if (const size_t tag = what.find("] "); what.starts_with('[') && tag != std::string::npos)
      what = what.substr(tag + 2);
    if (const size_t colon = what.find(": ", what.find("column")); colon != std::string::npos)
      what = what.substr(colon + 2);
    std::replace(what.begin(), what.end(), '\n', ' ');
    error = Error{ErrorKind::bad_file, "the header is not valid JSON: " + what,
                  where_ + ", header byte " + std::to_string(position)};
    return false;
  }

 private:
  bool fail(std::string what, ErrorKind kind = ErrorKind::bad_file) {
    error = Error{kind, std::move(what), where_};
    return false;
  }
  bool unexpected(const std::string& found) {
    if (depth_ == 0) return fail("the header is " + found + " instead of an object");
    if (in_metadata_ && depth_ == 2)
      return fail("the metadata value of key " + in_quotes(header.metadata.back().first) + " is " + found +
                  ", not a string");
    if (depth_ == 1) return fail("the header's entry " + in_quotes(name_) + " is " + found + " instead of an object");
    return fail("tensor " + in_quotes(name_) + " has " + found + " in its field '" + field_ + "'");
  }

  void offset(uint64_t value) {
    if (count_ <= 2) (count_ == 1 ? header.tensors.back().begin : header.tensors.back().end) = value;
  }

  const std::string& where_;
  int depth_ = 0;
  bool in_metadata_ = false, seen_metadata_ = false, in_array_ = false, negative_ = false;
  bool has_dtype_ = false, has_shape_ = false, has_offsets_ = false;
  size_t count_ = 0;
  std::string name_, field_;
};

template <class Items, class NameOf>
std::optional<std::string> duplicate(const Items& items, NameOf name_of_item) {
  std::vector<std::string_view> names;
  names.reserve(items.size());
  for (const auto& item : items) names.push_back(name_of_item(item));
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice == names.end()) return std::nullopt;
  return std::string(*twice);
}

std::string offsets_text(const TensorInfo& t) {
  return "[" + std::to_string(t.begin) + ", " + std::to_string(t.end) + "]";
}

// Offsets count from `data_begin`, and the tensors must fill the rest of the file exactly. Makes them count from the file's start.
Status place(std::vector<TensorInfo>& tensors, uint64_t data_begin, uint64_t file_size, const std::string& where) {
  const uint64_t data_size = file_size - data_begin;
  std::stable_sort(tensors.begin(), tensors.end(), [](const TensorInfo& a, const TensorInfo& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  uint64_t filled = 0;
  const TensorInfo* previous = nullptr;
  for (TensorInfo& tensor : tensors) {
    const auto wrong = [&](const std::string& what, std::string hint = "") {
      return Error{ErrorKind::bad_file, "tensor " + in_quotes(tensor.name) + what, where, std::move(hint)};
    };
    if (tensor.begin > tensor.end) return wrong(" ends before it begins: data_offsets are " + offsets_text(tensor));
    if (tensor.end > data_size)
      return wrong(" ends " + std::to_string(tensor.end - data_size) + " bytes past the file",
                   "the download may be incomplete: fetch the file again");
    const std::optional<int64_t> numel = checked_numel(tensor.shape);
    const uint64_t width = uint64_t(size_of(tensor.dtype)), size = tensor.end - tensor.begin;
    if (!numel || uint64_t(*numel) > std::numeric_limits<uint64_t>::max() / width)
      return wrong(" has the shape " + shape_text(tensor.shape) + ", which overflows 64 bits");
    if (uint64_t(*numel) * width != size)
      return wrong(" of " + shape_text(tensor.shape) + " " + name_of(tensor.dtype) + " takes " +
                   std::to_string(uint64_t(*numel) * width) + " bytes, but its data_offsets span " +
                   std::to_string(size));
    if (tensor.begin < filled)
      return wrong(" overlaps tensor " + in_quotes(previous->name) + ": " + offsets_text(tensor) +
                   " begins before byte " + std::to_string(filled));
    if (tensor.begin > filled)
      return wrong(" leaves a gap before it: bytes " + std::to_string(filled) + " to " + std::to_string(tensor.begin) +
                   " belong to no tensor");
    filled = tensor.end;
    previous = &tensor;
  }
  if (filled != data_size)
    return Error{ErrorKind::bad_file,
                 std::to_string(data_size - filled) + " bytes after the last tensor belong to none", where};
  for (TensorInfo& tensor : tensors) {
    tensor.begin += data_begin;
    tensor.end += data_begin;
  }
  return done();
}

// What the file is instead, where its first bytes tell.
std::string other_format(std::string_view bytes) {
  if (bytes.starts_with("version https://git-lfs"))
    return "this is a Git LFS pointer, not the file itself: run `git lfs pull`";
  if (bytes.starts_with("PK\x03\x04")) return "this looks like a zip archive, as PyTorch's .bin files are";
  if (bytes.starts_with("GGUF")) return "this looks like a GGUF file";
  if (bytes.starts_with("<")) return "this looks like a web page: the download went wrong";
  return "";
}
}  // namespace

Result<SafetensorsHeader> parse_safetensors(std::span<const std::byte> file, const std::string& where) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  const auto wrong = [&](std::string what) {
    return Error{ErrorKind::bad_file, std::move(what), where, other_format(text)};
  };
  if (text.size() < 8)
    return wrong("the file has " + std::to_string(text.size()) +
                 " bytes: too short for the length of a safetensors header");
  uint64_t length = 0;
  std::memcpy(&length, text.data(), 8);
  if (length > kMaxHeaderBytes)
    return wrong("the header claims " + std::to_string(length) + " bytes, over the limit of " +
                 std::to_string(kMaxHeaderBytes) + (length > text.size() - 8 ? " and past the end of the file" : ""));
  if (length > text.size() - 8)
    return wrong("the header claims " + std::to_string(length) + " bytes, but only " + std::to_string(text.size() - 8) +
                 " follow");
  const std::string_view json = text.substr(8, size_t(length));
  if (!json.starts_with('{')) return wrong("the header does not start with '{'");
  // The JSON reader takes a zero byte for the end of its input.
  if (const size_t zero = json.find('\0'); zero != std::string_view::npos)
    return wrong("the header has a zero at byte " + std::to_string(zero));

  HeaderEvents events(where);
  if (!Json::sax_parse(json, &events)) {
    if (events.error) return *events.error;
    return wrong("the header is not valid JSON");
  }
  SafetensorsHeader header = std::move(events.header);
  if (const auto name = duplicate(header.tensors, [](const TensorInfo& t) { return std::string_view(t.name); }))
    return wrong("two tensors are called " + in_quotes(*name));
  if (const auto key = duplicate(header.metadata, [](const auto& entry) { return std::string_view(entry.first); }))
    return wrong("the metadata has the key " + in_quotes(*key) + " twice");
  const Status placed = place(header.tensors, 8 + length, file.size(), where);
  if (!placed) return placed.error();
  return header;
}

}  // namespace orrery
