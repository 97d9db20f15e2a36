#include "generate/report.h"

#include <algorithm>
#include <map>
#include <set>

#include "graph/plan/memory.h"

namespace orrery {

namespace {

constexpr int64_t kPrefillRows = 512;

// The graph of a config without weights.
Result<Graph> graph_of(const std::filesystem::path& folder, ModelReport& report) {
  Result<Json> json = read_config(folder);
  if (!json) return json.error();
  const std::string where = (folder / "config.json").string();
  const Result<const ModelFamily*> family = family_of(*json, where);
  if (!family) return family.error();
  Result<Config> config = (*family)->read(*json, where);
  if (!config) return config.error();
  report.config = *config;
  report.family = (*family)->name;
  report.causal = ((*family)->causal || config->encoder_decoder) && config->head == Head::causal_lm;
  Graph graph;
  Builder g(graph);
  const Outputs out = build_model(**family, g, *config);
  if (out.logits) g.output("logits", out.logits);
  else g.output("hidden", out.hidden);
  return graph;
}

int64_t count_of(const ValueInfo& weight) {
  int64_t count = 1;
  for (const Dim dim : weight.dims) count *= dim.factor;
  return count;
}

void measure_weights(ModelReport& report, const WeightStore* store, DType dtype) {
  std::map<std::string, int64_t> held;
  for (size_t i = 0; i < report.graph.values.size(); ++i) {
    const ValueInfo& value = report.graph.values[i];
    if (value.kind != ValueKind::weight) continue;
    const int64_t count = count_of(value);
    const DType as = store ? store->at(value.name).value.dtype() : value.dims.size() == 1 ? DType::f32 : dtype;
    const int64_t bytes = count * size_of(as);
    held[name_of(as)] += count;
    report.parameters += count;
    report.weights_bytes += bytes;
    for (const Node& node : report.graph.nodes)
      if (node.op == &linear_op() && node.inputs.size() > 1 && node.inputs[1] == int(i)) {
        report.packed_bytes += bytes;
        break;
      }
  }
  for (const auto& [name, count] : held)
    if (report.dtype.empty() || count > held[report.dtype]) report.dtype = name;
}

void measure_runs(ModelReport& report, DType kv_dtype) {
  const Config& c = report.config;
  Graph graph = report.graph;
  if (report.causal) choose_logit_rows(graph);
  drop_dead_nodes(graph);
  const auto flops = [&](int64_t keys) { return cost_of(graph, {{"tokens", 1}, {"logit_rows", 1}, {"tokens.sequences", 1}}, keys).flops; };
  report.flops_first = flops(1);
  report.flops_last = flops(c.usual_positions());
  report.prefill_rows = std::min(kPrefillRows, c.usual_positions());
  Sizes sizes;
  sizes.symbols.assign(graph.symbols.size(), 1);
  if (const int tokens = graph.find_symbol("tokens"); tokens >= 0) sizes.symbols[size_t(tokens)] = report.prefill_rows;
  std::set<int> prepared;
  for (size_t i = 0; i < graph.nodes.size(); ++i)
    if (graph.nodes[i].op->prepare) prepared.insert(int(i));
  report.activation_bytes = lay_out(graph, sizes, DType::f32, {}, prepared).arena_bytes;
  if (report.causal) report.cache_bytes_per_token = 2 * c.num_layers * c.num_kv_heads * c.head_dim * size_of(kv_dtype);
  report.total_bytes = report.weights_bytes + report.packed_bytes + report.activation_bytes + report.cache_bytes_per_token * c.usual_positions();
}

}  // namespace

Result<ModelReport> report_model(const std::filesystem::path& folder, std::optional<DType> dtype, DType kv_dtype) {
  ModelReport report;
  std::error_code ignored;
  report.has_weights = std::filesystem::exists(folder / "model.safetensors", ignored) || std::filesystem::exists(folder / "model.safetensors.index.json", ignored);
  std::optional<Model> model;
  if (report.has_weights) {   // first: loading refuses a config that asks for more layers than there are
    Result<Model> loaded = Model::load(folder, {.dtype = dtype});
    if (!loaded) return loaded.error();
    model.emplace(std::move(*loaded));
  }
  Result<Graph> graph = graph_of(folder, report);
  if (!graph) return graph.error();
  report.graph = std::move(*graph);
  if (model) measure_weights(report, &model->weights(), DType::f32);
  else measure_weights(report, nullptr, dtype.value_or(DType::f32));
  measure_runs(report, kv_dtype);
  drop_dead_nodes(report.graph);
  return report;
}

}  // namespace orrery
