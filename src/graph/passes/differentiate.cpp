#include "graph/passes/differentiate.h"

#include <algorithm>

#include "graph/grad.h"

namespace orrery {

void Grad::add(int i, Value contribution) {
  int& sum = gradients_[size_t(node().inputs[size_t(i)])];
  sum = sum < 0 ? contribution.id : (Value{&builder_, sum} + contribution).id;
  gradients_.resize(std::max(gradients_.size(), builder_.graph().values.size()), -1);
}

Value Grad::sum_so_far(int i) const {
  const Value none{&builder_, -1};
  const int sum = gradients_[size_t(node().inputs[size_t(i)])];
  if (sum < 0) return none;
  const Graph& graph = builder_.graph();
  if (graph.values[size_t(sum)].kind != ValueKind::computed || std::count(gradients_.begin(), gradients_.end(), sum) != 1) return none;
  for (const auto& [name, value] : graph.outputs)
    if (value == sum) return none;
  return {&builder_, sum};
}

void Grad::replace(int i, Value sum) {
  if (sum_so_far(i)) gradients_[size_t(node().inputs[size_t(i)])] = sum.id;
  else add(i, sum);
}

Gradients differentiate(Graph& graph, const std::vector<std::pair<int, int>>& seeds, const std::vector<int>& wanted) {
  // A value matters if it depends on something wanted.
  std::vector<char> matters(graph.values.size(), 0);
  for (int id : wanted) matters[size_t(id)] = 1;
  for (const Node& node : graph.nodes) {
    bool any = false;
    for (int input : node.inputs) any = any || (input >= 0 && matters[size_t(input)]);
    if (any)
      for (int output : node.outputs)
        if (graph.values[size_t(output)].element == Element::real) matters[size_t(output)] = 1;
  }
  // Room for the values that the backward pass will add: a reference to an entry must stay good while a node is handled.
  std::vector<int> gradients(graph.values.size() * 16 + 1024, -1);
  matters.resize(gradients.size(), 0);
  for (const auto& [value, seed] : seeds) gradients[size_t(value)] = seed;

  Builder builder(graph);
  const size_t forward_nodes = graph.nodes.size();
  for (size_t i = forward_nodes; i-- > 0;) {
    const Node& node = graph.nodes[i];
    bool flows = false, needed = false;
    for (int output : node.outputs) flows = flows || gradients[size_t(output)] >= 0;
    for (int input : node.inputs) needed = needed || (input >= 0 && matters[size_t(input)]);
    if (!flows || !needed) continue;
    if (!node.op->gradient) throw Error{ErrorKind::unsupported, std::string(node.op->name) + " has no gradient", node.scope};
    const auto gradient = node.op->gradient;
    Grad grad(builder, int(i), gradients, matters);
    gradient(grad);
    if (graph.values.size() + 64 > gradients.size()) {
      gradients.resize(graph.values.size() * 2, -1);
      matters.resize(gradients.size(), 0);
    }
  }
  Gradients result;
  for (int id : wanted)
    if (gradients[size_t(id)] >= 0) result.of[id] = gradients[size_t(id)];
  return result;
}

void fuse_loss(Graph& graph) {
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    Node& loss = graph.nodes[i];
    if (loss.op != &cross_entropy_op()) continue;
    const int logits = loss.inputs[0];
    const int producer = graph.values[size_t(logits)].node;
    if (producer < 0) continue;
    const Node& layer = graph.nodes[size_t(producer)];
    if (layer.op != &linear_op() || layer.attributes.integer("transposed") || graph.values[size_t(layer.inputs[1])].kind != ValueKind::weight) continue;
    int readers = 0;
    for (const Node& node : graph.nodes)
      for (int input : node.inputs) readers += input == logits;
    for (const auto& [name, value] : graph.outputs) readers += value == logits;
    if (readers != 1) continue;
    const int bias = layer.inputs.size() > 2 ? layer.inputs[2] : -1;
    loss.inputs = {layer.inputs[0], layer.inputs[1], loss.inputs[1]};
    if (bias >= 0) loss.inputs.push_back(bias);
    loss.op = &linear_cross_entropy_op();
  }
  drop_dead_nodes(graph);
}

}  // namespace orrery
