#include "kernels/limits.h"

#include <doctest/doctest.h>

#include "kernels/kernels.h"
#include "kernels/testing.h"

using namespace orrery;

TEST_CASE("reading adds up every word once") {
  Random random(1);
  for (const int64_t count : {int64_t(0), int64_t(64), int64_t(128), int64_t(192), int64_t(256), int64_t(320), int64_t(1024), int64_t(2048), int64_t(4096 + 64), int64_t(1 << 16)}) {
    const AlignedBytes bytes(count);
    uint32_t* words = static_cast<uint32_t*>(bytes.data());
    for (int64_t i = 0; i < count / 4; ++i) words[i] = uint32_t(random.below(uint64_t(1) << 32));
    const uint32_t expected = reference_kernels<float>().read_bytes(words, count);
    for (const Kernels<float>* k : runnable_kernels()) {
      CAPTURE(k->name);
      CHECK(k->read_bytes(words, count) == expected);
    }
  }
}

TEST_CASE("operations are counted in proportion to the rounds") {
  for (const Kernels<float>* k : runnable_kernels()) {
    CAPTURE(k->name);
    CHECK(k->peak_fma(1) > 0);
    CHECK(k->peak_fma(1000) == 1000 * k->peak_fma(1));
    CHECK(k->peak_bf16(1000) == 1000 * k->peak_bf16(1));
    CHECK(k->peak_int8(1000) == 1000 * k->peak_int8(1));
  }
}
