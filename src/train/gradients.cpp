#include "train/gradients.h"

#include <algorithm>

namespace orrery {

namespace {

std::shared_ptr<const Plan> compile_training(Model& model, const GradientOptions& options, ThreadPool& pool) {
  Graph graph = model.graph({.loss = true, .label_smoothing = options.label_smoothing});
  Builder g(graph);
  const Value seed = g.input("seed", {Dim{1, -1}});
  const auto wanted = trainable_weights(graph, [&](const std::string& name) { return model.weights().at(name).role == Role::trainable; });
  if (wanted.empty()) throw Error{ErrorKind::bad_usage, "every weight is frozen: there is nothing to train", "train"};
  const Gradients gradients = differentiate(graph, loss_seeds(graph, seed), wanted);
  CompileOptions compile_options;
  compile_options.capacity = {{"tokens", options.tokens}, {"tokens.sequences", options.sequences}, {"source", options.tokens}, {"source.sequences", options.sequences}, {"keys", options.keys}};
  compile_options.pack_weights = false;
  compile_options.max_positions = options.keys;
  for (const auto& [weight, gradient] : gradients.of) {
    const std::string& name = graph.values[size_t(weight)].name;
    if (!model.weights().has(name)) continue;   // a value on the way
    graph.outputs["grad." + name] = gradient;
    compile_options.external.insert("grad." + name);
  }
  return compile(std::move(graph), model.weights(), compile_options, &pool);
}

}  // namespace

void bind_batch(Workspace& run, const Batch& batch) {
  Rows& rows = run.rows("tokens");
  rows = {};
  for (size_t i = 0; i < batch.counts.size(); ++i) rows.append(batch.counts[i], 0, uint32_t(i));
  if (run.plan().graph().find_symbol("source") >= 0) {
    Rows& source = run.rows("source");
    source = {};
    for (size_t i = 0; i < batch.source_counts.size(); ++i) source.append(batch.source_counts[i], 0, uint32_t(i));
    run.input("source.ids", batch.source.data());
  }
  run.input("ids", batch.ids.data());
  run.input("type_ids", batch.types.data());
  run.input("labels", batch.labels.data());
}

GradientPlan::GradientPlan(Model& model, const GradientOptions& options, ThreadPool& pool)
    : pool_(pool), plan_(compile_training(model, options, pool)), run_(plan_, pool) {
  sets_.emplace_back();
  for (const auto& [output, value] : plan_->graph().outputs) {
    if (!output.starts_with("grad.")) continue;
    const std::string name = output.substr(5);
    const Tensor& weight = model.weights().at(name).value;
    sets_[0].push_back(Tensor::zeros(DType::f32, weight.shape()));
    parameters_.push_back({name, weight, sets_[0].back()});
  }
}

int64_t GradientPlan::gradient_bytes() const {
  int64_t bytes = 0;
  for (const Set& set : sets_)
    for (const Tensor& tensor : set) bytes += int64_t(tensor.bytes());
  return bytes;
}

void GradientPlan::begin() { levels_.clear(); }

void GradientPlan::bind(Set& set) {
  for (size_t i = 0; i < set.size(); ++i) run_.external("grad." + parameters_[i].name, set[i].mutable_data<float>());
}

double GradientPlan::add(const Batch& batch, float factor, const RunSettings& settings) {
  if (levels_.size() == sets_.size()) {
    sets_.emplace_back();
    for (const Parameter& parameter : parameters_) sets_.back().push_back(Tensor::zeros(DType::f32, parameter.value.shape()));
  }
  bind(sets_[levels_.size()]);
  bind_batch(run_, batch);
  run_.input("seed", &factor);
  run_.run(settings);
  levels_.push_back(0);
  while (levels_.size() > 1 && levels_[levels_.size() - 1] == levels_[levels_.size() - 2]) merge();
  const float* losses = run_.output<float>("losses");
  double sum = 0;
  for (int64_t i = 0, rows = run_.output_shape("losses")[0]; i < rows; ++i) sum += double(losses[i]);
  if (plan_->graph().outputs.contains("auxiliary_loss")) sum += double(run_.output<float>("auxiliary_loss")[0]);
  return sum;
}

void GradientPlan::finish() {
  while (levels_.size() > 1) merge();
}

void GradientPlan::merge() {
  constexpr int64_t kChunk = 1 << 16;
  const size_t last = levels_.size() - 1;
  for (size_t p = 0; p < parameters_.size(); ++p) {
    float* sum = sets_[last - 1][p].mutable_data<float>();
    const float* other = sets_[last][p].data<float>();
    const int64_t count = parameters_[p].value.numel();
    pool_.parallel((count + kChunk - 1) / kChunk, [&](int64_t chunk) {
      for (int64_t i = chunk * kChunk, end = std::min(count, i + kChunk); i < end; ++i) sum[i] += other[i];
    });
  }
  levels_.pop_back();
  ++levels_.back();
}

}  // namespace orrery
