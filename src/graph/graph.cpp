#include "graph/graph.h"

#include <algorithm>

#include "graph/op.h"

namespace orrery {

int64_t Attributes::integer(const std::string& name, int64_t otherwise) const {
  const auto it = items_.find(name);
  return it == items_.end() ? otherwise : std::get<int64_t>(it->second);
}
double Attributes::number(const std::string& name, double otherwise) const {
  const auto it = items_.find(name);
  return it == items_.end() ? otherwise : std::get<double>(it->second);
}
std::string Attributes::text(const std::string& name) const {
  const auto it = items_.find(name);
  return it == items_.end() ? std::string() : std::get<std::string>(it->second);
}

int Graph::find_symbol(std::string_view name) const {
  const auto it = std::find(symbols.begin(), symbols.end(), name);
  return it == symbols.end() ? -1 : int(it - symbols.begin());
}

int Graph::symbol(std::string_view name) {
  if (const int found = find_symbol(name); found >= 0) return found;
  symbols.emplace_back(name);
  return int(symbols.size()) - 1;
}

int Graph::find_value(std::string_view name) const {
  if (name.empty()) return -1;
  for (size_t i = values.size(); i-- > 0;)
    if (values[i].name == name) return int(i);
  return -1;
}

std::string Graph::shape_text(const Dims& dims) const {
  std::string text = "[";
  for (size_t i = 0; i < dims.size(); ++i) {
    if (i) text += ", ";
    if (dims[i].fixed()) {
      text += std::to_string(dims[i].factor);
      continue;
    }
    if (dims[i].factor != 1) text += std::to_string(dims[i].factor) + "*";
    text += symbols[size_t(dims[i].symbol)];
  }
  return text + "]";
}

int Graph::append(const Op& op, std::vector<int> inputs, Attributes attributes, std::shared_ptr<const void> payload, std::string scope) {
  Node node;
  node.op = &op;
  node.inputs = std::move(inputs);
  node.attributes = std::move(attributes);
  node.payload = std::move(payload);
  node.scope = std::move(scope);
  ShapeContext context(*this, node);
  const size_t before = values.size();
  try {
    context.check_elements();
    op.shape(context);
  } catch (...) {
    values.resize(before);
    throw;
  }
  const int index = int(nodes.size());
  for (int output : node.outputs) values[size_t(output)].node = index;
  nodes.push_back(std::move(node));
  return index;
}

void ShapeContext::output(Dims dims, Element element) {
  ValueInfo value;
  value.dims = std::move(dims);
  value.element = element;
  graph_.values.push_back(std::move(value));
  node_.outputs.push_back(int(graph_.values.size()) - 1);
}

void ShapeContext::fail(const std::string& why) const {
  std::string what = std::string(node_.op->name) + ": ";
  for (size_t i = 0; i < node_.inputs.size(); ++i) {
    if (node_.inputs[i] < 0) continue;
    const ValueInfo& value = graph_.values[size_t(node_.inputs[i])];
    what += (value.name.empty() ? "input " + std::to_string(i) : value.name) + " is " + graph_.shape_text(value.dims) + ", ";
  }
  throw Error{ErrorKind::bad_usage, what + why, node_.scope};
}

void ShapeContext::check_elements() const {
  for (size_t i = 0; i < node_.inputs.size(); ++i) {
    if (node_.inputs[i] < 0) continue;
    const ValueInfo& value = graph_.values[size_t(node_.inputs[i])];
    const bool index = value.element == Element::index, wanted = node_.op->takes_indices(int(i));
    if (index && !wanted) fail("input " + std::to_string(i) + " is of indices, reals are wanted");
    if (!index && wanted) fail("input " + std::to_string(i) + " is of reals, indices are wanted");
    if (value.dims.empty()) fail("input " + std::to_string(i) + " has no axis");
  }
}

bool ShapeContext::has_sequences(int i) const {
  const Dims& dims = input(i);
  return dims.size() == 2 && dims[0].factor == 1 && !dims[0].fixed() && !graph_.symbols[size_t(dims[0].symbol)].ends_with(".sequences");
}

int64_t CostContext::size(int input, int axis) const {
  const Dims& dims = graph_.values[size_t(node_.inputs[size_t(input)])].dims;
  return sizes_.of(dims[size_t(axis < 0 ? int(dims.size()) + axis : axis)]);
}

double CostContext::operand_bytes(int64_t element_size) const {
  int64_t bytes = 0;
  const auto count = [&](int id) {
    const ValueInfo& value = graph_.values[size_t(id)];
    bytes += sizes_.count(value.dims) * (value.element == Element::rounded ? 2 : element_size);
  };
  for (int input : node_.inputs)
    if (input >= 0) count(input);
  for (int output : node_.outputs) count(output);
  return double(bytes);
}

void drop_dead_nodes(Graph& graph) {
  std::vector<char> needed(graph.values.size(), 0);
  for (const auto& [name, value] : graph.outputs) needed[size_t(value)] = 1;
  std::vector<char> keep(graph.nodes.size(), 0);
  for (size_t i = graph.nodes.size(); i-- > 0;) {
    const Node& node = graph.nodes[i];
    bool wanted = node.op->effect;
    for (int output : node.outputs) wanted = wanted || needed[size_t(output)];
    if (!wanted) continue;
    keep[i] = 1;
    for (int input : node.inputs)
      if (input >= 0) needed[size_t(input)] = 1;
  }
  std::vector<Node> kept;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!keep[i]) {
      for (int output : graph.nodes[i].outputs) graph.values[size_t(output)].node = -1;
      continue;
    }
    for (int output : graph.nodes[i].outputs) graph.values[size_t(output)].node = int(kept.size());
    kept.push_back(std::move(graph.nodes[i]));
  }
  graph.nodes = std::move(kept);
}

namespace {
std::string value_text(const Graph& graph, int id) {
  if (id < 0) return "-";
  const ValueInfo& value = graph.values[size_t(id)];
  return (value.name.empty() ? "%" + std::to_string(id) : value.name);
}

std::string attributes_text(const Node& node) {
  std::string text;
  for (const auto& [name, item] : node.attributes.items()) {
    text += text.empty() ? " {" : ", ";
    text += name + "=";
    if (const auto* integer = std::get_if<int64_t>(&item)) text += node.op->kind_name && name == "kind" ? node.op->kind_name(*integer) : std::to_string(*integer);
    else if (const auto* number = std::get_if<double>(&item)) {
      char buffer[32];
      std::snprintf(buffer, sizeof buffer, "%g", *number);
      text += buffer;
    } else
      text += std::get<std::string>(item);
  }
  return text.empty() ? text : text + "}";
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + "\"";
}
}  // namespace

std::string to_text(const Graph& graph) {
  std::string text;
  for (const Node& node : graph.nodes) {
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const ValueInfo& value = graph.values[size_t(node.outputs[i])];
      text += (i ? ", " : "") + value_text(graph, node.outputs[i]) + " " + graph.shape_text(value.dims);
    }
    text += node.outputs.empty() ? "" : " = ";
    text += node.op->name;
    text += "(";
    for (size_t i = 0; i < node.inputs.size(); ++i) text += (i ? ", " : "") + value_text(graph, node.inputs[i]);
    text += ")" + attributes_text(node) + "\n";
  }
  for (const auto& [name, value] : graph.outputs) text += "return " + name + " = " + value_text(graph, value) + "\n";
  return text;
}

std::string to_graphviz(const Graph& graph) {
  std::string text = "digraph model {\n  rankdir=TB; node [shape=box, style=rounded, fontname=\"Helvetica\"];\n";
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    std::string label = node.op->name;
    if (!node.outputs.empty()) {
      const ValueInfo& value = graph.values[size_t(node.outputs[0])];
      if (!value.name.empty()) label += "\\n" + value.name;
      label += "\\n" + graph.shape_text(value.dims);
    }
    text += "  n" + std::to_string(i) + " [label=\"" + label + "\"];\n";
    for (int input : node.inputs) {
      if (input < 0) continue;
      const ValueInfo& value = graph.values[size_t(input)];
      if (value.kind == ValueKind::computed && value.node >= 0)
        text += "  n" + std::to_string(value.node) + " -> n" + std::to_string(i) + ";\n";
      else
        text += "  " + quoted(value.name) + " [shape=" + (value.kind == ValueKind::weight ? "note" : "ellipse") + "];\n  " +
                quoted(value.name) + " -> n" + std::to_string(i) + ";\n";
    }
  }
  for (const auto& [name, value] : graph.outputs) {
    text += "  " + quoted("out:" + name) + " [shape=ellipse, label=" + quoted(name) + "];\n";
    if (graph.values[size_t(value)].node >= 0)
      text += "  n" + std::to_string(graph.values[size_t(value)].node) + " -> " + quoted("out:" + name) + ";\n";
  }
  return text + "}\n";
}

}  // namespace orrery
