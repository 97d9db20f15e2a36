// The table of kernels: one function pointer for each contract in this folder, filled once for the machine at hand.
//
//   const Kernels<float>& k = kernels();             // the fastest class this processor has, or ORRERY_KERNELS=…
//   k.softmax(x, y, rows, cols);
//   const Kernels<double>& r = reference_kernels<double>();   // the textbook loops, for gradient checks
//
// A kernel takes pointers and sizes: no tensors, no allocation, no threads. Who calls it has checked and split the work.
//
// Same bits. Within a class the value of an output element is a function of its own inputs and of the inner size alone:
// never of its index, of how many rows, columns or heads the call covers, of alignment, or of where a tail begins.
// So tails go through the same vector code as the body (masked or padded), and every reduction has a fixed order.
#pragma once

#include <string>
#include <vector>

#include "kernels/attention.h"
#include "kernels/cache_block.h"
#include "kernels/cross_entropy.h"
#include "kernels/dropout.h"
#include "kernels/elementwise.h"
#include "kernels/embedding.h"
#include "kernels/limits.h"
#include "kernels/matmul.h"
#include "kernels/norm.h"
#include "kernels/optimizer.h"
#include "kernels/rotary.h"
#include "kernels/route.h"
#include "kernels/softmax.h"

namespace orrery {

// T is float, or double for the references.
template <class T>
struct Kernels {
  const char* name = "";  // "reference", "avx2", "avx512", "amx": avx512 with products of bf16 in tiles; "neon"
  bool splits_floats = false;     // multiplies floats with panels of PanelFormat::bf16_split
  int64_t fewest_kept_rows = 96;  // rows for which it pays to read all panels once more: matmul.h's Packing
#define KERNEL(kernel) kernel##_fn<T>* kernel = nullptr;
#include "kernels/kernels.inc"
#undef KERNEL
};

template <class T>
const Kernels<T>& reference_kernels();

// The class in use: the best this processor has, or the one named by the environment variable ORRERY_KERNELS
// (throws Error when that is unknown or cannot run here).
const Kernels<float>& kernels();

// Every class that can run on this processor, reference first: for tests and benchmarks.
std::vector<const Kernels<float>*> runnable_kernels();

// The table of T: kernels() for float, the references for double.
template <class T>
const Kernels<T>& kernels_for();

}  // namespace orrery
