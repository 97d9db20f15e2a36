#include "kernels/kernels.h"

#include <cstdlib>
#include <string>

#include <doctest/doctest.h>

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

}  // namespace orrery
