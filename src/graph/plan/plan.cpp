#include "graph/plan/plan.h"

#include <algorithm>

#include "graph/passes/fuse.h"
#include "graph/plan/rounded_values.h"

namespace orrery {

namespace {

Sizes sizes_from(const Graph& graph, const std::map<std::string, int64_t>& named) {
  Sizes sizes;
  sizes.symbols.assign(graph.symbols.size(), 1);
  for (size_t i = 0; i < graph.symbols.size(); ++i)
    if (const auto it = named.find(graph.symbols[i]); it != named.end()) sizes.symbols[i] = it->second;
  return sizes;
}

// Is every use of the weight one that reads it in the dtype it is held in?
bool always_held(const Graph& graph, int value) {
  for (const Node& node : graph.nodes)
    for (size_t i = 0; i < node.inputs.size(); ++i)
      if (node.inputs[i] == value && !node.op->reads_held(int(i))) return false;
  return true;
}

}  // namespace

Cost cost_of(const Graph& graph, const std::map<std::string, int64_t>& named, int64_t keys) {
  const Sizes sizes = sizes_from(graph, named);
  Cost total;
  for (const Node& node : graph.nodes) {
    const Cost cost = node.op->cost(CostContext(graph, node, sizes, keys));
    total.flops += cost.flops;
    total.bytes += cost.bytes;
  }
  return total;
}

std::shared_ptr<const Plan> compile(Graph graph, WeightStore& weights, const CompileOptions& options, ThreadPool* pool) {
  auto plan = std::make_shared<Plan>();
  drop_dead_nodes(graph);
  if (options.pack_weights) fuse(graph);
  plan->graph_ = std::move(graph);
  const Graph& g = plan->graph_;
  plan->options_ = options;
  plan->products_ = weights.products;
  plan->capacity_ = sizes_from(g, options.capacity);
  std::set<int> external;
  for (const std::string& name : options.external)
    if (const auto it = g.outputs.find(name); it != g.outputs.end()) external.insert(it->second);
  plan->dtypes_.assign(g.values.size(), options.compute);

  std::set<int> used;
  for (const Node& node : g.nodes)
    for (int input : node.inputs)
      if (input >= 0 && g.values[size_t(input)].kind == ValueKind::weight) used.insert(input);
  for (int value : used) {
    const std::string& name = g.values[size_t(value)].name;
    const Weight& weight = weights.at(name);
    std::vector<int64_t> expected;
    for (Dim dim : g.values[size_t(value)].dims) expected.push_back(dim.factor);
    if (weight.shape() != expected)
      throw Error{ErrorKind::bad_file, "weight '" + name + "' is " + shape_text(weight.shape()) + ", the model needs " + shape_text(expected), "weights"};
    if (!weight.mapped()) plan->weight_bytes_ += weight.bytes();
  }
  std::map<std::pair<const Op*, const void*>, Prepared> prepared;
  for (size_t i = 0; i < g.nodes.size(); ++i) {
    Step step;
    step.node = int(i);
    const Node& node = g.nodes[i];
    const std::pair<const Op*, const void*> shared{node.op, node.payload.get()};
    if (node.op->shares_prepared && prepared.contains(shared)) {
      step.prepared = prepared[shared];
    } else if (node.op->prepare) {
      step.prepared = node.op->prepare(PrepareContext{g, node, weights, plan->capacity_, options.pack_weights, options.compute, pool, options.max_positions});
      prepared[shared] = step.prepared;
    }
    plan->steps_.push_back(std::move(step));
  }
  if (options.compute == DType::f32) store_rounded(plan->graph_, plan->steps_);
  std::set<int> with_prepared;
  for (const Step& step : plan->steps_)
    if (step.prepared.data) with_prepared.insert(step.node);
  plan->layout_ = lay_out(g, plan->capacity_, options.compute, external, with_prepared);
  for (int value : used) {
    // A weight that was packed for every use is not read itself.
    bool read = false;
    for (const Step& step : plan->steps_)
      for (size_t i = 0; i < g.nodes[size_t(step.node)].inputs.size(); ++i)
        read = read || (g.nodes[size_t(step.node)].inputs[i] == value && !(step.prepared.data && g.nodes[size_t(step.node)].op->reads_held(int(i))));
    if (!read) continue;
    const std::string& name = g.values[size_t(value)].name;
    const bool held = options.compute == DType::f32 && always_held(g, value) && !weights.at(name).stored;
    const Weight& weight = weights.at(name);
    const Tensor& read_there = plan->weights_[value] = held ? weight.value : weights.as(name, options.compute);
    if (read_there.raw() != weight.value.raw()) plan->weight_bytes_ += int64_t(read_there.bytes());
    else if (weight.mapped()) plan->mapped_bytes_ += weight.bytes();
    plan->dtypes_[size_t(value)] = plan->weights_[value].dtype();
  }
  return plan;
}

MemoryReport Plan::memory(int threads) const {
  MemoryReport report;
  report.weights = weight_bytes_;
  report.mapped = mapped_bytes_;
  report.arena = layout_.arena_bytes;
  report.scratch = int64_t(threads) * kThreadScratchBytes;
  std::set<const void*> counted;      // packed panels and tables are shared by the steps that read the same ones
  for (const Step& step : steps_) {
    if (!step.prepared.data) continue;
    if (counted.insert(step.prepared.identity ? step.prepared.identity : step.prepared.data.get()).second) {
      report.derived += step.prepared.bytes - step.prepared.mapped_bytes;
      report.mapped += step.prepared.mapped_bytes;
    }
    if (!step.prepared.child) continue;
    const MemoryReport inside = step.prepared.child->memory(0);
    report.arena += inside.arena;
    report.derived += inside.derived;
    report.mapped += inside.mapped;
  }
  return report;
}

Cost Plan::cost(const std::map<std::string, int64_t>& sizes, int64_t keys) const { return cost_of(graph_, sizes, keys); }

}  // namespace orrery
