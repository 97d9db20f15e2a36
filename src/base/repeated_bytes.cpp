#include "base/repeated_bytes.h"

#include <cstddef>

namespace orrery::cpu {

constinit const std::array<RepeatedByte, 256> repeated_bytes = [] {
  std::array<RepeatedByte, 256> all{};
  for (size_t byte = 0; byte < all.size(); ++byte) all[byte].bytes.fill(static_cast<char>(byte));
  return all;
}();

}  // namespace orrery::cpu
