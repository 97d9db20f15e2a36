#include "checkpoint/gguf_metadata.h"

#include <doctest/doctest.h>

#include <string>

namespace orrery {
namespace {

std::string number(uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; i++) out.push_back(static_cast<char>(value >> (8 * i) & 0xFF));
  return out;
}
std::string text(const std::string& s) { return number(s.size(), 8) + s; }
std::string header(uint64_t keys) { return "GGUF" + number(3, 4) + number(0, 8) + number(keys, 8); }

Result<Json> read(const std::string& bytes) { return read_gguf_metadata(std::as_bytes(std::span(bytes)), "x.gguf"); }

}  // namespace

TEST_CASE("every kind of value is read") {
  const std::string file = header(4) + text("name") + number(8, 4) + text("tiny") + text("flag") + number(7, 4) + number(1, 1) + text("less") +
                           number(5, 4) + number(0xFFFFFFFE, 4) + text("list") + number(9, 4) + number(8, 4) + number(2, 8) + text("a") + text("b");
  const Json metadata = read(file).value();
  CHECK(metadata["name"] == "tiny");
  CHECK(metadata["flag"] == true);
  CHECK(metadata["less"] == -2);
  CHECK(metadata["list"] == Json::array({"a", "b"}));
}

TEST_CASE("broken files are refused with the place") {
  const auto error = [](const std::string& file) {
    const Result<Json> read_one = read(file);
    return read_one ? std::string() : read_one.error().what + " @ " + read_one.error().where;
  };
  CHECK(error("GGML") == "the GGUF file does not begin with \"GGUF\" @ x.gguf, byte 4");
  CHECK(error("GGUF" + number(1, 4)) == "GGUF of version 1: 2 and 3 are read @ x.gguf");
  CHECK(error(header(1)) == "the GGUF file ends in the middle of its metadata @ x.gguf, byte 24");
  CHECK(error(header(1) + text("a") + number(13, 4)).starts_with("the GGUF file has a value of the unknown type 13"));
  CHECK(error(header(1) + text("a") + number(9, 4) + number(0, 4) + number(1ULL << 60, 8)).starts_with("the GGUF file has an array longer than the file"));
  CHECK(error(header(2) + text("a") + number(0, 4) + number(1, 1) + text("a") + number(0, 4) + number(1, 1)).starts_with("the GGUF file has the key 'a' twice"));
  std::string deep = header(1) + text("a") + number(9, 4);
  for (int i = 0; i < 9; i++) deep += number(9, 4) + number(1, 8);
  CHECK(error(deep).starts_with("the GGUF file has arrays nested deeper than 4"));
}

}  // namespace orrery
