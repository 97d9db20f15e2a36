// Products of blocks of whole numbers (contract: kernels/matmul.h).
#pragma once

#include "kernels/matmul.h"

namespace orrery::cpu::ORRERY_ISA {

void matmul_of_blocks(const Matmul<float>& product);

}  // namespace orrery::cpu::ORRERY_ISA
