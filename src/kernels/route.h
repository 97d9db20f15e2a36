// Top-k routing of rows to experts (Shazeer et al. 2017, with the weights of Mixtral, Jiang et al. 2024, section 2.1):
//
//   chosen[r, :]  = the k experts of largest probs[r, :], ids ascending; of equal ones the smaller id comes first
//   weights[r, e] = probs[r, e] / (sum of probs[r, f] over the chosen f) for a chosen e, else 0
//
// The sum runs over the chosen by ascending id, in double. A row of NaN chooses k experts all the same. k <= experts.
#pragma once

#include <cstdint>

namespace orrery {

template <class T>
using route_fn = void(const T* probs, T* weights, int32_t* chosen, int64_t rows, int64_t experts, int64_t k);

// dprobs[r, e] = (dweights[r, e] - sum over the chosen f of weights[r, f] dweights[r, f]) / (sum of the chosen probs), for a
// chosen e, else 0: the choice itself has no gradient. dprobs may be dweights.
template <class T>
using route_backward_fn = void(const T* probs, const int32_t* chosen, const T* dweights, T* dprobs, int64_t rows, int64_t experts, int64_t k);

}  // namespace orrery
