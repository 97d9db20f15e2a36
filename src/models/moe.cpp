#include "models/moe.h"

namespace orrery {

Value mixture_of_experts(Scope layer, Scope at, const Config& c, const ExpertNames& names, Value x, std::vector<Value>& router_probs) {
  const Value logits = layer.name("router_logits", linear(x, (at / names.router).weight("weight", {c.num_experts, c.hidden_size})));   // [tokens, experts]
  router_probs.push_back(layer.name("router_probs", softmax(logits)));
  const Routing routing = route(router_probs.back(), c.experts_per_token);
  layer.name("routing", routing.weights);
  std::vector<Value> gate, up, down;
  for (int64_t e = 0; e < c.num_experts; ++e) {
    const Scope expert = at / names.experts / std::to_string(e);
    gate.push_back((expert / names.gate).weight("weight", {c.intermediate_size, c.hidden_size}));
    up.push_back((expert / names.up).weight("weight", {c.intermediate_size, c.hidden_size}));
    down.push_back((expert / names.down).weight("weight", {c.hidden_size, c.intermediate_size}));
  }
  const Value rows = select_rows(x, routing.source);                                                     // [k * tokens, hidden]
  const Value upper = expert_linear(rows, routing, up), gates = expert_linear(rows, routing, gate);   // [k * tokens, inner]
  const Value inner = gated(c.activation, gates, upper);
  return combine_experts(expert_linear(inner, routing, down), routing);                                  // [tokens, hidden]
}

}  // namespace orrery
