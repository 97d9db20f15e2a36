// Dropout (Srivastava et al. 2014) with counter-based randomness: whether an element survives is a function of
// (seed, stream, sequence, position, column), so neighbours in a batch and threads never matter, and the backward pass
// recomputes the mask instead of keeping it.
#pragma once

#include <cstdint>

namespace orrery {

struct Dropout {
  float probability = 0;      // in [0, 1)
  uint64_t seed = 0;          // of the run and step
  uint32_t stream = 0;        // of the node in the graph
  const uint32_t* sequences = nullptr;  // [rows]: the sequence a row belongs to
  const int32_t* positions = nullptr;   // [rows]: its position in it
};

// y[r, c] = x[r, c] / (1 - p), or 0 where uniform(philox(seed, {stream, sequences[r], positions[r], c / 4})[c % 4]) < p.
// y may be x.
template <class T>
using dropout_fn = void(const T* x, T* y, int64_t rows, int64_t cols, const Dropout& dropout);

}  // namespace orrery
