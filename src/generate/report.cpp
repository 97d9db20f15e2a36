#include "generate/report.h"

#include <algorithm>
#include <map>
#include <set>

#include "generate/engine_runs.h"
#include "graph/plan/price.h"

namespace orrery {

namespace {

// Config and graph; no weights.
Result<const ModelFamily*> read(const std::filesystem::path& folder, ModelReport& report) {
  Result<Json> json = read_config(folder);
  if (!json) return json.error();
  const std::string where = (folder / "config.json").string();
  const Result<const ModelFamily*> family = family_of(*json, where);
  if (!family) return family.error();
  Result<Config> config = (*family)->read(*json, where);
  if (!config) return config.error();
  report.config = *config;
  report.family = (*family)->name;
  report.causal = generates(**family, *config);
  report.graph = model_graph(**family, *config);
  const std::string output = report.graph.outputs.contains("logits") ? "logits" : "hidden";
  std::erase_if(report.graph.outputs, [&](const auto& other) { return other.first != output; });
  drop_dead_nodes(report.graph);
  return *family;
}

int64_t count_of(const ValueInfo& weight) {
  int64_t count = 1;
  for (const Dim dim : weight.dims) count *= dim.factor;
  return count;
}

// A weight of the store, or what it would be.
Weight held_weight(const ValueInfo& value, const WeightStore* store, const LoadOptions& options) {
  if (store) return store->at(value.name);
  Weight weight;
  const bool vector = value.dims.size() == 1;
  weight.value = Tensor::zeros(vector ? DType::f32 : options.dtype.value_or(DType::f32), {0});
  if (!vector) weight.blocks = options.blocks, weight.int8 = options.int8;
  return weight;
}

void measure_weights(ModelReport& report, const WeightStore* store, const LoadOptions& options) {
  const std::set<std::string> packed = packed_weights(report.graph);
  std::map<std::string, int64_t> held;
  WeightStore products;   // the policy alone
  products.products = options.products;
  for (const ValueInfo& value : report.graph.values) {
    if (value.kind != ValueKind::weight) continue;
    const int64_t count = count_of(value);
    const Weight weight = held_weight(value, store, options);
    held[weight.blocks ? name_of(*weight.blocks) : weight.int8 ? "int8" : weight.stored ? name_of(weight.stored->format) : name_of(weight.value.dtype())] += count;
    report.parameters += count;
    report.weights_bytes += weight.stored ? weight.bytes() : count * size_of(weight.value.dtype());
    if (!packed.contains(value.name)) continue;
    const PanelFormat format = products.format(weight, weight.stored && weight.stored->turned ? Orientation::columns : Orientation::rows, value.dims[0].factor, value.dims[1].factor);
    report.packed_bytes += int64_t(double(count) * bytes_per_value(format));
  }
  for (const auto& [name, count] : held)
    if (report.dtype.empty() || count > held[report.dtype]) report.dtype = name;
}

double flops(const Graph& graph, int64_t keys) {
  Graph run = graph;
  drop_dead_nodes(run);
  return cost_of(run, {}, keys).flops;   // one row of everything
}

// A model that reads whole texts at once.
void measure_reading(ModelReport& report) {
  report.activation_bytes = arena_bytes(report.graph, {{"tokens", report.prefill_rows}, {"source", report.prefill_rows}});
  report.flops_first = flops(report.graph, 1);
  report.flops_last = flops(report.graph, report.config.usual_positions());
}

void measure_writing(ModelReport& report, const ModelFamily& family, DType kv_dtype) {
  const Config& c = report.config;
  const EngineOptions options = completed(c, {.kv_dtype = kv_dtype});
  const EngineRun writing = writing_run(family, c, options);
  report.activation_bytes = arena_bytes(writing.graph, writing.limits.capacity);
  report.cache_bytes_per_token = bytes_per_token(writing.slots);
  report.cache_bytes = cache_bytes(writing);
  report.flops_first = flops(writing.graph, 1);
  report.flops_last = flops(writing.graph, options.max_positions);
  if (!c.encoder_decoder) return;
  const EngineRun reading = reading_run(family, c, options);
  report.activation_bytes += arena_bytes(reading.graph, reading.limits.capacity);
  report.source_cache_bytes_per_token = bytes_per_token(reading.slots);
  report.cache_bytes += cache_bytes(reading);
  report.flops_source = flops(reading.graph, options.source_positions);
}

}  // namespace

Result<ModelReport> report_model(const std::filesystem::path& folder, const LoadOptions& options, DType kv_dtype) {
  ModelReport report;
  report.has_weights = has_weights(folder);
  std::optional<Model> model;
  if (report.has_weights) {   // first: loading refuses a config that asks for more layers than there are
    Result<Model> loaded = Model::load(folder, options);
    if (!loaded) return loaded.error();
    model.emplace(std::move(*loaded));
  }
  const Result<const ModelFamily*> family = read(folder, report);
  if (!family) return family.error();
  if (model) measure_weights(report, &model->weights(), options);
  else measure_weights(report, nullptr, options);
  report.prefill_rows = std::min(EngineOptions().max_rows, report.config.usual_positions());
  if (report.causal) measure_writing(report, **family, kv_dtype);
  else measure_reading(report);
  report.total_bytes = report.weights_bytes + report.packed_bytes + report.activation_bytes + report.cache_bytes;
  return report;
}

}  // namespace orrery
