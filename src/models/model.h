// A model: a config, its family, and one set of weights, from which graphs are made.
//
//   Model model = Model::load("models/gpt2").value();
//   Graph graph = model.graph({.choose_rows = true});           // logits of chosen rows
//   auto plan = compile(graph, model.weights(), …);
//
// The graph is written once in the family's file; what differs between running, training and looking inside are passes.
#pragma once

#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "graph/passes/differentiate.h"
#include "graph/passes/state.h"
#include "graph/plan/plan.h"
#include "models/family.h"

namespace orrery {

struct LoadOptions {
  std::optional<DType> dtype;     // how matrices are held; default: as in the file
};

struct GraphOptions {
  bool choose_rows = false;       // "logits" only for the rows named by the input "logit_rows" (i32 [logit_rows])
  bool cached = false;            // self-attention continues sequences of a cache, and a decoder looks at what an encode run kept
  bool encode = false;            // that run: the encoder of an encoder-decoder, and the keys and values for its decoder
  DType kv_dtype = DType::f32;    // of the cache; without one, keys and values are rounded to it all the same
  // Outputs "loss" [1] (sum) and "losses" [rows] against the input "labels" (i32, rows of the logits), and where experts are
  // to be kept equally busy "auxiliary_loss" [1], in the same unit: times the number of scored labels.
  bool loss = false;
  double label_smoothing = 0;
  std::vector<std::string> taps = {}, sites = {};   // passes/taps.h
};

class Model {
 public:
  // A checkpoint folder. Errors name the file and the field or tensor.
  static Result<Model> load(const std::filesystem::path& folder, const LoadOptions& options = {});
  // Fresh weights from a config alone, f32: a pure function of config and seed.
  static Result<Model> initialise(const Json& config, uint64_t seed, const std::string& where = "config.json");
  // The folder's weights if it has some, else fresh ones.
  static Result<Model> load_or_initialise(const std::filesystem::path& folder, uint64_t seed, const LoadOptions& options = {});

  const Config& config() const { return config_; }
  const ModelFamily& family() const { return *family_; }
  WeightStore& weights() { return *weights_; }
  const WeightStore& weights() const { return *weights_; }
  const std::filesystem::path& folder() const { return folder_; }
  const Json& generation_config() const { return generation_config_; }
  // Does it write text from left to right?
  bool generates() const { return (family_->causal || config_.encoder_decoder) && config_.head == Head::causal_lm; }

  Graph graph(const GraphOptions& options = {}, std::vector<CacheSlot>* slots = nullptr) const;

  // Makes every weight an owned f32 tensor that can be trained.
  void prepare_training();

  // config.json and model.safetensors (weights as `dtype`), and further files, whole or not at all. Tensors of the
  // original file that the graph does not use are kept.
  Result<CheckpointContents> contents(DType dtype) const;
  Status save(const std::filesystem::path& folder, DType dtype, std::vector<std::pair<std::string, std::string>> files = {}) const;

 private:
  Model() = default;
  Config config_;
  const ModelFamily* family_ = nullptr;
  std::unique_ptr<WeightStore> weights_;
  std::shared_ptr<Checkpoint> checkpoint_;
  std::map<std::string, std::string> file_names_;   // graph's name → the file's, where they differ
  std::set<std::string> taken_apart_;               // tensors of the file that are saved as several weights, or renamed
  std::filesystem::path folder_;
  Json generation_config_;
};

// What training differentiates, by one seed: the sum of the losses that a graph with `loss` has.
std::vector<std::pair<int, int>> loss_seeds(const Graph& graph, Value seed);

// The id that an encoder-decoder's decoder begins with. Throws Error where the config names none.
int32_t decoder_start(const Model& model);

// Replaces the final linear layer's input by the rows named in the input "logit_rows".
void choose_logit_rows(Graph& graph);

}  // namespace orrery
