#include "graph/passes/logit_rows.h"

#include "graph/builder.h"
#include "graph/op.h"

namespace orrery {

void choose_logit_rows(Graph& graph) {
  const auto logits = graph.outputs.find("logits");
  if (logits == graph.outputs.end()) return;
  const int producer = graph.values[size_t(logits->second)].node;
  if (producer < 0 || graph.nodes[size_t(producer)].op != &linear_op()) return;
  Node layer = graph.nodes[size_t(producer)];
  const std::string rows = graph.symbols[size_t(graph.values[size_t(layer.inputs[0])].dims[0].symbol)];
  if (rows != "tokens") return;      // one row per sequence already
  Builder g(graph);
  const Value chosen = select_rows({&g, layer.inputs[0]}, g.input_indices("logit_rows", "logit_rows"));
  std::vector<int> inputs = layer.inputs;
  inputs[0] = chosen.id;
  const std::string name = graph.values[size_t(logits->second)].name;
  const int node = graph.append(linear_op(), inputs, layer.attributes, nullptr, layer.scope);
  logits->second = graph.nodes[size_t(node)].outputs[0];
  graph.values[size_t(logits->second)].name = name;
}

}  // namespace orrery
