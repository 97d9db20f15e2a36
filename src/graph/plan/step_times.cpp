#include "graph/plan/step_times.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "graph/ops/fused_linear.h"
#include "graph/plan/plan.h"

namespace orrery {

namespace {

bool is_number(const std::string& text) { return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c) != 0; }); }

// "model.layers.3.mlp.up_proj.weight" is "mlp.up_proj": what stands behind the layer's number, and the kind of a product's weight goes without saying.
std::string place_of(const std::string& name) {
  std::string place;
  for (size_t begin = 0; begin < name.size();) {
    const size_t end = std::min(name.find('.', begin), name.size());
    const std::string word = name.substr(begin, end - begin);
    if (is_number(word)) place.clear();
    else if (word != "weight") place += (place.empty() ? "" : ".") + word;
    begin = end + 1;
  }
  return place;
}

// "self_attn.q_proj" and "self_attn.k_proj" are "self_attn.q_proj+k_proj".
void join(std::string& places, const std::string& next) {
  if (places.empty()) {
    places = next;
    return;
  }
  const size_t dot = next.rfind('.') == std::string::npos ? 0 : next.rfind('.') + 1;
  places += "+" + (places.starts_with(next.substr(0, dot)) ? next.substr(dot) : next);
}

bool is_weight(const Graph& graph, int value) { return value >= 0 && graph.values[size_t(value)].kind == ValueKind::weight; }
// Of a product, each input that is a packed weight.
bool is_packed(const Graph& graph, const Node& node, size_t input) {
  return node.op != &embedding_op() && node.op->prepare && node.op->reads_held(int(input)) && is_weight(graph, node.inputs[input]);
}

std::string op_text(const Node& node) {
  const std::string kind = node.op->kind_name ? node.op->kind_name(node.attributes.integer("kind")) : "";
  if (node.op != &fused_linear_op()) return node.op->name + (kind.empty() ? "" : " " + kind);
  switch (Fused(node.attributes.integer("after"))) {
    case Fused::none: return "linear";
    case Fused::unary: return "linear, " + kind;
    case Fused::gated: return "linear, gated " + kind;
    case Fused::add: return "linear, add";
  }
  return "linear";
}

std::string what_text(const Graph& graph, const Node& node) {
  std::string places;
  int64_t inner = 0, columns = 0;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (!is_packed(graph, node, i)) continue;
    const ValueInfo& weight = graph.values[size_t(node.inputs[i])];
    if (node.op->held_from_there && node.op != &fused_linear_op() && columns > 0) continue;   // experts are alike
    join(places, place_of(weight.name));
    const Dim last = graph.values[size_t(node.inputs[0])].dims.back();
    inner = last.factor;
    columns += weight.dims[0].factor == inner && weight.dims[1].factor != inner ? weight.dims[1].factor : weight.dims[0].factor;
  }
  if (columns > 0) return places + " " + std::to_string(inner) + " -> " + std::to_string(columns);
  for (int input : node.inputs)
    if (is_weight(graph, input)) return place_of(graph.values[size_t(input)].name);
  return node.outputs.empty() ? "" : place_of(graph.values[size_t(node.outputs[0])].name);
}

Arithmetic arithmetic_of(PanelFormat panels) {
  if (rounds_rows(panels)) return Arithmetic::int8;
  return panels == PanelFormat::bf16_pairs ? Arithmetic::bf16 : panels == PanelFormat::bf16_split ? Arithmetic::split : Arithmetic::f32;
}
Arithmetic arithmetic_of(const Plan& plan, const Node& node, const Prepared& prepared) {
  if (prepared.panels) return arithmetic_of(*prepared.panels);
  const bool product = node.op == &linear_op() || node.op == &linear_backward_input_op() || node.op == &linear_backward_weight_op() || node.op == &linear_cross_entropy_op() ||
                       node.op == &linear_cross_entropy_backward_op() || node.op == &matmul_op() || node.op == &attention_op() || node.op == &attention_backward_op() || node.op == &cached_attention_op();
  return product && plan.products() == DType::bf16 ? Arithmetic::bf16 : Arithmetic::f32;
}

bool is_cached(const Node& node) { return node.op == &cached_attention_op(); }

// Keys that attention reads, all sequences together, and those that a query sees on average.
struct KeyCounts {
  double read = 0, seen = 0;
};
KeyCounts keys_of(const Workspace& workspace, const Node& node) {
  const Dims& dims = workspace.plan().graph().values[size_t(node.inputs[0])].dims;
  if (dims.empty() || dims[0].fixed() || dims[0].symbol < 0) return {};
  const Rows& rows = workspace.rows_of(dims[0].symbol);
  const Dims* keys = node.inputs.size() > 1 && node.inputs[1] >= 0 ? &workspace.plan().graph().values[size_t(node.inputs[1])].dims : nullptr;
  const bool source = node.attributes.items().contains("source_slot");
  const bool causal = node.attributes.integer("causal") != 0;
  const double window = double(node.attributes.integer("window"));
  KeyCounts counts;
  double queries = 0, seen = 0;
  for (size_t s = 0; s < rows.sequences.size(); ++s) {
    const SequenceRows& sequence = rows.sequences[s];
    double there = double(sequence.position + sequence.count);
    if (source) there = sequence.source ? double(sequence.source->length) : 0;
    else if (!is_cached(node) && keys && !keys->empty() && !(*keys)[0].fixed()) there = double(workspace.rows_of((*keys)[0].symbol).sequences[s].count);
    const double count = double(sequence.count), mean = causal ? there - (count - 1) / 2 : there;
    counts.read += window > 0 ? std::min(there, window + count) : there;
    seen += count * (window > 0 ? std::min(mean, window) : mean);
    queries += count;
  }
  counts.seen = queries > 0 ? seen / queries : 0;
  return counts;
}

}  // namespace

const char* name_of(Arithmetic arithmetic) {
  switch (arithmetic) {
    case Arithmetic::f32: return "f32";
    case Arithmetic::bf16: return "bf16";
    case Arithmetic::int8: return "int8";
    case Arithmetic::split: return "f32 of bf16";
  }
  return "?";
}

Cost step_cost(const Workspace& workspace, size_t index) {
  const Plan& plan = workspace.plan();
  const Graph& graph = plan.graph();
  const Step& step = plan.steps()[index];
  const Node& node = graph.nodes[size_t(step.node)];
  const Sizes& sizes = workspace.sizes();
  const bool attends = node.op == &attention_op() || node.op == &cached_attention_op();
  const KeyCounts keys = attends ? keys_of(workspace, node) : KeyCounts{};
  Cost cost = node.op->cost(CostContext(graph, node, sizes, int64_t(keys.seen + 0.5)));
  if (step.prepared.data && step.prepared.panels) {
    for (size_t i = 0; i < node.inputs.size(); ++i)
      if (is_packed(graph, node, i)) cost.bytes -= 4.0 * double(sizes.count(graph.values[size_t(node.inputs[i])].dims));
    // Of experts, no more than there are rows are read.
    double experts = 0;
    if (node.op->held_from_there && node.op != &fused_linear_op())
      for (size_t i = 0; i < node.inputs.size(); ++i) experts += is_packed(graph, node, i);
    const double rows = double(sizes.of(graph.values[size_t(node.inputs[0])].dims[0]));
    cost.bytes += double(step.prepared.bytes) * (experts > rows ? rows / experts : 1.0);
  }
  if (is_cached(node) && workspace.cache()) {
    const bool source = node.attributes.items().contains("source_slot");
    const PagedCache* cache = workspace.cache();
    if (source) {
      const Rows& rows = workspace.rows_of(graph.values[size_t(node.inputs[0])].dims[0].symbol);
      cache = rows.sequences.empty() || !rows.sequences[0].source ? nullptr : rows.sequences[0].source->cache;
    }
    if (cache) cost.bytes += 2.0 * keys.read * double(cache->slot(int(node.attributes.integer(source ? "source_slot" : "slot"))).bytes());
  }
  return cost;
}

std::vector<StepLine> step_lines(const Plan& plan, const StepTimes& times) {
  std::vector<StepLine> lines;
  std::map<std::string, size_t> known;
  for (size_t i = 0; i < times.steps.size(); ++i) {
    const Step& step = plan.steps()[i];
    const Node& node = plan.graph().nodes[size_t(step.node)];
    StepLine line{op_text(node), what_text(plan.graph(), node), arithmetic_of(plan, node, step.prepared), {}};
    const auto [at, fresh] = known.try_emplace(line.op + "\n" + line.what + "\n" + name_of(line.arithmetic), lines.size());
    if (fresh) lines.push_back(std::move(line));
    StepTime& sum = lines[at->second].time;
    sum.runs += times.steps[i].runs;
    sum.seconds += times.steps[i].seconds;
    sum.cost.flops += times.steps[i].cost.flops;
    sum.cost.bytes += times.steps[i].cost.bytes;
  }
  std::stable_sort(lines.begin(), lines.end(), [](const StepLine& a, const StepLine& b) { return a.time.seconds > b.time.seconds; });
  return lines;
}

}  // namespace orrery
