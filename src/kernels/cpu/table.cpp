// The kernels written for this instruction set (cpu.inc), put over the references in the table.
#include "kernels/kernels.h"

namespace orrery::cpu::ORRERY_ISA {

#define KERNEL(kernel) kernel##_fn<float> kernel;
#include "kernels/cpu/cpu.inc"
#undef KERNEL

void fill(Kernels<float>& table);
void fill([[maybe_unused]] Kernels<float>& table) {
#define KERNEL(kernel) table.kernel = kernel;
#include "kernels/cpu/cpu.inc"
#undef KERNEL
}

}  // namespace orrery::cpu::ORRERY_ISA
