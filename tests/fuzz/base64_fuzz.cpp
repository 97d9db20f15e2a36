// Any text as base64: refused, or the bytes written again decode to the same.
#include <cstdint>
#include <string_view>

#include "base/base64.h"
#include "check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace orrery;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  FUZZ_CHECK(decode_base64(encode_base64(text)) == text);
  if (const auto bytes = decode_base64(text)) FUZZ_CHECK(decode_base64(encode_base64(*bytes)) == *bytes);
  return 0;
}
