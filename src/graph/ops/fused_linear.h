// How passes/fuse.cpp makes a fused_linear from the nodes that it stands for: ops/fused_linear.cpp.
#pragma once

#include "graph/graph.h"

namespace orrery {

constexpr int kMostFused = 3;   // query, key and value
enum class Fused : uint8_t { none, unary, gated, add };

// A node of the same x and attributes as the linear `first`, to which parts and outputs are then given. `kind`: of f.
Node fused_linear_node(const Node& first, Fused what, int64_t kind = 0);
void add_part(Node& fused, const Node& linear, int part);
void add_other(Node& fused, int value);

}  // namespace orrery
