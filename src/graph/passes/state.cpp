#include "graph/passes/state.h"

#include "graph/builder.h"
#include "graph/op.h"
#include "graph/passes/scan_state.h"

namespace orrery {

namespace {

CacheSlot slot_of(const Node& attention, DType kv_dtype) {
  const int64_t heads = attention.attributes.integer("num_kv_heads");
  return {.width = heads * attention.attributes.integer("head_dim"), .dtype = kv_dtype, .heads = heads};
}

bool has(const Node& node, const char* attribute) { return node.op == &attention_op() && node.attributes.items().contains(attribute); }

void keep(Graph& graph, Node node) {
  for (int output : node.outputs) graph.values[size_t(output)].node = int(graph.nodes.size());
  graph.nodes.push_back(std::move(node));
}

// Rebuilds the nodes in order: `rewrite` may append nodes of its own and change the node before it is kept.
template <class Rewrite>
void for_each_node(Graph& graph, Rewrite&& rewrite) {
  std::vector<Node> old = std::move(graph.nodes);
  graph.nodes.clear();
  for (Node& node : old) {
    rewrite(node);
    keep(graph, std::move(node));
  }
}

int appended_state(Graph& graph, const Node& attention, int64_t slot) {
  const int append = graph.append(append_keys_op(), {attention.inputs[1], attention.inputs[2]}, {{"slot", slot}}, nullptr, attention.scope);
  return graph.nodes[size_t(append)].outputs[0];
}

void read_state(Node& attention, int state) {
  std::vector<int> inputs{attention.inputs[0], state};
  for (size_t i = 3; i < attention.inputs.size(); ++i) {   // bias and sinks keep their places
    inputs.resize(i, -1);
    inputs.push_back(attention.inputs[i]);
  }
  attention.inputs = std::move(inputs);
  attention.op = &cached_attention_op();
}

}  // namespace

std::vector<CacheSlot> add_state(Graph& graph, DType kv_dtype) {
  std::vector<CacheSlot> slots(size_t(graph.slots));
  for_each_node(graph, [&](Node& node) {
    if (has(node, "slot") && node.attributes.integer("causal")) {
      const int64_t slot = node.attributes.integer("slot");
      slots[size_t(slot)] = slot_of(node, kv_dtype);
      read_state(node, appended_state(graph, node, slot));
    } else if (has(node, "source_slot")) {
      const int keys = graph.append(source_keys_op(), {}, {{"source_slot", node.attributes.integer("source_slot")}}, nullptr, node.scope);
      read_state(node, graph.nodes[size_t(keys)].outputs[0]);
    }
  });
  carry_state(graph, slots);
  read_source_rows(graph, graph.source_slots);
  return slots;
}

std::vector<CacheSlot> keep_source(Graph& graph, DType kv_dtype) {
  std::vector<CacheSlot> slots(size_t(graph.source_slots));
  for_each_node(graph, [&](Node& node) {
    if (!has(node, "source_slot")) return;
    const int64_t slot = node.attributes.integer("source_slot");
    slots[size_t(slot)] = slot_of(node, kv_dtype);
    appended_state(graph, node, slot);
  });
  keep_source_rows(graph, slots);
  graph.outputs.clear();
  drop_dead_nodes(graph);
  return slots;
}

void round_keys(Graph& graph, DType kv_dtype) {
  if (kv_dtype == DType::f32 || kv_dtype == DType::f64) return;
  for_each_node(graph, [&](Node& node) {
    if (node.op != &attention_op()) return;
    for (size_t i : {size_t(1), size_t(2)}) {
      const int rounded = graph.append(round_to_op(), {node.inputs[i]}, {{"dtype", std::string(name_of(kv_dtype))}, {"head_dim", node.attributes.integer("head_dim")}}, nullptr, node.scope);
      node.inputs[i] = graph.nodes[size_t(rounded)].outputs[0];
    }
  });
}

}  // namespace orrery
