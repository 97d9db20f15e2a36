#include "graph/passes/state.h"

#include "graph/builder.h"
#include "graph/op.h"

namespace orrery {

std::vector<CacheSlot> add_state(Graph& graph, DType kv_dtype) {
  std::vector<CacheSlot> slots(size_t(graph.slots));
  std::vector<Node> old = std::move(graph.nodes);
  graph.nodes.clear();
  for (Node& node : old) {
    const bool cached = node.op == &attention_op() && node.attributes.integer("causal") && node.attributes.items().contains("slot");
    if (!cached) {
      for (int output : node.outputs) graph.values[size_t(output)].node = int(graph.nodes.size());
      graph.nodes.push_back(std::move(node));
      continue;
    }
    const int64_t slot = node.attributes.integer("slot");
    slots[size_t(slot)] = {node.attributes.integer("num_kv_heads") * node.attributes.integer("head_dim"), kv_dtype};
    const int append = graph.append(append_keys_op(), {node.inputs[1], node.inputs[2]}, {{"slot", slot}}, nullptr, node.scope);
    node.inputs = {node.inputs[0], graph.nodes[size_t(append)].outputs[0]};
    node.op = &cached_attention_op();
    for (int output : node.outputs) graph.values[size_t(output)].node = int(graph.nodes.size());
    graph.nodes.push_back(std::move(node));
  }
  return slots;
}

void round_keys(Graph& graph, DType kv_dtype) {
  if (kv_dtype == DType::f32 || kv_dtype == DType::f64) return;
  std::vector<Node> old = std::move(graph.nodes);
  graph.nodes.clear();
  for (Node& node : old) {
    if (node.op == &attention_op())
      for (size_t i : {size_t(1), size_t(2)}) {
        const int rounded = graph.append(round_to_op(), {node.inputs[i]}, {{"dtype", std::string(name_of(kv_dtype))}}, nullptr, node.scope);
        node.inputs[i] = graph.nodes[size_t(rounded)].outputs[0];
      }
    for (int output : node.outputs) graph.values[size_t(output)].node = int(graph.nodes.size());
    graph.nodes.push_back(std::move(node));
  }
}

}  // namespace orrery
