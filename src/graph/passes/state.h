// Passes that give a graph its state. A model says nothing of caches.
//
// add_state: causal self-attention reads its keys and values from a cache, where the sequences' earlier ones stand:
// attention(q, k, v) becomes cached_attention(q, append_keys(k, v)). Attention to another row space (an encoder's) reads
// those of the sequence's source, which an encode run wrote once: cached_attention(q, source_keys()).
//
// keep_source: that encode run. Of the graph stays what makes the keys and values that the decoder will look at, and
// append_keys writes them to the source's place in a cache of their own.
#pragma once

#include <vector>

#include "graph/graph.h"
#include "graph/state/paged_cache.h"

namespace orrery {

// Return what each slot of the cache must hold. kv_dtype: how keys and values are stored.
std::vector<CacheSlot> add_state(Graph& graph, DType kv_dtype);
std::vector<CacheSlot> keep_source(Graph& graph, DType kv_dtype);

// Rounds keys and values to the cache's dtype where there is no cache, so that both ways give the same bits.
void round_keys(Graph& graph, DType kv_dtype);

}  // namespace orrery
