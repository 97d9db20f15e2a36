// Fewer steps over the same numbers, for plans whose weights are packed: linears of the same x become one step (query, key and value; gate
// and up), and what is done with a linear's result alone (an activation, a gate, a residual sum) is done in its step, tile by tile.
//
// Not one bit changes: a fused step computes each number as the ops did that it stands for. A value that somebody else reads, or that is
// an output of the graph, stays a value of its own: a tap undoes the fusing of what it looks at, and sees what is there without it.
#pragma once

#include "graph/graph.h"

namespace orrery {

void fuse(Graph& graph);

}  // namespace orrery
