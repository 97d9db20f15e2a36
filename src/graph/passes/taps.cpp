#include "graph/passes/taps.h"

#include <algorithm>
#include <set>

#include "base/nearest.h"
#include "graph/builder.h"
#include "graph/op.h"

namespace orrery {

namespace {
bool is_attention(const Node& node) { return node.op == &attention_op() || node.op == &cached_attention_op(); }

[[noreturn]] void no_such_value(const Graph& graph, const std::string& name) {
  throw Error{ErrorKind::bad_usage, "the model has no value named '" + name + "'", "tap or intervention", nearest_names(name, tap_names(graph))};
}

bool is_scan(const Node& node) { return node.op == &scan_op() || node.op == &cached_scan_op(); }
const ScanBody& body_of(const Node& scan) { return *static_cast<const ScanBody*>(scan.payload.get()); }

// A value that a body computes for each row.
bool is_row(const Graph& body, const ValueInfo& value) {
  return value.kind == ValueKind::computed && value.node >= 0 && value.dims.size() == 2 && value.dims[0] == Dim{1, body.find_symbol("step")} && value.dims[1].fixed();
}

// The scan whose body has a value of this name, and the value in it; -1 when there is none.
std::pair<int, int> found_inside(const Graph& graph, const std::string& name) {
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    if (!is_scan(graph.nodes[n])) continue;
    const Graph& body = body_of(graph.nodes[n]).graph;
    if (const int value = body.find_value(name); value >= 0 && is_row(body, body.values[size_t(value)])) return {int(n), value};
  }
  return {-1, -1};
}

// Makes a scan give out one more value of its body.
int give_out(Graph& graph, int scan, int inside, const std::string& name) {
  Node& node = graph.nodes[size_t(scan)];
  auto body = std::make_shared<ScanBody>(body_of(node));
  const size_t at = body->out_widths.size();
  const Dim width = body->graph.values[size_t(inside)].dims[1];
  body->graph.outputs["out." + std::to_string(at)] = inside;
  body->out_widths.push_back(width.factor);
  ValueInfo value;
  value.name = name;
  value.dims = {graph.values[size_t(node.inputs[0])].dims[0], width};
  value.kind = ValueKind::computed;
  value.node = scan;
  graph.values.push_back(std::move(value));
  node.outputs.insert(node.outputs.begin() + std::ptrdiff_t(at), int(graph.values.size()) - 1);
  node.payload = std::move(body);
  return int(graph.values.size()) - 1;
}

int name_output(Graph& graph, int node, const std::string& name) {
  const int output = graph.nodes[size_t(node)].outputs[0];
  graph.values[size_t(output)].name = name;
  return output;
}

// What made a value, sites left aside.
int making_node(const Graph& graph, int value) {
  const int made = graph.values[size_t(value)].node;
  const Node& node = graph.nodes[size_t(made)];
  return node.op == &intervene_op() ? graph.values[size_t(node.inputs[0])].node : made;
}
const Node& maker_of(const Graph& graph, int value) { return graph.nodes[size_t(making_node(graph, value))]; }

// Outputs 2, 3 and 4 of attention where it makes statistics.
constexpr const char* kStatistics[] = {"_entropy", "_sink_mass", "_max_score"};

// The statistics of an attention, which it makes from now on; -1 where the name is not that of one.
int tapped_statistic(Graph& graph, const std::string& name) {
  for (size_t i = 0; i < std::size(kStatistics); ++i) {
    const std::string ending = std::string("attention") + kStatistics[i];
    if (!name.ends_with(ending)) continue;
    const std::string mixed_name = name.substr(0, name.size() - std::string(kStatistics[i]).size());
    const int mixed = graph.find_value(mixed_name);
    if (mixed < 0 || graph.values[size_t(mixed)].node < 0 || !is_attention(maker_of(graph, mixed))) return -1;
    const int made = making_node(graph, mixed);
    Node& node = graph.nodes[size_t(made)];
    node.attributes.set("statistics", int64_t(1));
    for (const char* each : kStatistics) {
      ValueInfo value;
      value.name = mixed_name + each;
      value.dims = graph.values[size_t(node.outputs[1])].dims;
      value.kind = ValueKind::computed;
      value.node = made;
      graph.values.push_back(std::move(value));
      node.outputs.push_back(int(graph.values.size()) - 1);
    }
    return node.outputs[2 + i];
  }
  return -1;
}

// The pattern of an additive attention in a scan's body, from the query that the body is made to give out.
int pattern_inside(Graph& graph, const std::string& name, const std::string& mixed) {
  const auto [scan, value] = found_inside(graph, mixed);
  if (scan < 0) return -1;
  const Graph& body = body_of(graph.nodes[size_t(scan)]).graph;
  const Node asking = maker_of(body, value);
  if (asking.op != &additive_attention_op()) return -1;
  const std::string keys = body.values[size_t(asking.inputs[1])].name, v = body.values[size_t(asking.inputs[3])].name;
  if (!keys.starts_with("memory.")) return -1;
  const Node& node = graph.nodes[size_t(scan)];
  const int64_t memory = node.attributes.integer("rows") + node.attributes.integer("carries") + std::stoll(keys.substr(7));
  const int key_rows = node.inputs[size_t(memory)], weight = graph.find_value(v);
  const int query = give_out(graph, scan, asking.inputs[0], "");
  return name_output(graph, graph.append(additive_pattern_op(), {query, key_rows, weight}), name);
}

// The value a name stands for; side steps for patterns and scores are appended.
int tapped_value(Graph& graph, const std::string& name) {
  if (const int found = graph.find_value(name); found >= 0) return found;
  if (const auto [scan, value] = found_inside(graph, name); scan >= 0) return give_out(graph, scan, value, name);
  if (const int statistic = tapped_statistic(graph, name); statistic >= 0) return statistic;
  const bool pattern = name.ends_with("pattern");
  if (!pattern && !name.ends_with("scores")) no_such_value(graph, name);
  const std::string mixed_name = name.substr(0, name.size() - (pattern ? 7 : 6)) + "attention";
  if (const int output = pattern ? pattern_inside(graph, name, mixed_name) : -1; output >= 0) return output;
  const int mixed = graph.find_value(mixed_name);
  if (mixed < 0 || graph.values[size_t(mixed)].node < 0 || !is_attention(maker_of(graph, mixed))) no_such_value(graph, name);
  const Node node = maker_of(graph, mixed);
  Attributes attributes = node.attributes;
  attributes.set("cached", int64_t(node.op == &cached_attention_op()));
  // q, and k or the state; the pattern also reads lse; the bias has the place that it has in attention
  std::vector<int> inputs{node.inputs[0], node.inputs[1]};
  const bool biased = node.inputs.size() > 3 && node.inputs[3] >= 0;
  if (pattern || biased) inputs.push_back(pattern ? node.outputs[1] : -1);
  if (biased) inputs.push_back(node.inputs[3]);
  return name_output(graph, graph.append(pattern ? attention_pattern_op() : attention_scores_op(), inputs, attributes), name);
}

// The value becomes what a site makes of it, for all that read it.
void add_site(Graph& graph, int value, const std::string& name) {
  const int producer = graph.values[size_t(value)].node;
  std::vector<Node> old = std::move(graph.nodes);
  graph.nodes.clear();
  int changed = -1;
  for (size_t i = 0; i < old.size(); ++i) {
    Node& node = old[i];
    if (changed >= 0)
      for (int& input : node.inputs)
        if (input == value) input = changed;
    for (int output : node.outputs) graph.values[size_t(output)].node = int(graph.nodes.size());
    graph.nodes.push_back(std::move(node));
    if (int(i) == producer) {
      const int site = graph.append(intervene_op(), {value}, {{"site", name}});
      changed = graph.nodes[size_t(site)].outputs[0];
      graph.values[size_t(changed)].name = name;
    }
  }
  for (auto& [output, id] : graph.outputs)
    if (id == value) id = changed;
}
}  // namespace

std::string nearest_names(const std::string& name, std::vector<std::string> candidates, size_t count) {
  std::string hint;
  for (const std::string& near : nearest_few(name, std::move(candidates), count)) hint += (hint.empty() ? "did you mean " : ", ") + near;
  return hint;
}

std::vector<std::pair<const Graph*, std::string>> graphs_within(const Graph& graph) {
  std::vector<std::pair<const Graph*, std::string>> graphs{{&graph, ""}};
  for (const Node& node : graph.nodes)
    if (is_scan(node)) graphs.emplace_back(&body_of(node).graph, graph.symbols[size_t(graph.values[size_t(node.inputs[0])].dims[0].symbol)]);
  return graphs;
}

std::vector<std::string> tap_names(const Graph& graph) {
  std::set<std::string> names;
  for (const auto& [one, rows] : graphs_within(graph))
    for (const ValueInfo& value : one->values) {
      if (value.name.empty() || value.kind != ValueKind::computed || value.node < 0 || (one != &graph && !is_row(*one, value))) continue;
      names.insert(value.name);
      const Node& maker = maker_of(*one, int(&value - one->values.data()));
      if (!value.name.ends_with("attention") || (!is_attention(maker) && maker.op != &additive_attention_op())) continue;
      const std::string stem = value.name.substr(0, value.name.size() - 9);
      names.insert(stem + "pattern");
      if (!is_attention(maker)) continue;
      names.insert(stem + "scores");
      for (const char* statistic : kStatistics) names.insert(value.name + statistic);
    }
  return {names.begin(), names.end()};
}

bool is_seen_only(const std::string& name) {
  if (name.ends_with("pattern") || name.ends_with("scores")) return true;
  for (const char* statistic : kStatistics)
    if (name.ends_with(std::string("attention") + statistic)) return true;
  return false;
}

void add_taps(Graph& graph, const std::vector<std::string>& names) {
  for (const std::string& name : names) graph.outputs["tap:" + name] = tapped_value(graph, name);
}

void add_sites(Graph& graph, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const int value = graph.find_value(name);
    if (value >= 0 && graph.values[size_t(value)].kind == ValueKind::computed && graph.values[size_t(value)].node >= 0) {
      add_site(graph, value, name);
    } else if (const auto [scan, inside] = found_inside(graph, name); scan >= 0) {
      Node& node = graph.nodes[size_t(scan)];
      auto body = std::make_shared<ScanBody>(body_of(node));
      add_site(body->graph, inside, name);
      node.payload = std::move(body);
    } else {
      no_such_value(graph, name);
    }
  }
}

}  // namespace orrery
