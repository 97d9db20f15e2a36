#include "checkpoint/safetensors.h"

#include <doctest/doctest.h>

#include <array>
#include <cstring>

#include "base/testing.h"

using namespace orrery;

namespace {
// A file from its header and `data` bytes of data; the length in front is `length`, or the header's.
std::string file_of(const std::string& header, size_t data, uint64_t length = 0) {
  if (length == 0) length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + std::string(data, '\x01');
}

std::string error_of(const std::string& bytes) {
  const auto result = parse_safetensors(std::as_bytes(std::span(bytes.data(), bytes.size())), "f");
  return result ? "accepted" : result.error().what + (result.error().hint.empty() ? "" : " | " + result.error().hint);
}

std::string one(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"a":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}

// Two tensors of bytes, a and b, at these offsets.
std::string two(const std::string& a, const std::string& a_offsets, const std::string& b,
                const std::string& b_offsets) {
  return R"({"a":{"dtype":"U8","shape":)" + a + R"(,"data_offsets":)" + a_offsets + R"(},"b":{"dtype":"U8","shape":)" +
         b + R"(,"data_offsets":)" + b_offsets + "}}";
}
}  // namespace

TEST_CASE("sound headers are read, padded or not, in any order of their names") {
  CHECK(error_of(file_of("{}", 0)) == "accepted");
  CHECK(error_of(file_of("{}      ", 0)) == "accepted");
  CHECK(error_of(file_of(one("F32", "[2,3]", "[0,24]"), 24)) == "accepted");
  CHECK(error_of(file_of(one("F64", "[]", "[0,8]"), 8)) == "accepted");
  CHECK(error_of(file_of(one("F32", "[2,0]", "[0,0]"), 0)) == "accepted");
  CHECK(error_of(file_of(two("[2]", "[4,6]", "[4]", "[0,4]"), 6)) == "accepted");
  CHECK(error_of(file_of(two("[0]", "[4,4]", "[4]", "[0,4]"), 4)) == "accepted");
  const std::string bytes =
      file_of(R"({"__metadata__":{"format":"pt","k":""},"a":{"shape":[1],"data_offsets":[0,1],"dtype":"BOOL"}})", 1);
  const SafetensorsHeader header = parse_safetensors(std::as_bytes(std::span(bytes.data(), bytes.size())), "f").value();
  CHECK(header.metadata == Metadata{{"format", "pt"}, {"k", ""}});
  REQUIRE(header.tensors.size() == 1);
  CHECK(header.tensors[0].begin == bytes.size() - 1);
}

TEST_CASE("broken files are refused with one line that says why") {
  const struct {
    std::string bytes, says;
  } cases[] = {
      {"", "the file has 0 bytes: too short"},
      {"1234567", "the file has 7 bytes: too short"},
      {file_of("{}", 0, uint64_t(1) << 63),
       "the header claims 9223372036854775808 bytes, over the limit of 100000000 and past the end of the file"},
      {file_of("{}", 0, ~uint64_t(0)), "the header claims 18446744073709551615 bytes"},
      {file_of("{}", 0, 100'000'001), "over the limit of 100000000"},
      {file_of("{}", 0, 3), "the header claims 3 bytes, but only 2 follow"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:00", "git lfs pull"},
      {file_of(" {}", 0), "does not start with '{'"},
      {file_of("[]", 0), "does not start with '{'"},
      {file_of("{", 0), "not valid JSON"},
      {file_of("{}}", 0), "not valid JSON"},
      {file_of(std::string("{}\0x", 4), 0), "has a zero at byte 2"},
      {file_of("{\"a\xff\":{}}", 0),
       "not valid JSON: syntax error while parsing object key - invalid string: ill-formed UTF-8 byte"},
      {file_of("{\"a\":1}", 0), "entry 'a' is a number instead of an object"},
      {file_of("{\"a\":null}", 0), "entry 'a' is null"},
      {file_of("{\"a\":[{}]}", 0), "entry 'a' is a list"},
      {file_of("{\"a\":{}}", 0), "tensor 'a' has no 'dtype'"},
      {file_of(R"({"a":{"dtype":"F32","shape":[]}})", 0), "tensor 'a' has no 'data_offsets'"},
      {file_of(R"({"a":{"dtype":"F32","dtype":"F16"}})", 0), "tensor 'a' has two 'dtype'"},
      {file_of(R"({"a":{"x":{}}})", 0), "tensor 'a' has the unknown field 'x'"},
      {file_of(R"({"a":{"dtype":{}}})", 0), "tensor 'a' has an object in its field 'dtype'"},
      {file_of(one("F12", "[1]", "[0,1]"), 1), "tensor 'a' has the dtype 'F12', which is not one of F64, F32, BF16"},
      {file_of(one("F8_E4M3", "[1]", "[0,1]"), 1), "tensor 'a' has the dtype 'F8_E4M3'"},
      {file_of(one("F32", "[-1]", "[0,4]"), 4), "tensor 'a' has a negative size -1"},
      {file_of(one("F32", "[1.5]", "[0,4]"), 4), "tensor 'a' has the size '1.5'"},
      {file_of(one("F32", "[1e400]", "[0,4]"), 4), "not valid JSON: number overflow parsing '1e400'"},
      {file_of(one("F32", "[18446744073709551616]", "[0,4]"), 4), "tensor 'a' has the size '18446744073709551616'"},
      {file_of(one("F32", "[18446744073709551615]", "[0,4]"), 4), "tensor 'a' has the size 18446744073709551615"},
      {file_of(one("F32", "[[1]]", "[0,4]"), 4), "tensor 'a' has a list in its field 'shape'"},
      {file_of(one("F32", "[\"1\"]", "[0,4]"), 4), "tensor 'a' has a string in its field 'shape'"},
      {file_of(one("F32", "[4294967296,4294967296]", "[0,0]"), 0), "overflows 64 bits"},
      {file_of(one("F64", "[4611686018427387904]", "[0,0]"), 0), "overflows 64 bits"},
      {file_of(one("F32", "[2,3]", "[0,12]"), 12),
       "tensor 'a' of [2, 3] f32 takes 24 bytes, but its data_offsets span 12"},
      {file_of(one("BF16", "[6]", "[0,24]"), 24),
       "tensor 'a' of [6] bf16 takes 12 bytes, but its data_offsets span 24"},
      {file_of(one("F32", "[1]", "[0,4,8]"), 4), "tensor 'a' has 3 data_offsets instead of 2"},
      {file_of(one("F32", "[1]", "[0]"), 4), "tensor 'a' has 1 data_offsets instead of 2"},
      {file_of(one("F32", "[1]", "[4,0]"), 4), "tensor 'a' ends before it begins"},
      {file_of(one("F32", "[1]", "[-4,0]"), 4), "tensor 'a' has a negative offset: data_offsets are [-4, 0]"},
      {file_of(one("F32", "[1]", "[4,-1]"), 4), "data_offsets are [4, -1]"},
      {file_of(one("F32", "[2]", "[0,8]"), 4), "tensor 'a' ends 4 bytes past the file"},
      {file_of(one("F32", "[1]", "[18446744073709551612,18446744073709551615]"), 4), "past the file"},
      {file_of(one("U8", "[1]", "[0,1]"), 4), "3 bytes after the last tensor belong to none"},
      {file_of("{}", 4), "4 bytes after the last tensor belong to none"},
      {file_of(two("[4]", "[0,4]", "[4]", "[2,6]"), 6), "tensor 'b' overlaps tensor 'a'"},
      {file_of(two("[4]", "[0,4]", "[4]", "[0,4]"), 4), "tensor 'b' overlaps tensor 'a'"},
      {file_of(two("[4]", "[0,4]", "[0]", "[2,2]"), 4), "tensor 'b' overlaps tensor 'a'"},
      {file_of(two("[2]", "[0,2]", "[2]", "[4,6]"), 6), "tensor 'b' leaves a gap before it: bytes 2 to 4"},
      {file_of(one("U8", "[1]", "[1,2]"), 2), "tensor 'a' leaves a gap before it: bytes 0 to 1"},
      {file_of(
           R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
           2),
       "two tensors are called 'a'"},
      {file_of(R"({"__metadata__":{"k":1}})", 0), "metadata value of key 'k' is a number, not a string"},
      {file_of(R"({"__metadata__":{"k":["x"]}})", 0), "metadata value of key 'k' is a list, not a string"},
      {file_of(R"({"__metadata__":{"k":{}}})", 0), "metadata value of key 'k' is an object, not a string"},
      {file_of(R"({"__metadata__":[]})", 0), "entry '__metadata__' is a list"},
      {file_of(R"({"__metadata__":{"k":"a","k":"b"}})", 0), "the metadata has the key 'k' twice"},
      {file_of(R"({"__metadata__":{},"__metadata__":{}})", 0), "the header has two '__metadata__'"},
  };
  for (const auto& broken : cases) {
    const std::string error = error_of(broken.bytes);
    CAPTURE(broken.says);
    CAPTURE(error);
    CHECK(error.find(broken.says) != std::string::npos);
    CHECK(error.find('\n') == std::string::npos);
  }
}

TEST_CASE("a file cut at any byte is refused") {
  const std::string whole = file_of(two("[5]", "[0,5]", "[7]", "[5,12]"), 12);
  CHECK(error_of(whole) == "accepted");
  for (size_t size = 0; size < whole.size(); ++size) CHECK(error_of(whole.substr(0, size)) != "accepted");
}

TEST_CASE("what is written is read back, names, shapes, bytes and all") {
  const TemporaryFolder folder("safetensors");
  const Tensor floats = Tensor::from(std::array<float, 6>{1, -2, 3.5f, 0, 5, 6}, {2, 3});
  NamedTensors tensors = {{"z \"quoted\" \n \xC3\xA9", floats},
                          {"empty", Tensor::zeros(DType::i64, {0, 4})},
                          {"scalar", floats.rows(0, 1).reshape({3}).rows(1, 2).reshape({})}};
  for (const DType dtype : {DType::f64, DType::bf16, DType::f16})
    tensors.emplace_back(name_of(dtype), floats.to(dtype));
  const Tensor whole = Tensor::from(std::array<int64_t, 3>{0, 1, 1}, {3});
  for (const DType dtype : {DType::i64, DType::i32, DType::i16, DType::i8, DType::u8, DType::boolean})
    tensors.emplace_back(name_of(dtype), whole.to(dtype));
  REQUIRE(write_safetensors(folder.path() / "a.safetensors", tensors, {{"format", "pt"}, {"step", "7"}}));

  const SafetensorsFile file = SafetensorsFile::open(folder.path() / "a.safetensors").value();
  CHECK(file.metadata() == Metadata{{"format", "pt"}, {"step", "7"}});
  CHECK(file.tensors().size() == tensors.size());
  CHECK(file.tensors().front().begin % 8 == 0);
  for (const auto& [name, tensor] : tensors) {
    const Tensor read = file.tensor(name).value();
    CHECK(read.dtype() == tensor.dtype());
    CHECK(read.shape() == tensor.shape());
    CHECK_FALSE(read.writable());
    CHECK((tensor.bytes() == 0 || std::memcmp(read.raw(), tensor.raw(), size_t(tensor.bytes())) == 0));
    file.release(name);
    CHECK((tensor.bytes() == 0 || std::memcmp(read.raw(), tensor.raw(), size_t(tensor.bytes())) == 0));
  }
  CHECK(file.find("absent") == nullptr);
  CHECK(file.tensor("absent").error().kind == ErrorKind::not_found);
}

TEST_CASE("the bytes written are those of Hugging Face's writer") {
  const TemporaryFolder folder("safetensors");
  const NamedTensors tensors = {{"b", Tensor::from(std::array<float, 1>{1}, {1})},
                                {"a", Tensor::from(std::array<float, 1>{2}, {1})},
                                {"h", Tensor::from(std::array<float, 1>{1}, {1, 1}).to(DType::bf16)},
                                {"i", Tensor::from(std::array<int64_t, 1>{5}, {})}};
  REQUIRE(write_safetensors(folder.path() / "a", tensors));
  const std::string header =
      R"({"__metadata__":{"format":"pt"},"i":{"dtype":"I64","shape":[],"data_offsets":[0,8]},)"
      R"("a":{"dtype":"F32","shape":[1],"data_offsets":[8,12]},"b":{"dtype":"F32","shape":[1],"data_offsets":[12,16]},)"
      R"("h":{"dtype":"BF16","shape":[1,1],"data_offsets":[16,18]}})";
  const std::string padded = header + std::string((8 - header.size() % 8) % 8, ' ');
  using namespace std::string_literals;
  CHECK(read_file(folder.path() / "a").value() ==
        file_of(padded, 0) + "\x05\0\0\0\0\0\0\0\0\0\0\x40\0\0\x80\x3f\x80\x3f"s);
}

TEST_CASE("a misaligned tensor is read as a copy") {
  const TemporaryFolder folder("safetensors");
  std::string bytes = file_of(
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F64","shape":[2],"data_offsets":[1,17]}})",
      1);
  const double values[2] = {1.5, -2.25};
  bytes.append(reinterpret_cast<const char*>(values), sizeof values);
  REQUIRE(write_file(folder.path() / "a", bytes));
  const Tensor b = SafetensorsFile::open(folder.path() / "a").value().tensor("b").value();
  CHECK(reinterpret_cast<uintptr_t>(b.raw()) % 8 == 0);
  CHECK(b.data<double>()[0] == 1.5);
  CHECK(b.data<double>()[1] == -2.25);
}

TEST_CASE("a tensor outlives the file it was read from") {
  const TemporaryFolder folder("safetensors");
  REQUIRE(write_safetensors(folder.path() / "a", {{"x", Tensor::from(std::array<float, 2>{3, 4}, {2})}}));
  const Tensor x = SafetensorsFile::open(folder.path() / "a").value().tensor("x").value();
  std::filesystem::remove(folder.path() / "a");
  CHECK(x.data<float>()[1] == 4);
}

TEST_CASE("a missing file and a folder are errors") {
  const TemporaryFolder folder("safetensors");
  CHECK(SafetensorsFile::open(folder.path() / "absent").error().kind == ErrorKind::not_found);
  CHECK_FALSE(SafetensorsFile::open(folder.path()));
  REQUIRE(write_file(folder.path() / "empty", ""));
  CHECK_FALSE(SafetensorsFile::open(folder.path() / "empty"));
}

TEST_CASE("names that cannot be written are the caller's mistake") {
  const TemporaryFolder folder("safetensors");
  const Tensor x = Tensor::zeros(DType::f32, {1});
  CHECK_THROWS_AS((void)write_safetensors(folder.path() / "a", {{"x", x}, {"y", x}, {"x", x}}), Error);
  CHECK_THROWS_AS((void)write_safetensors(folder.path() / "a", {{"__metadata__", x}}), Error);
  CHECK(std::filesystem::is_empty(folder.path()));
}
