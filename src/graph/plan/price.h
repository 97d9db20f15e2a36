// What a graph takes, told without compiling it: no weights are needed.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "graph/graph.h"

namespace orrery {

// The arena of its plan (Plan::memory) in f32, where each weight that can be laid out for products is. Products of bf16 may need less, as some
// values between them are stored rounded.
int64_t arena_bytes(const Graph& graph, const std::map<std::string, int64_t>& capacity);

// The weights of which a plan reads a layout for products instead; those inside of scans too.
std::set<std::string> packed_weights(const Graph& graph);

}  // namespace orrery
