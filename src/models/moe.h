// A feed-forward layer of experts: each row goes through the few that its router likes best (kernels/route.h).
#pragma once

#include "models/config.h"

namespace orrery {

// How a family's files name what belongs to the layer.
struct ExpertNames {
  const char* router = "gate";
  const char* experts = "experts";
  const char* gate = "gate_proj";
  const char* up = "up_proj";
  const char* down = "down_proj";
};

// down(f(gate(x)) * up(x)) of the c.experts_per_token experts chosen for each row, weighed and summed; x [tokens, hidden].
// Names router_logits, router_probs and routing, the weights of the chosen: zero an expert's column of it to ablate that
// expert. The probabilities are also appended to `router_probs`, for the loss that balances the load.
Value mixture_of_experts(Scope layer, Scope at, const Config& c, const ExpertNames& names, Value x, std::vector<Value>& router_probs);

}  // namespace orrery
