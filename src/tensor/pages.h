// Sizes in which the system hands out memory.
#pragma once

#include <unistd.h>

#include <cstdint>

namespace orrery {

inline constexpr uint64_t kHugePage = uint64_t(2) << 20;

inline uint64_t page_size() { return uint64_t(::sysconf(_SC_PAGESIZE)); }

constexpr uint64_t up_to(uint64_t bytes, uint64_t unit) { return (bytes + unit - 1) / unit * unit; }

}  // namespace orrery
