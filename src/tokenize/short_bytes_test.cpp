#include "tokenize/short_bytes.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>

namespace orrery {
namespace {

TEST_CASE("texts of every short length are read and compared as their single bytes are") {
  for (size_t size = 0; size <= 40; ++size) {
    const std::unique_ptr<char[]> exact(new char[size]);   // so that a byte read beyond it is seen
    for (size_t i = 0; i < size; ++i) exact[i] = static_cast<char>(200 + i);
    const std::string_view text(exact.get(), size);
    uint64_t word = 0;
    for (size_t i = 0; i < std::min<size_t>(size, 8); ++i) word |= uint64_t(static_cast<unsigned char>(exact[i])) << 8 * i;
    CHECK(short_word(exact.get(), size) == word);
    std::string other(text);
    CHECK(same_bytes(text, other));
    CHECK_FALSE(same_bytes(text, other + "x"));
    for (char& c : other) {
      c = static_cast<char>(c ^ 1);
      CHECK_FALSE(same_bytes(text, other));
      c = static_cast<char>(c ^ 1);
    }
  }
}

}  // namespace
}  // namespace orrery
