// The gradient of the loss with respect to every trained weight: forward and backward pass as one plan, compiled once.
//
//   GradientPlan plan(model, {.tokens = 2048, .sequences = 64, .keys = 256}, pool);
//   plan.begin();
//   double loss = plan.add(batch, 1.0f / targets);      // once for each batch of the step; the sum of losses
//   plan.finish();
//   for (const Parameter& p : plan.parameters()) … p.gradient …
//
// Gradients of several batches are added pairwise, as a binary counter does: ((g0 + g1) + (g2 + g3)) + …, a tree that
// depends on their number alone. A single batch costs no addition.
#pragma once

#include <string>
#include <vector>

#include "models/model.h"
#include "train/batches.h"

namespace orrery {

struct Parameter {
  std::string name;
  Tensor value;      // the model's own memory
  Tensor gradient;   // f32, of the same shape
};

struct GradientOptions {
  int64_t tokens = 1, sequences = 1, keys = 1;   // the most that a batch brings
  double label_smoothing = 0;
};

class GradientPlan {
 public:
  // Trains the weights whose role is `trainable`. The model must have been prepared (Model::prepare_training).
  GradientPlan(Model& model, const GradientOptions& options, ThreadPool& pool);

  void begin();
  // Adds the gradient of factor * (sum of losses); returns that sum, without the factor.
  double add(const Batch& batch, float factor, const RunSettings& settings = {});
  void finish();

  std::vector<Parameter>& parameters() { return parameters_; }
  const Plan& plan() const { return *plan_; }
  Workspace& workspace() { return run_; }
  int64_t gradient_bytes() const;   // of all sets in use

 private:
  using Set = std::vector<Tensor>;   // a gradient for each parameter
  void bind(Set& set);
  void merge();                      // the last two sets into one

  ThreadPool& pool_;
  std::shared_ptr<const Plan> plan_;
  Workspace run_;
  std::vector<Parameter> parameters_;
  std::vector<Set> sets_;            // sets_[0] is parameters_[i].gradient
  std::vector<int> levels_;          // of the sets that hold a sum: 2^level batches
};

// Binds a batch to a plan of a model: rows, ids, types, labels.
void bind_batch(Workspace& run, const Batch& batch);

}  // namespace orrery
