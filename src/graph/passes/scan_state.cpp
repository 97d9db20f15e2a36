#include "graph/passes/scan_state.h"

#include <algorithm>
#include <map>

#include "graph/builder.h"
#include "graph/op.h"

namespace orrery {

namespace {

bool has_rows_of(const Graph& graph, int value, int space) {
  if (value < 0) return false;
  const ValueInfo& info = graph.values[size_t(value)];
  return !info.dims.empty() && info.element == Element::real && info.dims[0].symbol == space;
}

// Inputs of a node by which rows of the source reach what is not of the source. Attention has slots of its own.
std::vector<size_t> looks_at_source(const Graph& graph, const Node& node, int source) {
  std::vector<size_t> inputs;
  if (source < 0 || node.op == &attention_op()) return inputs;
  for (int output : node.outputs)
    if (has_rows_of(graph, output, source)) return inputs;
  for (size_t i = 0; i < node.inputs.size(); ++i)
    if (has_rows_of(graph, node.inputs[i], source)) inputs.push_back(i);
  return inputs;
}

// Each value looked at, in the order of its first use.
std::vector<int> looked_at(const Graph& graph, int source) {
  std::vector<int> values;
  for (const Node& node : graph.nodes)
    for (size_t i : looks_at_source(graph, node, source))
      if (std::find(values.begin(), values.end(), node.inputs[i]) == values.end()) values.push_back(node.inputs[i]);
  return values;
}

CacheSlot rows_slot(int64_t width) { return {width, DType::f32, /*rows_only=*/true}; }

}  // namespace

void carry_state(Graph& graph, std::vector<CacheSlot>& slots) {
  const int tokens = graph.find_symbol("tokens");
  for (Node& node : graph.nodes) {
    if (node.op != &scan_op() || graph.values[size_t(node.inputs[0])].dims[0].symbol != tokens) continue;
    if (node.attributes.integer("reverse")) throw Error{ErrorKind::unsupported, "what reads a text from its end cannot go on with it", "scan"};
    node.op = &cached_scan_op();
    node.attributes.set("slot", int64_t(slots.size()));
    for (int64_t width : static_cast<const ScanBody*>(node.payload.get())->carry_widths) slots.push_back(rows_slot(width));
  }
}

void keep_source_rows(Graph& graph, std::vector<CacheSlot>& slots) {
  for (int value : looked_at(graph, graph.find_symbol("source"))) {
    graph.append(keep_rows_op(), {value}, {{"slot", int64_t(slots.size())}});
    slots.push_back(rows_slot(graph.values[size_t(value)].dims[1].factor));
  }
}

void read_source_rows(Graph& graph, int64_t first) {
  const int source = graph.find_symbol("source"), tokens = graph.find_symbol("tokens");
  const std::vector<int> values = looked_at(graph, source);
  if (values.empty()) return;
  std::map<int, int> kept;     // a value → its rows, read
  std::vector<Node> old = std::move(graph.nodes);
  graph.nodes.clear();
  for (size_t i = 0; i < values.size(); ++i) {
    const int64_t width = graph.values[size_t(values[i])].dims[1].factor;
    const int node = graph.append(source_rows_op(), {}, {{"space", int64_t(source)}, {"of", int64_t(tokens)}, {"slot", first + int64_t(i)}, {"width", width}});
    kept[values[i]] = graph.nodes[size_t(node)].outputs[0];
  }
  for (Node& node : old) {
    for (size_t i : looks_at_source(graph, node, source)) node.inputs[i] = kept.at(node.inputs[i]);
    for (int output : node.outputs) graph.values[size_t(output)].node = int(graph.nodes.size());
    graph.nodes.push_back(std::move(node));
  }
}

}  // namespace orrery
