#include "graph/passes/fuse.h"

#include <map>

#include "graph/op.h"
#include "graph/ops/fused_linear.h"
#include "kernels/elementwise.h"

namespace orrery {

namespace {

class Fusing {
 public:
  explicit Fusing(Graph& graph) : graph_(graph), readers_(graph.values.size(), 0), gone_(graph.nodes.size(), 0) {
    for (const Node& node : graph.nodes)
      for (int input : node.inputs)
        if (input >= 0) ++readers_[size_t(input)];
    for (const auto& [name, value] : graph.outputs) ++readers_[size_t(value)];
  }

  void run() {
    for (size_t i = 0; i < graph_.nodes.size(); ++i) take_in(i);
    group();
    std::vector<Node> kept;
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (gone_[i]) continue;
      for (int output : graph_.nodes[i].outputs) graph_.values[size_t(output)].node = int(kept.size());
      kept.push_back(std::move(graph_.nodes[i]));
    }
    graph_.nodes = std::move(kept);
  }

 private:
  bool is_weight(int value) const { return value < 0 || graph_.values[size_t(value)].kind == ValueKind::weight; }

  // The linear of packed weights that makes a value which only one node reads; -1 where there is none.
  int linear_behind(int value) const {
    const int node = graph_.values[size_t(value)].node;
    if (node < 0 || gone_[size_t(node)] || readers_[size_t(value)] != 1) return -1;
    return is_packed_linear(graph_.nodes[size_t(node)]) ? node : -1;
  }
  bool is_packed_linear(const Node& node) const {
    return node.op == &linear_op() && is_weight(node.inputs[1]) && (node.inputs.size() < 3 || is_weight(node.inputs[2]));
  }

  // Node i takes in the linears whose results it alone reads.
  void take_in(size_t i) {
    const Node node = graph_.nodes[i];
    const int64_t kind = node.attributes.integer("kind");
    if (node.op == &unary_op()) {
      if (const int from = linear_behind(node.inputs[0]); from >= 0) replace(i, Fused::unary, kind, {from});
    } else if (node.op == &gated_op()) {
      const int gate = linear_behind(node.inputs[0]), up = linear_behind(node.inputs[1]);
      if (gate >= 0 && up >= 0 && gate != up && together(graph_.nodes[size_t(gate)], graph_.nodes[size_t(up)])) replace(i, Fused::gated, kind, {gate, up});
    } else if (node.op == &binary_op() && Binary(kind) == Binary::add && dims(node.inputs[0]) == dims(node.inputs[1])) {
      for (const size_t side : {size_t(1), size_t(0)})
        if (const int from = linear_behind(node.inputs[side]); from >= 0) {
          replace(i, Fused::add, 0, {from});
          add_other(graph_.nodes[i], node.inputs[1 - side]);
          return;
        }
    }
  }
  const Dims& dims(int value) const { return graph_.values[size_t(value)].dims; }

  static bool together(const Node& a, const Node& b) {
    return a.inputs[0] == b.inputs[0] && a.attributes.integer("transposed") == b.attributes.integer("transposed");
  }

  void replace(size_t i, Fused what, int64_t kind, const std::vector<int>& linears) {
    Node fused = fused_linear_node(graph_.nodes[size_t(linears[0])], what, kind);
    for (size_t part = 0; part < linears.size(); ++part) {
      add_part(fused, graph_.nodes[size_t(linears[part])], int(part));
      gone_[size_t(linears[part])] = 1;
    }
    fused.outputs = graph_.nodes[i].outputs;
    graph_.nodes[i] = std::move(fused);
  }

  // Linears of the same x that are left come where the first of them is.
  void group() {
    std::map<std::pair<int, int64_t>, size_t> open;   // x, transposed → a node with room
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (gone_[i] || !is_packed_linear(graph_.nodes[i])) continue;
      const Node& node = graph_.nodes[i];
      const auto [at, fresh] = open.try_emplace({node.inputs[0], node.attributes.integer("transposed")}, i);
      if (fresh) continue;
      Node& first = graph_.nodes[at->second];
      if (first.op == &linear_op()) {
        Node fused = fused_linear_node(first, Fused::none);
        add_part(fused, first, 0);
        fused.outputs = first.outputs;
        first = std::move(fused);
      }
      add_part(first, node, int(first.outputs.size()));
      first.outputs.push_back(node.outputs[0]);
      gone_[i] = 1;
      if (first.outputs.size() == size_t(kMostFused)) open.erase(at);
    }
  }

  Graph& graph_;
  std::vector<int> readers_;
  std::vector<char> gone_;
};

}  // namespace

void fuse(Graph& graph) { Fusing(graph).run(); }

}  // namespace orrery
