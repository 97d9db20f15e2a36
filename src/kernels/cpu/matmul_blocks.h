// Products of blocks of whole numbers (contract: kernels/matmul.h).
#pragma once

#include "kernels/matmul.h"

namespace orrery::cpu::ORRERY_ISA {

void matmul_of_blocks(const Matmul<float>& product);

// The same by AMX tiles, whose halves or quarters are idle for fewer rows than these; where has_int8_tiles().
constexpr int64_t kTiledRows = 9;
void matmul_of_blocks_in_tiles(const Matmul<float>& product);

}  // namespace orrery::cpu::ORRERY_ISA
