// The elements of a key or value that share a scale in a cache of q8_0 (kScaledElements, kernels/attention.h).
#pragma once

#include <algorithm>
#include <cmath>

#include "base/block_format.h"
#include "base/dtype.h"

namespace orrery {

// Of `count` elements, at most a block's values. One that is not finite makes NaN of all.
template <class T>
BlockQ8_0 scaled_block(const T* x, int64_t count) {
  float values[BlockQ8_0::kValues] = {};
  bool finite = true;
  for (int64_t i = 0; i < count; ++i) {
    values[i] = float(x[i]);
    finite = finite && std::isfinite(values[i]);
  }
  BlockQ8_0 block{};
  if (finite) encode(values, block);
  else block.d = 0x7e00;
  return block;
}

}  // namespace orrery
