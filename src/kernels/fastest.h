// Which class multiplies fastest on this processor, measured: classes that give the same bits may take each other's products.
//
//   Kernels<float> table = with_fastest_products(classes);   // the last one's table, its `matmul` the fastest for each format and number of rows
//
// What CPUID says is no measurement: some processors run 512-bit instructions at half the clock, or one product of bytes in the time of four
// of floats. Taken once, when kernels() is first asked for, in a millisecond or two, on products that stay in the caches.
#pragma once

#include <span>
#include <vector>

#include "kernels/kernels.h"

namespace orrery {

// The classes give the same bits of all products but those of pairs where `pairs_differ`: then pairs are the last one's. At most one table at
// a time is in use.
Kernels<float> with_fastest_products(std::span<const Kernels<float>* const> classes, bool pairs_differ);

// Seconds of one product of `rows` rows, the best of a few: small, but of whole blocks of every format.
double seconds_of_product(matmul_fn<float>* matmul, PanelFormat format, int64_t rows);

// What was chosen, format by format, from few rows to many.
struct ProductChoice {
  PanelFormat format;      // stands for those of its kind: own for floats, int8 for itself, q8 for blocks of 32, q4_k for blocks of 256
  int64_t rows;            // measured with so many; the choice of all up to this number and above the one before
  const char* kernels;
};
std::vector<ProductChoice> product_choices();   // none where ORRERY_KERNELS names a class

}  // namespace orrery
