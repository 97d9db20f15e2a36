#include "graph/plan/memory.h"

#include <algorithm>
#include <numeric>

namespace orrery {

namespace {

constexpr int64_t kAlignment = 64;

struct Block {
  int64_t bytes = 0;
  int first = 0, last = 0;     // the steps between which it must live
  int64_t offset = -1;
  bool external = false;
};

class Layout {
 public:
  Layout(const Graph& graph, const Sizes& capacity, DType compute, const std::set<int>& external, const std::set<int>& prepared)
      : graph_(graph), capacity_(capacity), compute_(compute), external_(external), prepared_(prepared), last_use_(graph.values.size(), -1) {
    for (size_t i = 0; i < graph.nodes.size(); ++i)
      for (int input : graph.nodes[i].inputs)
        if (input >= 0) last_use_[size_t(input)] = int(i);
    for (const auto& [name, value] : graph.outputs) last_use_[size_t(value)] = int(graph.nodes.size());
    result_.storage.assign(graph.values.size(), -1);
    result_.value_offset.assign(graph.values.size(), -1);
    result_.scratch_offset.assign(graph.nodes.size(), -1);
  }

  MemoryLayout run() {
    for (size_t i = 0; i < graph_.nodes.size(); ++i) visit(int(i));
    place();
    for (size_t v = 0; v < graph_.values.size(); ++v)
      if (const int s = result_.storage[v]; s >= 0 && !blocks_[size_t(s)].external) result_.value_offset[v] = blocks_[size_t(s)].offset;
    for (size_t i = 0; i < graph_.nodes.size(); ++i)
      if (scratch_block_.contains(int(i))) result_.scratch_offset[i] = blocks_[size_t(scratch_block_[int(i)])].offset;
    return std::move(result_);
  }

 private:
  int64_t bytes_of(int value) const {
    const ValueInfo& info = graph_.values[size_t(value)];
    const int64_t each = info.element == Element::state ? 0 : info.element == Element::rounded ? 2 : info.element == Element::index ? 4 : size_of(compute_);
    return capacity_.count(info.dims) * each;
  }

  // May the node's first output take this input's memory? Only if nobody reads that memory later.
  bool can_take(const Node& node, int node_index, int input) const {
    if (input < 0 || input >= int(node.inputs.size())) return false;
    const int value = node.inputs[size_t(input)];
    if (value < 0 || graph_.values[size_t(value)].kind != ValueKind::computed) return false;
    const int storage = result_.storage[size_t(value)];
    if (storage < 0 || blocks_[size_t(storage)].external || blocks_[size_t(storage)].last > node_index) return false;
    if (external_.contains(node.outputs[0])) return false;
    for (size_t i = 0; i < node.inputs.size(); ++i)
      if (int(i) != input && node.inputs[i] >= 0 && result_.storage[size_t(node.inputs[i])] == storage) return false;
    return blocks_[size_t(storage)].bytes >= bytes_of(node.outputs[0]) && graph_.values[size_t(value)].dims == graph_.values[size_t(node.outputs[0])].dims;
  }

  void join(int value, int storage) {
    result_.storage[size_t(value)] = storage;
    Block& block = blocks_[size_t(storage)];
    block.last = std::max(block.last, last_use_[size_t(value)]);
    if (external_.contains(value)) block.external = true;
  }

  void visit(int index) {
    const Node& node = graph_.nodes[size_t(index)];
    for (size_t o = 0; o < node.outputs.size(); ++o) {
      const int value = node.outputs[o];
      if (o == 0) {
        const int into = node.op->writes_into;
        if (into >= 0 && into < int(node.inputs.size()) && node.inputs[size_t(into)] >= 0) {
          join(value, result_.storage[size_t(node.inputs[size_t(into)])]);
          continue;
        }
        if (can_take(node, index, node.op->in_place)) {
          join(value, result_.storage[size_t(node.inputs[size_t(node.op->in_place)])]);
          continue;
        }
        if (can_take(node, index, node.op->in_place_other)) {
          join(value, result_.storage[size_t(node.inputs[size_t(node.op->in_place_other)])]);
          continue;
        }
      }
      blocks_.push_back({bytes_of(value), index, std::max(index, last_use_[size_t(value)]), -1, false});
      join(value, int(blocks_.size()) - 1);
      blocks_.back().last = std::max(blocks_.back().last, index);
    }
    if (!node.op->scratch || (!node.op->scratch_if_prepared && prepared_.contains(index))) return;
    const int64_t bytes = node.op->scratch(graph_, node, capacity_, compute_);
    if (bytes <= 0) return;
    blocks_.push_back({bytes, index, index, -1, false});
    scratch_block_[index] = int(blocks_.size()) - 1;
  }

  // Largest first, each at the lowest offset that is free for as long as it lives.
  void place() {
    std::vector<int> order(blocks_.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return blocks_[size_t(a)].bytes > blocks_[size_t(b)].bytes; });
    std::vector<int> placed;   // by offset
    for (int id : order) {
      Block& block = blocks_[size_t(id)];
      if (block.external) continue;
      int64_t at = 0;
      for (int other_id : placed) {
        const Block& other = blocks_[size_t(other_id)];
        if (other.last < block.first || other.first > block.last) continue;
        if (other.offset >= at + block.bytes) break;
        at = std::max(at, (other.offset + other.bytes + kAlignment - 1) / kAlignment * kAlignment);
      }
      block.offset = at;
      placed.insert(std::upper_bound(placed.begin(), placed.end(), id, [&](int a, int b) { return blocks_[size_t(a)].offset < blocks_[size_t(b)].offset; }), id);
      result_.arena_bytes = std::max(result_.arena_bytes, at + block.bytes);
    }
    result_.arena_bytes = (result_.arena_bytes + kAlignment - 1) / kAlignment * kAlignment;
  }

  const Graph& graph_;
  const Sizes& capacity_;
  const DType compute_;
  const std::set<int>& external_;
  const std::set<int>& prepared_;
  std::vector<int> last_use_;
  std::vector<Block> blocks_;
  std::map<int, int> scratch_block_;
  MemoryLayout result_;
};

}  // namespace

MemoryLayout lay_out(const Graph& graph, const Sizes& capacity, DType compute, const std::set<int>& external, const std::set<int>& prepared) {
  return Layout(graph, capacity, compute, external, prepared).run();
}

}  // namespace orrery
