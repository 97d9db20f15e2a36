#include "train/benchmark.h"

#include <algorithm>
#include <chrono>

#include "base/random.h"
#include "train/adamw.h"
#include "train/gradients.h"

namespace orrery {

namespace {

Batch random_batch(const TrainingBenchmark& options, int64_t step, int64_t vocab_size, int64_t classes) {
  Random random(options.seed, uint64_t(step));
  Batch batch;
  batch.counts.assign(size_t(options.batch), options.seq);
  const auto rows = size_t(options.batch * options.seq);
  for (size_t i = 0; i < rows; ++i) {
    batch.ids.push_back(int32_t(random.below(uint64_t(vocab_size))));
    batch.labels.push_back(int32_t(random.below(uint64_t(classes))));
  }
  batch.types.assign(rows, 0);
  for (size_t i = 0; i < rows; ++i) batch.source.push_back(int32_t(random.below(uint64_t(vocab_size))));   // read by encoder-decoders alone
  batch.source_counts = batch.counts;
  batch.targets = int64_t(rows);
  return batch;
}

}  // namespace

TrainingSpeed measure_training(Model& model, const TrainingBenchmark& options, ThreadPool& pool) {
  const Config& config = model.config();
  if (config.head != Head::causal_lm && config.head != Head::masked_lm && config.head != Head::token_classification)
    throw Error{ErrorKind::unsupported, "a model of architecture " + config.architecture + " has no loss for each token", "bench train"};
  if (options.seq > config.max_positions)
    throw Error{ErrorKind::bad_usage, "--seq is " + std::to_string(options.seq) + ", and the model has " + std::to_string(config.max_positions) + " positions", "bench train"};
  model.prepare_training();
  const int64_t rows = options.batch * options.seq, classes = config.head == Head::token_classification ? config.num_labels : config.vocab_size;
  GradientPlan gradients(model, {rows, options.batch, options.seq, 0}, pool);
  AdamW optimizer(gradients.parameters(), 0.1, pool);
  trim_heap();
  TrainingSpeed speed;
  speed.memory = {gradients.plan().memory(pool.num_threads()), gradients.gradient_bytes(), optimizer.state_bytes(), heap_beside_tensors()};
  std::vector<double> seconds;
  for (int64_t step = 0; step < options.warmup + options.steps; ++step) {
    const Batch batch = random_batch(options, step, config.vocab_size, classes);
    const auto begin = std::chrono::steady_clock::now();
    gradients.begin();
    gradients.add(batch, float(1.0 / double(rows)), {.seed = uint64_t(step), .training = true});
    gradients.finish();
    optimizer.step({.lr = 1e-4, .step = step + 1});
    model.weights().changed();
    if (step >= options.warmup) seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  std::sort(seconds.begin(), seconds.end());
  const double median = seconds[seconds.size() / 2];
  speed.step_ms = median * 1e3;
  speed.tokens_per_second = double(rows) / median;
  return speed;
}

}  // namespace orrery
