// Any bytes as blocks of every format, and any floats into them; floats of a usual size come back near what they were.
#include <cmath>
#include <cstring>
#include <vector>

#include "base/block_format.h"
#include "check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const auto format = orrery::BlockFormat(data[0] % (uint8_t(orrery::BlockFormat::q6_k) + 1));
  const int64_t values = orrery::values_per_block(format), bytes = orrery::bytes_per_block(format);
  const size_t blocks = (size - 1) / size_t(bytes);
  std::vector<float> decoded(blocks * size_t(values));
  orrery::dequantise(format, reinterpret_cast<const std::byte*>(data + 1), decoded.data(), int64_t(decoded.size()));

  std::vector<float> x((size - 1) / (4 * size_t(values)) * size_t(values));
  if (x.empty()) return 0;
  std::memcpy(x.data(), data + 1, x.size() * 4);
  std::vector<std::byte> stored(size_t(orrery::bytes_of(format, int64_t(x.size()))));
  std::vector<float> again(x.size());
  orrery::quantise(format, x.data(), stored.data(), int64_t(x.size()));
  orrery::dequantise(format, stored.data(), again.data(), int64_t(x.size()));
  for (size_t at = 0; at < x.size(); at += size_t(values)) {
    float largest = 0;
    bool usual = true;
    for (size_t i = at; i < at + size_t(values); ++i) {
      usual = usual && std::fabs(x[i]) < 1000;
      largest = std::fmax(largest, std::fabs(x[i]));
    }
    for (size_t i = at; usual && largest > 1e-3f && i < at + size_t(values); ++i) FUZZ_CHECK(std::fabs(again[i] - x[i]) <= largest / 4);
  }
  return 0;
}
