// The graphs by which a model is used. An architecture is written once, in its family's file; what differs between running,
// training and looking inside are passes.
//
//   std::vector<CacheSlot> slots;
//   Graph graph = model_graph(family, config, {.choose_rows = true, .cached = true}, &slots);
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "graph/passes/differentiate.h"
#include "graph/passes/state.h"
#include "models/family.h"

namespace orrery {

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

// Throws Error where `loss` is asked of a model without logits. slots: of the cache, where there is one.
Graph model_graph(const ModelFamily& family, const Config& config, const GraphOptions& options = {}, std::vector<CacheSlot>* slots = nullptr);

// Does such a model write text from left to right?
bool generates(const ModelFamily& family, const Config& config);

// What training differentiates, by one seed: the sum of the losses that a graph with `loss` has.
std::vector<std::pair<int, int>> loss_seeds(const Graph& graph, Value seed);

}  // namespace orrery
