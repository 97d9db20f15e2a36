#include "inspect/lens.h"

#include <algorithm>
#include <map>

#include "graph/op.h"
#include "inspect/sites.h"

namespace orrery {

namespace {

// The nodes from which the logits follow, and the values that they read.
std::vector<char> leads_to_logits(const Graph& graph) {
  std::vector<char> leads(graph.values.size(), 0);
  const auto logits = graph.outputs.find("logits");
  if (logits == graph.outputs.end()) return leads;
  leads[size_t(logits->second)] = 1;
  for (size_t i = graph.nodes.size(); i-- > 0;) {
    const Node& node = graph.nodes[i];
    if (std::none_of(node.outputs.begin(), node.outputs.end(), [&](int output) { return leads[size_t(output)] != 0; })) continue;
    for (const int input : node.inputs)
      if (input >= 0) leads[size_t(input)] = 1;
  }
  return leads;
}

}  // namespace

std::vector<std::string> lens_values(const Graph& graph) {
  const std::vector<char> leads = leads_to_logits(graph);
  // The last layer's residual says which stack it is: an encoder's residuals lead to a decoder's logits too.
  std::string prefix;
  bool found = false;
  for (const Node& node : graph.nodes)
    for (const int output : node.outputs)
      if (const std::string& name = graph.values[size_t(output)].name; leads[size_t(output)] && name.ends_with(".residual") && layer_of(name) >= 0) {
        prefix = name.substr(0, name.rfind("layers."));
        found = true;
      }
  if (!found) return {};
  std::vector<std::string> names;
  for (const Node& node : graph.nodes)
    for (const int output : node.outputs) {
      const std::string& name = graph.values[size_t(output)].name;
      const bool residual = name.starts_with(prefix + "layers.") && name.ends_with(".residual");
      if ((residual || name == prefix + "embedding") && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  return names;
}

void add_lens(Graph& graph) {
  const std::vector<std::string> names = lens_values(graph);
  if (names.empty()) return;
  const int last = graph.find_value(names.back()), logits = graph.outputs.at("logits");
  // What follows from the last residual and leads to the logits.
  const std::vector<char> leads = leads_to_logits(graph);
  std::vector<char> follows(graph.values.size(), 0);
  follows[size_t(last)] = 1;
  std::vector<Node> head;
  for (const Node& node : graph.nodes) {
    if (std::none_of(node.inputs.begin(), node.inputs.end(), [&](int input) { return input >= 0 && follows[size_t(input)] != 0; })) continue;
    bool wanted = false;
    for (const int output : node.outputs) {
      follows[size_t(output)] = 1;
      wanted = wanted || leads[size_t(output)];
    }
    if (wanted) head.push_back(node);
  }
  for (const std::string& name : names) {
    std::map<int, int> instead{{last, graph.find_value(name)}};
    for (const Node& node : head) {
      std::vector<int> inputs = node.inputs;
      for (int& input : inputs)
        if (const auto found = instead.find(input); found != instead.end()) input = found->second;
      const int made = graph.append(*node.op, std::move(inputs), node.attributes, node.payload, node.scope);
      for (size_t i = 0; i < node.outputs.size(); ++i) instead[node.outputs[i]] = graph.nodes[size_t(made)].outputs[i];
    }
    graph.outputs[kLens + name] = instead.at(logits);
  }
}

}  // namespace orrery
