// Lays every intermediate of a graph into one arena, by lifetimes, before anything runs.
#pragma once

#include <set>
#include <vector>

#include "graph/op.h"

namespace orrery {

struct MemoryLayout {
  std::vector<int64_t> value_offset;    // per value; -1 where it is not in the arena (weights, inputs, the caller's outputs)
  std::vector<int> storage;             // per value: values with the same storage share memory; -1 for weights and inputs
  std::vector<int64_t> scratch_offset;  // per node; -1 where it needs none
  int64_t arena_bytes = 0;
};

// `external`: values whose memory the caller brings. `prepared`: nodes that keep something from compiling. compute: f32 or f64.
MemoryLayout lay_out(const Graph& graph, const Sizes& capacity, DType compute, const std::set<int>& external, const std::set<int>& prepared = {});

}  // namespace orrery
