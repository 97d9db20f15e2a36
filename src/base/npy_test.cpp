#include "base/npy.h"

#include <doctest/doctest.h>

#include <array>

#include "base/testing.h"

using namespace orrery;

namespace {
const std::array<float, 6> kFloats = {0, -1.5f, 2, 3, 4, 5e30f};

std::string npy(const std::string& header, const std::string& elements, char version = 1) {
  std::string length = {char(uint8_t(header.size())), char(uint8_t(header.size() >> 8))};
  if (version != 1) length += std::string(2, '\0');
  return "\x93NUMPY" + std::string{version, 0} + length + header + elements;
}

std::string npy_error(const std::string& bytes) {
  const auto result = parse_npy(bytes, "a.npy");
  return result ? "accepted" : result.error().what;
}

std::string zip_error(const std::string& bytes) {
  const auto result = parse_zip(bytes, "a.zip");
  return result ? "accepted" : result.error().what;
}

std::string zip_of(const std::vector<std::pair<std::string, std::string>>& entries, uint64_t zip64_from = 0xffffffffu) {
  const TemporaryFolder folder("zip");
  ZipWriter zip(folder.path() / "a.zip", zip64_from);
  for (const auto& [name, bytes] : entries) zip.add(name, bytes);
  REQUIRE(zip.commit());
  return read_file(folder.path() / "a.zip").value();
}

// Every occurrence of `from`, replaced by `to` of the same length.
std::string replaced(std::string bytes, const std::string& from, const std::string& to) {
  REQUIRE(from.size() == to.size());
  for (size_t at = bytes.find(from); at != std::string::npos; at = bytes.find(from, at + to.size()))
    bytes.replace(at, from.size(), to);
  return bytes;
}
}  // namespace

TEST_CASE("CRC-32 gives its published check value, in one piece or several") {
  CHECK(crc32("123456789") == 0xcbf43926u);
  CHECK(crc32("") == 0);
  const std::string text = "The quick brown fox jumps over the lazy dog";
  CHECK(crc32(text) == 0x414fa339u);
  for (size_t cut = 0; cut <= text.size(); ++cut)
    CHECK(crc32(text.substr(cut), crc32(text.substr(0, cut))) == 0x414fa339u);
}

TEST_CASE("an array written as .npy is read back") {
  const TemporaryFolder folder("npy");
  const auto path = folder.path() / "a.npy";
  for (const std::vector<int64_t>& shape : {std::vector<int64_t>{6}, {2, 3}, {1, 3, 2}}) {
    REQUIRE(write_npy(path, shape, std::span<const float>(kFloats)));
    const NpyArray array = read_npy(path).value();
    CHECK(array.shape == shape);
    CHECK(std::equal(kFloats.begin(), kFloats.end(), array.values<float>().begin()));
    CHECK(std::filesystem::file_size(path) == 128 + 24);  // the elements begin at a multiple of 64
  }
  const std::array<int64_t, 1> one = {-7};
  REQUIRE(write_npy(path, {}, std::span<const int64_t>(one)));
  CHECK(read_npy(path).value().values<int64_t>()[0] == -7);
  REQUIRE(write_npy(path, {0, 4}, std::span<const double>()));
  CHECK(read_npy(path).value().values<double>().empty());
  CHECK_THROWS_AS((void)read_npy(path).value().values<float>(), Error);
  CHECK_THROWS_AS((void)write_npy(path, {5}, std::span<const float>(kFloats)), Error);
  CHECK_THROWS_AS((void)write_npy(path, {-2, -3}, std::span<const float>(kFloats)), Error);
}

TEST_CASE("arrays of every type written as .npz are read back") {
  const TemporaryFolder folder("npy");
  const std::array<double, 2> doubles = {1e300, -0.0};
  const std::array<int32_t, 2> ints = {-1, 2147483647};
  const std::array<uint32_t, 1> words = {4294967295u};
  NpzWriter npz(folder.path() / "a.npz");
  npz.add("floats", {3, 2}, std::span<const float>(kFloats));
  npz.add("h.0/doubles", {2}, std::span<const double>(doubles));
  npz.add("ints", {2, 1}, std::span<const int32_t>(ints));
  npz.add("words", {}, std::span<const uint32_t>(words));
  npz.add("none", {0}, std::span<const int64_t>());
  REQUIRE(npz.commit());
  const NamedArrays arrays = read_npz(folder.path() / "a.npz").value();
  REQUIRE(arrays.size() == 5);
  CHECK(arrays[0].first == "floats");
  CHECK(arrays[0].second.shape == std::vector<int64_t>{3, 2});
  CHECK(arrays[0].second.values<float>()[5] == 5e30f);
  CHECK(arrays[1].first == "h.0/doubles");
  CHECK(arrays[1].second.values<double>()[0] == 1e300);
  CHECK(arrays[2].second.values<int32_t>()[1] == 2147483647);
  CHECK(arrays[3].second.values<uint32_t>()[0] == 4294967295u);
  CHECK(arrays[4].second.values<int64_t>().empty());
  CHECK_THROWS_AS(npz.add("../x", {6}, std::span<const float>(kFloats)), Error);
}

TEST_CASE("headers of NumPy's versions and spellings are understood") {
  const std::string four(4, '\0');
  CHECK(npy_error(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n", four)) == "accepted");
  CHECK(npy_error(npy("{\"shape\":(),\"fortran_order\":True,\"descr\":\"<u4\"}", four)) == "accepted");
  CHECK(npy_error(npy("{'descr': '<i4', 'fortran_order': False, 'shape': (1, 1)}", four, 2)) == "accepted");
  CHECK(npy_error(npy("{'descr': '<i4', 'fortran_order': False, 'shape': (1, 1)}", four, 3)) == "accepted");
}

TEST_CASE("broken arrays are refused") {
  const std::string four(4, '\0');
  const struct {
    std::string bytes, says;
  } cases[] = {
      {"", "does not start with"},
      {"PK\x03\x04", "does not start with"},
      {"\x93NUMPY", "ends inside its header"},
      {std::string("\x93NUMPY\x02\x00\x01\x00", 10), "ends inside its header"},
      {std::string("\x93NUMPY\x07\x00\x01\x00", 10), "version 7"},
      {std::string("\x93NUMPY\x01\x00\x09\x00{", 11), "claims 9 bytes, but only 1 follow"},
      {npy("", ""), "not a dictionary"},
      {npy("{", ""), "not a dictionary"},
      {npy("{'descr'", ""), "not a dictionary"},
      {npy("{'x': 1}", ""), "unknown key 'x'"},
      {npy("{'descr': [('a', '<f4')]}", ""), "structured type"},
      {npy("{'descr': '<f4', 'descr': '<f4'}", ""), "two 'descr'"},
      {npy("{'descr': '<f4' 'shape': ()}", ""), "no ',' after 'descr'"},
      {npy("{'descr': '<f4', 'shape': ()}", four), "lacks one of"},
      {npy("{'descr': '<f4', 'fortran_order': 0, 'shape': ()}", four), "neither True nor False"},
      {npy("{'descr': '<f4', 'fortran_order': True, 'shape': (1,1)}", four), "column-major"},
      {npy("{'descr': '>f4', 'fortran_order': False, 'shape': ()}", four), "'>f4' are not supported"},
      {npy("{'descr': '|O', 'fortran_order': False, 'shape': ()}", four), "'|O' are not supported"},
      {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", four), "not a tuple"},
      {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1 1)}", four), "not a tuple"},
      {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775808,)}", four), "not a tuple"},
      {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296,4294967296)}", four), "overflows"},
      {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", four), "takes 8 bytes, but 4 follow"},
      {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (0,)}", four), "takes 0 bytes, but 4 follow"},
      {npy("{'descr': '<f4', 'fortran_order': False, 'shape': ()} x", four), "goes on after"},
  };
  for (const auto& broken : cases) {
    const std::string error = npy_error(broken.bytes);
    CAPTURE(broken.says);
    CAPTURE(error);
    CHECK(error.find(broken.says) != std::string::npos);
  }
}

TEST_CASE("an archive is read back, in the 32-bit and the 64-bit form") {
  const std::vector<std::pair<std::string, std::string>> entries = {
      {"a", "first"}, {"folder/b", ""}, {"c", std::string(1000, 'x')}};
  for (const uint64_t zip64_from : {uint64_t(0xffffffffu), uint64_t(0), uint64_t(100)}) {
    const std::string bytes = zip_of(entries, zip64_from);
    const auto read = parse_zip(bytes, "a.zip").value();
    REQUIRE(read.size() == 3);
    for (size_t i = 0; i < 3; ++i) {
      CHECK(read[i].name == entries[i].first);
      CHECK(read[i].bytes == entries[i].second);
    }
  }
  CHECK(parse_zip(zip_of({}), "a.zip").value().empty());
  CHECK(zip_of(entries) == zip_of(entries));
}

TEST_CASE("an archive of more entries than 16 bits can count is read back") {
  std::vector<std::pair<std::string, std::string>> entries;
  for (int i = 0; i < 66000; ++i) entries.emplace_back(std::to_string(i), "");
  CHECK(parse_zip(zip_of(entries), "a.zip").value().size() == 66000);
}

TEST_CASE("an archive cut at any byte, or with any byte of an entry changed, is refused") {
  for (const uint64_t zip64_from : {uint64_t(0xffffffffu), uint64_t(0)}) {
    const std::string whole = zip_of({{"a", "first"}, {"b", "second"}}, zip64_from);
    for (size_t size = 0; size < whole.size(); ++size) CHECK(zip_error(whole.substr(0, size)) != "accepted");
    CHECK(zip_error(replaced(whole, "second", "sEcond")) == "entry 'b' of the archive does not match its checksum");
  }
}

TEST_CASE("archives that would do harm are refused") {
  const std::string whole = zip_of({{"aa/b", "first"}, {"aa/c", "other"}});
  CHECK(zip_error(replaced(whole, "aa/b", "../b")) ==
        "the archive has an entry of the name '../b', which leaves its folder");
  CHECK(zip_error(replaced(whole, "aa/b", "/a/b")) ==
        "the archive has an entry of the name '/a/b', which leaves its folder");
  CHECK(zip_error(replaced(whole, "aa/b", "aa/c")) == "the archive has two entries 'aa/c'");
  std::string changed = whole;
  const size_t central = whole.find("PK\x01\x02");
  changed[central + 10] = 8;
  CHECK(zip_error(changed).find("compressed (method 8)") != std::string::npos);
  changed = whole;
  changed[central + 8] = 1;
  CHECK(zip_error(changed).find("is encrypted") != std::string::npos);
  changed = whole;
  changed[central + 46] = 'x';
  CHECK(zip_error(changed).find("another name") != std::string::npos);
  changed = whole;
  changed[central + 24] = 4;
  CHECK(zip_error(changed).find("two different sizes") != std::string::npos);
  changed = whole;
  changed[central + 42] = 1;
  CHECK(zip_error(changed).find("not where the directory says") != std::string::npos);
  changed = whole;
  changed[central + 20] = changed[central + 24] = 100;
  CHECK(zip_error(changed).find("ends past the directory") != std::string::npos);

  // One entry that spans the other: sizes and checksum right, so the same bytes would be read twice.
  const std::string inner = zip_of({{"b", "x"}});
  const std::string both = zip_of({{"a", inner.substr(0, inner.find("PK\x01\x02"))}, {"b", "x"}});
  std::string shared = both;
  const size_t second = both.find("PK\x01\x02", both.find("PK\x01\x02") + 1);
  shared[second + 42] = char(both.find("PK\x03\x04", 1));  // the copy of "b" inside "a"
  CHECK(zip_error(both) == "accepted");
  CHECK(zip_error(shared) == "two entries of the archive share the same bytes");
}
