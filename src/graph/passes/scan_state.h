// What add_state and keep_source (state.h) do for recurrences.
//
// A scan over the tokens goes on from a cache, in a slot for each thing it carries. What else looks at rows of the source
// without being attention (a scan's memory, a first state) reads rows that the encode run kept.
#pragma once

#include <vector>

#include "graph/graph.h"
#include "graph/state/paged_cache.h"

namespace orrery {

// Both append what their slots must hold to `slots`; slots are numbered on.
void carry_state(Graph& graph, std::vector<CacheSlot>& slots);
void keep_source_rows(Graph& graph, std::vector<CacheSlot>& slots);
// The run that reads what keep_source_rows kept; `first`: the first slot of rows.
void read_source_rows(Graph& graph, int64_t first);

}  // namespace orrery
