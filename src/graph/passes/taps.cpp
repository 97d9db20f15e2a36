#include "graph/passes/taps.h"

#include <algorithm>
#include <set>

#include "graph/op.h"

namespace orrery {

namespace {
bool is_attention(const Node& node) { return node.op == &attention_op() || node.op == &cached_attention_op(); }

int edit_distance(const std::string& a, const std::string& b) {
  std::vector<int> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = int(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    int diagonal = row[0];
    row[0] = int(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const int above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row[b.size()];
}

[[noreturn]] void no_such_value(const Graph& graph, const std::string& name) {
  throw Error{ErrorKind::bad_usage, "the model has no value named '" + name + "'", "tap or intervention", nearest_names(name, tap_names(graph))};
}

// The value a name stands for; side steps for patterns and scores are appended.
int tapped_value(Graph& graph, const std::string& name) {
  if (const int found = graph.find_value(name); found >= 0) return found;
  const std::string kind = name.ends_with("pattern") ? "pattern" : name.ends_with("scores") ? "scores" : "";   // or cross_pattern, …
  if (kind.empty()) no_such_value(graph, name);
  const int mixed = graph.find_value(name.substr(0, name.size() - kind.size()) + "attention");
  if (mixed < 0) no_such_value(graph, name);
  int producer = graph.values[size_t(mixed)].node;
  if (producer >= 0 && graph.nodes[size_t(producer)].op == &intervene_op())
    producer = graph.values[size_t(graph.nodes[size_t(producer)].inputs[0])].node;
  if (producer < 0 || !is_attention(graph.nodes[size_t(producer)])) no_such_value(graph, name);
  const Node node = graph.nodes[size_t(producer)];
  Attributes attributes = node.attributes;
  attributes.set("cached", int64_t(node.op == &cached_attention_op()));
  // q, and k or the state; the pattern also reads lse; the bias has the place that it has in attention
  std::vector<int> inputs{node.inputs[0], node.inputs[1]};
  const bool biased = node.inputs.size() > 3;
  if (kind == "pattern" || biased) inputs.push_back(kind == "pattern" ? node.outputs[1] : -1);
  if (biased) inputs.push_back(node.inputs[3]);
  const int side = graph.append(kind == "pattern" ? attention_pattern_op() : attention_scores_op(), inputs, attributes);
  const int output = graph.nodes[size_t(side)].outputs[0];
  graph.values[size_t(output)].name = name;
  return output;
}
}  // namespace

std::string nearest_names(const std::string& name, std::vector<std::string> candidates, size_t count) {
  std::stable_sort(candidates.begin(), candidates.end(), [&](const auto& a, const auto& b) { return edit_distance(a, name) < edit_distance(b, name); });
  std::string hint;
  for (size_t i = 0; i < std::min(count, candidates.size()); ++i) hint += (i ? ", " : "did you mean ") + candidates[i];
  return hint;
}

std::vector<std::string> tap_names(const Graph& graph) {
  std::set<std::string> names;
  for (const ValueInfo& value : graph.values) {
    if (value.name.empty() || value.kind != ValueKind::computed || value.node < 0) continue;
    names.insert(value.name);
    if (is_attention(graph.nodes[size_t(value.node)]) && value.name.ends_with("attention")) {
      const std::string stem = value.name.substr(0, value.name.size() - 9);
      names.insert(stem + "pattern");
      names.insert(stem + "scores");
    }
  }
  return {names.begin(), names.end()};
}

void add_taps(Graph& graph, const std::vector<std::string>& names) {
  for (const std::string& name : names) graph.outputs["tap:" + name] = tapped_value(graph, name);
}

void add_sites(Graph& graph, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const int value = graph.find_value(name);
    if (value < 0 || graph.values[size_t(value)].kind != ValueKind::computed || graph.values[size_t(value)].node < 0) no_such_value(graph, name);
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
}

}  // namespace orrery
