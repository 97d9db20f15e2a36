#include "graph/passes/logit_rows.h"

#include "graph/builder.h"
#include "graph/op.h"

namespace orrery {

namespace {
bool is_elementwise(const Node& node) { return node.op == &unary_op() || node.op == &scale_op(); }
}  // namespace

void choose_logit_rows(Graph& graph) {
  const auto logits = graph.outputs.find("logits");
  if (logits == graph.outputs.end()) return;
  std::vector<Node> head;            // the linear layer and what makes logits of its rows, the last first
  for (int value = logits->second; head.empty() || is_elementwise(head.back()); value = head.back().inputs[0]) {
    const int producer = graph.values[size_t(value)].node;
    if (producer < 0) return;
    head.push_back(graph.nodes[size_t(producer)]);
  }
  const Node& layer = head.back();
  if (layer.op != &linear_op()) return;
  const std::string rows = graph.symbols[size_t(graph.values[size_t(layer.inputs[0])].dims[0].symbol)];
  if (rows != "tokens") return;      // one row per sequence already
  Builder g(graph);
  int value = select_rows({&g, layer.inputs[0]}, g.input_indices("logit_rows", "logit_rows")).id;
  const std::string name = graph.values[size_t(logits->second)].name;
  for (auto node = head.rbegin(); node != head.rend(); ++node) {
    std::vector<int> inputs = node->inputs;
    inputs[0] = value;
    value = graph.nodes[size_t(graph.append(*node->op, std::move(inputs), node->attributes, node->payload, node->scope))].outputs[0];
  }
  logits->second = value;
  graph.values[size_t(value)].name = name;
}

}  // namespace orrery
