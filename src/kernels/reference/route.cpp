// Routing and its gradient, by the formulas of kernels/route.h.
#include "kernels/route.h"

namespace orrery::reference {

template <class T>
void route(const T* probs, T* weights, int32_t* chosen, int64_t rows, int64_t experts, int64_t k) {
  for (int64_t r = 0; r < rows; ++r, probs += experts, weights += experts, chosen += k) {
    int64_t found = 0;
    double sum = 0;
    for (int64_t e = 0; e < experts && found < k; ++e) {
      int64_t ahead = 0;   // experts that come before this one
      for (int64_t f = 0; f < experts; ++f) ahead += probs[f] > probs[e] || (probs[f] == probs[e] && f < e);
      if (ahead >= k) continue;
      chosen[found++] = int32_t(e);
      sum += double(probs[e]);
    }
    for (int64_t e = 0; e < experts; ++e) weights[e] = 0;
    for (int64_t i = 0; i < k; ++i) weights[chosen[i]] = T(double(probs[chosen[i]]) / sum);
  }
}

template <class T>
void route_backward(const T* probs, const int32_t* chosen, const T* dweights, T* dprobs, int64_t rows, int64_t experts, int64_t k) {
  for (int64_t r = 0; r < rows; ++r, probs += experts, chosen += k, dweights += experts, dprobs += experts) {
    double sum = 0, dot = 0;
    for (int64_t i = 0; i < k; ++i) {
      sum += double(probs[chosen[i]]);
      dot += double(probs[chosen[i]]) * double(dweights[chosen[i]]);
    }
    for (int64_t e = 0, i = 0; e < experts; ++e) {
      const bool is_chosen = i < k && chosen[i] == e;
      i += is_chosen;
      dprobs[e] = is_chosen ? T((double(dweights[e]) - dot / sum) / sum) : T(0);
    }
  }
}

#define INSTANTIATE(T)                                                                  \
  template void route(const T*, T*, int32_t*, int64_t, int64_t, int64_t);               \
  template void route_backward(const T*, const int32_t*, const T*, T*, int64_t, int64_t, int64_t);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace orrery::reference
