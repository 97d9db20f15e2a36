// A model: a config, its family, and one set of weights, from which graphs are made.
//
//   Model model = Model::load("models/gpt2").value();
//   Graph graph = model.graph({.choose_rows = true});           // logits of chosen rows: graphs.h
//   auto plan = compile(graph, model.weights(), …);
#pragma once

#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "graph/plan/plan.h"
#include "models/graphs.h"

namespace orrery {

struct LoadOptions {
  std::optional<DType> dtype = {};   // how matrices are held; default: as in the file, blocks of a GGUF file as such (Weight::stored)
  std::optional<BlockFormat> blocks = {};   // what products read matrices rounded to: Weight::blocks
  bool int8 = false;              // products read them rounded to int8: Weight::int8
  DType products = DType::f32;    // what they are multiplied in: WeightStore::products
  std::optional<PanelCacheOptions> panel_cache = {};   // where packed weights are kept: WeightStore::cache
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
  bool generates() const { return orrery::generates(*family_, config_); }

  Graph graph(const GraphOptions& options = {}, std::vector<CacheSlot>* slots = nullptr) const { return model_graph(*family_, config_, options, slots); }

  // Makes every weight an owned f32 tensor that can be trained.
  void prepare_training();

  // config.json and model.safetensors (weights as `dtype`; else each as its file has it, blocks and f64 as f32), and further files, whole or not at all. Tensors of the
  // original file that the graph does not use are kept.
  Result<CheckpointContents> contents(std::optional<DType> dtype = {}) const;
  Status save(const std::filesystem::path& folder, std::optional<DType> dtype, std::vector<std::pair<std::string, std::string>> files = {}) const;

 private:
  Model() = default;
  Config config_;
  const ModelFamily* family_ = nullptr;
  std::unique_ptr<WeightStore> weights_;
  std::shared_ptr<Checkpoint> checkpoint_;
  std::map<std::string, std::string> file_names_;   // graph's name → the file's, where they differ
  std::map<std::string, DType> file_dtypes_;        // graph's name → the file's dtype, of what is held wider
  std::set<std::string> taken_apart_;               // tensors of the file that are saved as several weights, or renamed
  std::filesystem::path folder_;
  Json generation_config_;
};

// The id that an encoder-decoder's decoder begins with. Throws Error where the config names none.
int32_t decoder_start(const Model& model);

}  // namespace orrery
