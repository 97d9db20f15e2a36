#include "kernels/kernels.h"

#include <cstdlib>
#include <string>

#include <doctest/doctest.h>

#include "kernels/fastest.h"
#include "kernels/testing.h"

namespace orrery {

TEST_CASE("every class has every kernel, the references first") {
  const auto all = runnable_kernels();
  REQUIRE_FALSE(all.empty());
  CHECK(std::string(all.front()->name) == "reference");
  for (const Kernels<float>* kernels : all) {
    bool complete = true;
#define KERNEL(kernel) complete = complete && kernels->kernel != nullptr;
#include "kernels/kernels.inc"
#undef KERNEL
    CHECK(complete);
  }
  CHECK(std::string(reference_kernels<double>().name) == "reference");
}

TEST_CASE("the class in use is the best, or the one that ORRERY_KERNELS names") {
  const char* named = std::getenv("ORRERY_KERNELS");
  const std::string expected = named != nullptr && *named != '\0' ? named : runnable_kernels().back()->name;
  CHECK(std::string(kernels().name) == expected);
  CHECK(&kernels_for<float>() == &kernels());
  CHECK(&kernels_for<double>() == &reference_kernels<double>());
}

// Whichever class was measured to be the fastest.
TEST_CASE("products that were chosen by measurement give the bits of the best class") {
  const auto all = runnable_kernels();
  const auto choices = product_choices();
  const char* named = std::getenv("ORRERY_KERNELS");
  CHECK(choices.empty() == (named != nullptr && *named != '\0'));
  CHECK(choices.size() % 3 == 0);
  const AlignedBytes scratch(kMatmulScratchBytes);
  for (const ProductChoice& choice : choices) {
    CAPTURE(std::string(choice.kernels));
    const PanelFormat format = choice.format;
    for (const int64_t rows : {choice.rows, choice.rows - 1}) {
      const int64_t n = 75, k = 512;
      Random random(uint64_t(rows) + 1);
      const std::vector<float> a = random_floats(random, rows * k), b = random_floats(random, n * k);
      const AlignedBytes panels(packed_bytes(format, n, k));
      if (is_blocks(format)) {   // numbers whatever they are, halfs that are small
        for (int64_t i = 0; i < packed_bytes(format, n, k); ++i) static_cast<uint8_t*>(panels.data())[i] = uint8_t(random.below(0x30));
      } else {
        kernels().pack_panels(b.data(), DType::f32, 1, k, k, n, panels.data(), format);
      }
      const auto product = [&](const Kernels<float>& kernels) {
        std::vector<float> c(size_t(rows * n));
        Matmul<float> call;
        call.a = a.data(), call.a_row_stride = k, call.panels = panels.data(), call.format = format;
        call.c = c.data(), call.c_stride = n, call.m = rows, call.n = n, call.k = k, call.scratch = scratch.data();
        kernels.matmul(call);
        return c;
      };
      const std::vector<float> ours = product(kernels()), best = product(*all.back());
      for (size_t i = 0; i < best.size(); ++i) REQUIRE(same_bits(ours[i], best[i]));
    }
  }
}

}  // namespace orrery
