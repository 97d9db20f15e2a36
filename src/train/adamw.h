// AdamW over all trained weights (kernels/optimizer.h has the formula), with the norm of the whole gradient.
#pragma once

#include "kernels/optimizer.h"
#include "train/gradients.h"

namespace orrery {

class AdamW {
 public:
  // `decay` is for weights of two axes; norms and biases have none.
  AdamW(std::vector<Parameter>& parameters, double decay, ThreadPool& pool);

  // Of all gradients together: squares summed in double, chunk by chunk and weight by weight in one fixed order.
  double gradient_norm() const;
  // One step; the settings' weight_decay is left to each weight.
  void step(const AdamWStep& settings);

  // The state, as "m.NAME" and "v.NAME".
  std::vector<std::pair<std::string, Tensor>> state() const;
  void load_state(const std::vector<std::pair<std::string, Tensor>>& state);   // throws Error where one is missing
  int64_t state_bytes() const;

 private:
  struct Chunk {
    size_t parameter;
    int64_t begin, count;
  };
  std::vector<Parameter>& parameters_;
  std::vector<Tensor> m_, v_;
  std::vector<Chunk> chunks_;
  double decay_;
  ThreadPool& pool_;
};

}  // namespace orrery
