// Any bytes as a model.safetensors.index.json: refused, or all its files are in the folder, and written it reads the same.
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "check.h"
#include "checkpoint/index.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace orrery;
  auto map = parse_index({reinterpret_cast<const char*>(data), size}, "input");
  if (!map) return 0;
  for (const auto& [tensor, file] : *map)
    FUZZ_CHECK(!file.empty() && file != ".." && file.find('/') == std::string::npos);
  const auto again = parse_index(index_text(*map, 1), "again");
  std::sort(map->begin(), map->end());
  FUZZ_CHECK(again && *again == *map);
  return 0;
}
