#include "tokenize/offset_map.h"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

using namespace orrery;

namespace {

// Units before the character that each byte is of: characters begin at bytes that go on with no other.
std::vector<uint32_t> units_before(const std::string& text, OffsetUnit unit) {
  std::vector<uint32_t> out;
  uint32_t before = 0, own = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) != 0x80) before += own, own = unit == OffsetUnit::utf16 && byte >= 0xF0 ? 2 : 1;
    out.push_back(before);
  }
  return out;
}

void check(const std::string& text) {
  const auto size = static_cast<uint32_t>(text.size());
  for (const OffsetUnit unit : {OffsetUnit::chars, OffsetUnit::utf16}) {
    const OffsetMap map(text, unit);
    const std::vector<uint32_t> before = units_before(text, unit);
    for (uint32_t i = 0; i < size; ++i) REQUIRE(map({i, i + 1}).begin == before[i]);
  }
}

}  // namespace

TEST_CASE("places in characters and UTF-16, also of bytes that are no text") {
  std::mt19937_64 random(11);
  const std::vector<std::string> parts = {"a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\x80", std::string(63, '\xA8'), std::string(200, '\x97'), "\xFF", std::string(70, 'z')};
  for (int round = 0; round < 200; ++round) {
    std::string text;
    for (uint64_t i = random() % 30; i > 0; --i) text += parts[random() % parts.size()];
    check(text);
  }
}
