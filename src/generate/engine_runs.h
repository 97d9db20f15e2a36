// What an engine is made of, told from a config alone: the graphs of its runs, how much they may hold, and the cache that each
// writes. Engine compiles and allocates it, a report prices it.
#pragma once

#include <vector>

#include "generate/engine.h"

namespace orrery {

struct EngineRun {
  Graph graph;
  CompileOptions limits;
  std::vector<CacheSlot> slots;   // of the cache that this run writes
  CacheOptions cache;
};

// The options with what they leave to the model.
EngineOptions completed(const Config& config, EngineOptions options);

// The run that writes: a decoder's, or of a model that only has one side. Options are completed ones.
EngineRun writing_run(const ModelFamily& family, const Config& config, const EngineOptions& options);
// The run that reads a source, and what it keeps of it. Only of encoder-decoders.
EngineRun reading_run(const ModelFamily& family, const Config& config, const EngineOptions& options);

int64_t bytes_per_token(const std::vector<CacheSlot>& slots);
// Of the whole cache.
int64_t cache_bytes(const EngineRun& run);

}  // namespace orrery
