// Looks inside: whole sequences through a model at once, with any number of taps from the same run.
//
//   Probe probe(model, pool, {.taps = {"layers.0.pattern", "layers.3.residual"}});
//   std::vector<Probed> seen = probe.run({{.ids = {1, 403, 407}}});
//   seen[0].at("layers.0.pattern")                     // [3, heads, 3]
//   seen[0].at("logits")                               // [1, vocab]: after the last token
//
// Sequences share runs, rows end to end, and none depends on the others; so a sweep of interventions, a row of the table
// for each sequence, is a single plan. What a probe sees is what the engine computes, to the bit.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "generate/encoder.h"
#include "graph/passes/taps.h"
#include "models/model.h"

namespace orrery {

struct ProbeOptions {
  std::vector<std::string> taps = {};    // graph/passes/taps.h
  std::vector<std::string> sites = {};   // values that interventions may change
  bool lens = false;                     // inspect/lens.h: what the model would say after each layer
  bool all_logits = false;               // of every token, not of the last alone
  int64_t max_rows = 512;                // tokens of one run, and so of the longest sequence
  int64_t max_sequences = 64;            // in one run
  DType kv_dtype = DType::f32;
};

// By name: the taps, "logits" where the model has them, and "lens:VALUE". A value of rows is cut to the sequence's own; a pattern to its
// own keys.
using Probed = std::map<std::string, Tensor>;

class Probe {
 public:
  // Throws Error for a name that the model does not have. The model must outlive the probe.
  Probe(Model& model, ThreadPool& pool, const ProbeOptions& options = {});

  // Interventions name sequences by their number in this call.
  std::vector<Probed> run(std::span<const TokenSequence> sequences, const std::vector<Intervention>& table = {});
  Probed run(const TokenSequence& sequence, const std::vector<Intervention>& table = {}) { return std::move(run(std::span(&sequence, 1), table)[0]); }

  const Graph& graph() const { return run_.plan().graph(); }
  MemoryReport memory() const { return run_.plan().memory(run_.pool().num_threads()); }

 private:
  static std::shared_ptr<const Plan> compiled(Model& model, ThreadPool& pool, const ProbeOptions& options);
  void cut(const std::string& name, size_t number, Probed& result);

  Model* model_;
  ProbeOptions options_;
  Workspace run_;
  SequenceBatch batch_;
  std::vector<int32_t> logit_rows_;
};

}  // namespace orrery
