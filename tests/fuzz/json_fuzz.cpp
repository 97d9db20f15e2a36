// Any bytes as JSON: refused, or written and read again it is the same.
#include <cstdint>
#include <string_view>

#include "base/json.h"
#include "check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace orrery;
  const auto json = parse_json({reinterpret_cast<const char*>(data), size}, "input");
  if (!json) {
    FUZZ_CHECK(json.error().what.find('\n') == std::string::npos);
    return 0;
  }
  const auto again = parse_json(to_line(*json), "again");
  FUZZ_CHECK(again && *again == *json);
  FUZZ_CHECK(parse_json(to_text(*json), "again").ok());
  return 0;
}
