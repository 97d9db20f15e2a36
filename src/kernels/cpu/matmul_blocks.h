// Products of blocks of whole numbers (contract: kernels/matmul.h).
#pragma once

#include "kernels/matmul.h"

namespace orrery::cpu::ORRERY_ISA {

void matmul_of_blocks(const Matmul<float>& product);

// The same by AMX tiles, for rows enough that it pays to take panels apart for them (q6_k goes on without); where has_int8_tiles().
constexpr int64_t kTiledRows = 17;
void matmul_of_blocks_in_tiles(const Matmul<float>& product);

}  // namespace orrery::cpu::ORRERY_ISA
