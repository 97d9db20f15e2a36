#include "generate/engine_runs.h"

#include <algorithm>

namespace orrery {

EngineOptions completed(const Config& config, EngineOptions options) {
  options.max_batch = std::max<int64_t>(1, options.max_batch);
  options.max_positions = options.max_positions > 0 ? std::min(options.max_positions, config.max_positions) : config.usual_positions();
  if (options.cache_tokens <= 0) options.cache_tokens = options.max_batch * options.max_positions;
  if (options.source_positions <= 0) options.source_positions = options.max_positions;
  options.source_positions = std::min(options.source_positions, config.max_positions);
  options.max_rows = std::max(options.max_batch, std::min(options.max_rows, options.max_batch * options.max_positions));
  return options;
}

EngineRun writing_run(const ModelFamily& family, const Config& config, const EngineOptions& options) {
  EngineRun run;
  run.graph = model_graph(family, config, {.choose_rows = true, .cached = true, .kv_dtype = options.kv_dtype, .sites = options.sites}, &run.slots);
  std::erase_if(run.graph.outputs, [](const auto& output) { return output.first != "logits"; });
  run.limits.capacity = {{"tokens", options.max_rows}, {"tokens.sequences", options.max_batch}, {"logit_rows", options.max_batch}, {"source", options.max_batch * options.source_positions}, {"source.sequences", options.max_batch}};
  run.limits.max_positions = options.max_positions;
  // Each sequence may leave a part of its last block empty.
  run.cache = {.block_size = options.block_size, .num_blocks = (options.cache_tokens + options.block_size - 1) / options.block_size + options.max_batch};
  return run;
}

EngineRun reading_run(const ModelFamily& family, const Config& config, const EngineOptions& options) {
  EngineRun run;
  run.graph = model_graph(family, config, {.encode = true, .kv_dtype = options.kv_dtype, .sites = options.sites}, &run.slots);
  run.limits.capacity = {{"source", options.source_positions}, {"source.sequences", 1}, {"tokens", 1}};
  run.limits.max_positions = options.source_positions;
  const int64_t blocks = (options.source_positions + options.block_size - 1) / options.block_size;
  run.cache = {.block_size = options.block_size, .num_blocks = blocks * options.max_batch};
  return run;
}

int64_t bytes_per_token(const std::vector<CacheSlot>& slots) {
  int64_t bytes = 0;
  for (const CacheSlot& slot : slots) bytes += slot.bytes() * (slot.rows_only ? 1 : 2);
  return bytes;
}

int64_t cache_bytes(const EngineRun& run) { return bytes_per_token(run.slots) * run.cache.block_size * run.cache.num_blocks; }

}  // namespace orrery
