#include "graph/plan/price.h"

#include "graph/passes/fuse.h"
#include "graph/plan/memory.h"
#include "graph/scan_body.h"

namespace orrery {

namespace {

bool packs(const Graph& graph, const Node& node, int input) {
  const int value = node.inputs[size_t(input)];
  return node.op->prepare && !node.op->scratch_if_prepared && node.op->reads_held(input) && value >= 0 && graph.values[size_t(value)].kind == ValueKind::weight;
}

// Does the node keep something from compiling that makes its scratch needless?
bool keeps(const Graph& graph, const Node& node) {
  if (!node.op->prepare) return false;
  return node.op->held_input < 0 || packs(graph, node, node.op->held_input);
}

}  // namespace

int64_t arena_bytes(const Graph& whole, const std::map<std::string, int64_t>& capacity) {
  Graph graph = whole;
  drop_dead_nodes(graph);
  fuse(graph);
  Sizes sizes;
  for (const std::string& symbol : graph.symbols) {
    const auto named = capacity.find(symbol);
    sizes.symbols.push_back(named == capacity.end() ? 1 : named->second);
  }
  std::set<int> kept;
  int64_t bytes = 0;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (keeps(graph, graph.nodes[i])) kept.insert(int(i));
    if (const ScanBody* body = body_of_scan(graph.nodes[i])) bytes += arena_bytes(body->graph, body_capacity(graph, graph.nodes[i], sizes));
  }
  return bytes + lay_out(graph, sizes, DType::f32, {}, kept).arena_bytes;
}

std::set<std::string> packed_weights(const Graph& graph) {
  std::set<std::string> names;
  for (const Node& node : graph.nodes) {
    for (int i = 0; i < int(node.inputs.size()); ++i)
      if (packs(graph, node, i)) names.insert(graph.values[size_t(node.inputs[size_t(i)])].name);
    if (const ScanBody* body = body_of_scan(node)) names.merge(packed_weights(body->graph));
  }
  return names;
}

}  // namespace orrery
