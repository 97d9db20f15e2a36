// add_state: rewrites causal self-attention to read its keys and values from a cache, where the sequences' earlier ones
// stand: attention(q, k, v) becomes cached_attention(q, append_keys(k, v)). A model says nothing of caches.
#pragma once

#include <vector>

#include "graph/graph.h"
#include "graph/state/paged_cache.h"

namespace orrery {

// Returns what each slot of the cache must hold. kv_dtype: how keys and values are stored.
std::vector<CacheSlot> add_state(Graph& graph, DType kv_dtype);

// Rounds keys and values to the cache's dtype where there is no cache, so that both ways give the same bits.
void round_keys(Graph& graph, DType kv_dtype);

}  // namespace orrery
