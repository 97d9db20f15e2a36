#include "base/base64.h"

#include <doctest/doctest.h>

using namespace orrery;

TEST_CASE("base64 is RFC 4648's") {
  using Pair = std::pair<std::string, std::string>;
  for (const Pair& pair : {Pair{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}, {"\xff\xfe", "//4="}}) {
    CHECK(encode_base64(pair.first) == pair.second);
    CHECK(decode_base64(pair.second) == pair.first);
  }
  CHECK(decode_base64("Zm8") == "fo");
}

TEST_CASE("what is not base64 is refused") {
  for (const char* text : {"Z", "Zm9v!", "Zg===", "Z=g=", "Zm 9v", "====", "Zm9v="}) CHECK_FALSE(decode_base64(text));
}
