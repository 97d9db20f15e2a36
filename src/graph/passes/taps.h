// Looking inside, and changing what is there.
//
// A tap is a value that is returned beside the outputs. The path that flows on is untouched: what a fused kernel never
// forms (an attention pattern, its scores) is computed by a side step from what the kernel did keep.
//
// Values inside a scan's body are tapped and changed like any others; a row's pattern of additive attention too.
//
// An intervention site is a step after a named value that reads a table at run time: rows of some sequences, some
// columns of it, are zeroed, scaled, added to or replaced. With an empty table the step does nothing.
#pragma once

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "graph/graph.h"
#include "tensor/tensor.h"

namespace orrery {

// The graph, and the bodies of its scans with the row space that each goes along.
std::vector<std::pair<const Graph*, std::string>> graphs_within(const Graph& graph);

// Names that can be tapped: every named value, and for every "….attention" its "….pattern" and "….scores", and its rows'
// "….attention_entropy", "….attention_sink_mass" and "….attention_max_score" [query rows, heads] (kernels/attention.h), which the kernel makes on its way.
std::vector<std::string> tap_names(const Graph& graph);
// The `count` candidates that a mistyped name most likely means, as "did you mean a, b, c"; empty without candidates.
std::string nearest_names(const std::string& name, std::vector<std::string> candidates, size_t count = 3);
// Is it the name of something that flows nowhere: a pattern, scores, or what rows of attention are like?
bool is_seen_only(const std::string& name);
// Adds the taps as outputs "tap:NAME". Throws Error with the nearest names when there is no such value.
void add_taps(Graph& graph, const std::vector<std::string>& names);

enum class Action : uint8_t { zero, scale, add, replace };

struct Intervention {
  std::string site;                  // the value's name: "layers.2.attention", "layers.0.residual", …
  Action action = Action::zero;
  float factor = 1;                  // for scale; for add, the multiple of `values`
  int64_t sequence = -1;             // its id in Rows; -1: all
  int64_t position_begin = 0, position_end = std::numeric_limits<int64_t>::max();
  int64_t column_begin = 0, column_end = std::numeric_limits<int64_t>::max();  // a head's or a neuron's columns
  Tensor values = {};                // for add and replace: f32 [columns], or [positions, columns] from position_begin
};

// Adds a site after each of these named values. Run time finds them by name.
void add_sites(Graph& graph, const std::vector<std::string>& names);

}  // namespace orrery
