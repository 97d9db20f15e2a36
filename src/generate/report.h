// What a model is and what it costs to run, told from its config and the shapes of its weights, before anything runs.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "models/model.h"

namespace orrery {

struct ModelReport {
  Config config;
  std::string family;
  bool causal = false;               // generates text
  bool has_weights = false;          // else the sizes are those of fresh f32 weights
  std::string dtype;                 // in which most weights are held: "bf16"
  int64_t parameters = 0;
  int64_t weights_bytes = 0;
  int64_t packed_bytes = 0;          // matrices laid out for products, which are read instead of the file's
  // Of one text of the usual length: the longest, where there is one. An engine without options allocates as much, for a
  // model that generates; its source is as long. With products of bf16 it may be less.
  int64_t activation_bytes = 0;      // of runs of at most `prefill_rows` tokens, and of a source at once
  int64_t prefill_rows = 0;
  int64_t cache_bytes = 0;           // 0 where there is no cache
  int64_t cache_bytes_per_token = 0, source_cache_bytes_per_token = 0;
  double flops_first = 0, flops_last = 0;   // of one token: the first of a text, and one at the last usual position
  double flops_source = 0;           // of one token of a source, with what is kept of it
  int64_t total_bytes = 0;
  Graph graph;                       // as it is run
};

// A checkpoint folder, or a folder with a config.json alone, as it would be loaded.
Result<ModelReport> report_model(const std::filesystem::path& folder, const LoadOptions& options = {}, DType kv_dtype = DType::f32);

}  // namespace orrery
