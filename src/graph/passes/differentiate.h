// differentiate: appends the backward graph to a forward one.
//
//   Value loss = cross_entropy(logits, labels);
//   fuse_loss(graph);
//   Gradients d = differentiate(graph, {{loss.id, seed.id}}, wanted_weights);
//
// Reverse accumulation: nodes are visited last to first, and each op's own `gradient` adds its nodes. Contributions to
// one value are added in the order in which they are met, which is fixed by the graph.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "graph/builder.h"

namespace orrery {

struct Gradients {
  std::map<int, int> of;     // value id → id of its gradient; absent where nothing flows
};

// seeds: (value, gradient of the objective with respect to it). wanted: weights, inputs or any named values.
Gradients differentiate(Graph& graph, const std::vector<std::pair<int, int>>& seeds, const std::vector<int>& wanted);

// Replaces cross_entropy(linear(x, W, b), labels) by linear_cross_entropy(x, W, labels, b) wherever the logits have no
// other reader, so that they are never held whole.
void fuse_loss(Graph& graph);

// All weights of the graph that are to be trained: those for which `trainable(name)`.
template <class F>
std::vector<int> trainable_weights(const Graph& graph, F&& trainable) {
  std::vector<int> ids;
  for (size_t i = 0; i < graph.values.size(); ++i)
    if (graph.values[i].kind == ValueKind::weight && trainable(graph.values[i].name)) ids.push_back(int(i));
  return ids;
}

}  // namespace orrery
