// Which instruction sets the processor has and its operating system lets be used, and which of those this process may use: all, unless
// the environment variable ORRERY_KERNELS names a lesser class (kernels/kernels.h).
//
// What scans texts is built for each of them (bytes.h in cpu/), and one is chosen:
//
//   #define DECLARE(set) namespace cpu::set { bool is_valid_utf8(std::string_view text); }
//   ORRERY_EACH_SET(DECLARE)
//   #define TAKE(set) if (may_use(InstructionSet::set)) best = cpu::set::is_valid_utf8;
//   ORRERY_EACH_SET(TAKE)
#pragma once

namespace orrery {

enum class InstructionSet { baseline, avx2, avx512 };   // what every processor of the kind has, and more

bool has(InstructionSet set);       // the processor
bool may_use(InstructionSet set);   // this process

}  // namespace orrery

// macro(SET) for each set that a folder is built for, the best last.
#if defined(ORRERY_HAS_avx512)
#define ORRERY_EACH_SET(macro) macro(baseline) macro(avx2) macro(avx512)
#elif defined(ORRERY_HAS_avx2)
#define ORRERY_EACH_SET(macro) macro(baseline) macro(avx2)
#else
#define ORRERY_EACH_SET(macro) macro(baseline)
#endif
