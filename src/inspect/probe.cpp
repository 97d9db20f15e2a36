#include "inspect/probe.h"

#include <algorithm>
#include <cstring>

#include "inspect/lens.h"

namespace orrery {

namespace {
constexpr const char* kTap = "tap:";
}

std::shared_ptr<const Plan> Probe::compiled(Model& model, ThreadPool& pool, const ProbeOptions& options) {
  Graph graph = model.graph({.choose_rows = !options.all_logits, .kv_dtype = options.kv_dtype, .taps = options.taps, .sites = options.sites});
  if (options.lens) add_lens(graph);
  std::erase_if(graph.outputs, [](const auto& output) { return !output.first.starts_with(kTap) && !output.first.starts_with(kLens) && output.first != "logits"; });
  CompileOptions compile_options;
  compile_options.capacity = {{"tokens", options.max_rows}, {"tokens.sequences", options.max_sequences}, {"source", options.max_rows}, {"source.sequences", options.max_sequences}, {"logit_rows", options.max_sequences}, {"keys", options.max_rows}};
  compile_options.max_positions = std::min(options.max_rows, model.config().max_positions);
  return compile(std::move(graph), model.weights(), compile_options, &pool);
}

Probe::Probe(Model& model, ThreadPool& pool, const ProbeOptions& options) : model_(&model), options_(options), run_(compiled(model, pool, options), pool) { model.weights().keep_packed(); }

void Probe::cut(const std::string& name, size_t number, Probed& result) {
  const Graph& graph = this->graph();
  const ValueInfo& value = graph.values[size_t(graph.outputs.at(name))];
  const Dims& dims = value.dims;
  // The rows of a symbol that belong to the sequence.
  const auto rows_of = [&](int symbol) { return run_.rows(symbol).sequences[number]; };
  const std::string rows = dims[0].fixed() ? "" : graph.symbols[size_t(dims[0].symbol)];
  const bool per_token = rows == "tokens" || rows == "source";
  const std::vector<int64_t> shape = run_.output_shape(name);
  int64_t width = 1;
  for (size_t axis = 1; axis < shape.size(); ++axis) width *= shape[axis];
  const int64_t first = per_token ? rows_of(dims[0].symbol).begin : int64_t(number), count = per_token ? rows_of(dims[0].symbol).count : 1;
  const float* from = run_.output<float>(name) + first * width;
  std::vector<int64_t> own = shape;
  own[0] = count;
  const bool over_keys = shape.size() == 3 && !dims[2].fixed();
  if (over_keys) own[2] = rows_of(graph.values[size_t(graph.nodes[size_t(value.node)].inputs[1])].dims[0].symbol).count;   // of the keys' own row space
  Tensor tensor = Tensor::zeros(DType::f32, own);
  float* to = tensor.mutable_data<float>();
  if (!over_keys) std::memcpy(to, from, size_t(count * width) * sizeof(float));
  else
    for (int64_t row = 0; row < count * shape[1]; ++row) std::memcpy(to + row * own[2], from + row * shape[2], size_t(own[2]) * sizeof(float));
  result[name.starts_with(kTap) ? name.substr(std::strlen(kTap)) : name] = std::move(tensor);
}

std::vector<Probed> Probe::run(std::span<const TokenSequence> sequences, const std::vector<Intervention>& table) {
  const int64_t limit = std::min(options_.max_rows, model_->config().max_positions);
  for (const TokenSequence& sequence : sequences) check_sequence(*model_, sequence, limit);
  std::vector<Probed> results(sequences.size());
  for (size_t begin = 0, end = 0; begin < sequences.size(); begin = end) {
    end = batch_.fill(sequences, begin, options_.max_rows, options_.max_sequences, run_);
    logit_rows_.clear();
    for (const SequenceRows& rows : run_.rows("tokens").sequences) logit_rows_.push_back(int32_t(rows.begin + rows.count - 1));
    if (graph().find_symbol("logit_rows") >= 0) {
      run_.size("logit_rows", int64_t(logit_rows_.size()));
      run_.input("logit_rows", logit_rows_.data());
    }
    run_.run({.interventions = &table});
    for (const auto& output : graph().outputs)
      for (size_t i = begin; i < end; ++i) cut(output.first, i - begin, results[i]);
  }
  return results;
}

}  // namespace orrery
