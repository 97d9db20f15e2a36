// Trains a model as a recipe says.
//
//   Trainer trainer(recipe, pool);
//   trainer.resume("tuned");                             // go on from the last checkpoint; leave out for a fresh run
//   trainer.run({.log = [](const StepReport& r) { … }});
//
// Same bits: the weights after n steps are a function of the recipe and the kernel class, whatever the threads, and
// whether the run was stopped and resumed in between.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "train/adamw.h"
#include "train/evaluate.h"
#include "train/gradients.h"
#include "train/recipe.h"
#include "train/trainer_state.h"

namespace orrery {

struct StepReport {
  int64_t step = 0;              // done
  double loss = 0;               // nats per target of this step
  double tokens_per_second = 0;  // since the last report
  double learning_rate = 0, grad_norm = 0;
  std::optional<Evaluation> evaluation;

  Json to_json() const;
};

struct TrainerEvents {
  std::function<void(const StepReport&)> log = {};            // every log_every steps, and with each evaluation
  std::function<void(int64_t step, double loss)> step = {};   // every step
  std::function<void(const std::string&)> warn = {};
};

class Trainer {
 public:
  // Opens model, tokenizer and data; fresh weights where the model has none. With `data`, the recipe's is not opened.
  // Throws Error.
  Trainer(Recipe recipe, ThreadPool& pool, std::unique_ptr<Documents> data = nullptr);
  ~Trainer();

  // Goes on from a checkpoint of an earlier run: `folder` is one, or the output folder of the run.
  void resume(const std::filesystem::path& folder);
  // Trains to max_steps and writes the model to the output folder.
  void run(const TrainerEvents& events = {});

  // One step of the optimiser, without logging or saving; its report has no speed.
  StepReport step();
  int64_t steps_done() const { return state_.step; }
  Model& model() { return *model_; }
  GradientPlan& gradients() { return *gradients_; }
  AdamW& optimizer() { return *optimizer_; }
  std::optional<Evaluation> evaluate_now();

 private:
  void check_output(const TrainerEvents& events) const;   // no other model is written over
  void prepare();                                     // plan and optimiser, when the weights are there
  void save(const TrainerEvents& events);             // checkpoint-N; drops the oldest
  void drop_old(const TrainerEvents& events);
  void write_model();                                 // the output folder's own files
  Masking masking() const;

  Recipe recipe_;
  ThreadPool& pool_;
  std::optional<Tokenizer> tokenizer_;
  std::vector<std::pair<std::string, std::string>> tokenizer_files_;
  std::optional<Model> model_;
  std::unique_ptr<Documents> data_, eval_data_;
  BatchOptions batch_options_;
  std::optional<Batches> batches_;
  std::optional<GradientPlan> gradients_;
  std::optional<AdamW> optimizer_;
  TrainerState state_;
  std::filesystem::path resumed_from_;
  int64_t last_rows_ = 0;                             // rows of the last step
};

}  // namespace orrery
