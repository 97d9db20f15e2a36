// Any bytes as records of texts and their alignment: refused, or each word of a target has its place in a source that is not empty.
#include <cstdint>
#include <string>

#include "check.h"
#include "inspect/alignment.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto pairs = orrery::read_aligned_pairs(std::string(reinterpret_cast<const char*>(data), size), "input");
  if (!pairs) {
    FUZZ_CHECK(!pairs.error().what.empty() && pairs.error().where.starts_with("input"));
    return 0;
  }
  for (const orrery::AlignedPair& pair : *pairs) {
    FUZZ_CHECK(!pair.source.empty() && pair.alignment.size() == pair.target.size());
    for (const int32_t place : pair.alignment) FUZZ_CHECK(place >= 0 && size_t(place) < pair.source.size());
    for (const int32_t id : pair.source) FUZZ_CHECK(id >= 0);
    for (const int32_t id : pair.target) FUZZ_CHECK(id >= 0);
  }
  return 0;
}
