// Tensors side by side in slabs of memory, so that huge pages cover the small ones and the ends of large ones too: weights that a
// step reads from end to end then need few page walks (measured: 29 GB/s against 17 on small pages).
//
// A slab is reserved addresses, and takes memory as tensors are put there; what a tensor held goes back when the last view of it goes,
// but for the pages that it shares. The first few tensors stand alone: a small model pays for no slab.
#pragma once

#include "tensor/tensor.h"

namespace orrery {

class Slabs {
 public:
  Slabs() = default;
  Slabs(Slabs&&) = default;   // two that were copies would hand out the same bytes
  Slabs& operator=(Slabs&&) = default;

  // As Tensor::zeros, and aligned to 64 bytes.
  Tensor zeros(DType dtype, std::vector<int64_t> shape);
  // Gives back what lies behind the last tensor. For who has taken all: a huge page that is used in part would be held whole.
  void trim();

 private:
  class Addresses;   // slabs.cpp
  class Part;
  std::shared_ptr<Addresses> slab_;
  uint64_t used_ = 0, taken_ = 0;   // bytes of the slab, and of all
};

}  // namespace orrery
