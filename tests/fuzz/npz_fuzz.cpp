// Any bytes as an .npz and as an .npy: refused, or every array has the bytes of its shape, and all together no more than
// the file.
#include <cstdint>
#include <string_view>

#include "base/npy.h"
#include "check.h"

namespace {
void check(const orrery::NpyArray& array) {
  uint64_t bytes = array.type.back() == '8' ? 8 : 4;
  for (const int64_t axis : array.shape) bytes *= uint64_t(axis);
  FUZZ_CHECK(bytes == array.bytes.size());
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto array = orrery::parse_npy(bytes, "input")) check(*array);
  if (const auto arrays = orrery::parse_npz(bytes, "input")) {
    uint64_t total = 0;
    for (const auto& [name, array] : *arrays) {
      check(array);
      total += array.bytes.size();
    }
    FUZZ_CHECK(total <= size);
  }
  return 0;
}
