// Products of blocks of whole numbers (contract: kernels/matmul.h).
#pragma once

#include "kernels/matmul.h"

namespace orrery::cpu::ORRERY_ISA {

void matmul_of_blocks(const Matmul<float>& product);         // of q8 and q4
void matmul_of_packed_blocks(const Matmul<float>& product);  // of the others

}  // namespace orrery::cpu::ORRERY_ISA
