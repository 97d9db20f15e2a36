#include "graph/plan/rounded_values.h"

namespace orrery {

void store_rounded(Graph& graph, const std::vector<Step>& steps) {
  std::vector<int> readers(graph.values.size(), 0);
  for (const Node& node : graph.nodes)
    for (const int input : node.inputs)
      if (input >= 0) ++readers[size_t(input)];
  for (const auto& [name, value] : graph.outputs) ++readers[size_t(value)];
  std::vector<char> may_be(graph.values.size(), 0);   // its maker can store it so
  for (const Step& step : steps) {
    const Node& node = graph.nodes[size_t(step.node)];
    if (node.op->stores_rounded && step.prepared.all_pairs && node.op->stores_rounded(graph, node)) may_be[size_t(node.outputs[0])] = 1;
    if (!node.op->reads_rounded || !step.prepared.all_pairs) continue;
    ValueInfo& value = graph.values[size_t(node.inputs[0])];
    const Dim width = value.dims.back();
    if (may_be[size_t(node.inputs[0])] && readers[size_t(node.inputs[0])] == 1 && width.fixed() && width.factor % 2 == 0) value.element = Element::rounded;
  }
}

}  // namespace orrery
