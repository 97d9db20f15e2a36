// Values that a product of bf16 alone reads, which rounds them, are stored as it does: half the memory, half the bytes to read, the same bits.
#pragma once

#include <vector>

#include "graph/plan/plan.h"

namespace orrery {

// Makes such values Element::rounded. A value that somebody else reads too, or that is an output of the graph, stays as it is.
void store_rounded(Graph& graph, const std::vector<Step>& steps);

}  // namespace orrery
