#include "base/processor.h"

#include <cstdlib>
#include <string_view>

namespace orrery {

bool has(InstructionSet set) {
  if (set == InstructionSet::baseline) return true;
#if defined(__x86_64__)
  // These ask the processor (CPUID) and whether the operating system keeps the registers (XCR0). F16C, which clang 14
  // has no name for here, came to every line of processors before AVX2 did.
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
                    __builtin_cpu_supports("popcnt");
  if (set == InstructionSet::avx2) return avx2;
  return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
#else
  return false;
#endif
}

bool may_use(InstructionSet set) {
  const char* named = std::getenv("ORRERY_KERNELS");
  const std::string_view wanted = named == nullptr ? "" : named;
  if (wanted == "reference" && set != InstructionSet::baseline) return false;
  if (wanted == "avx2" && set == InstructionSet::avx512) return false;
  return has(set);
}

}  // namespace orrery
