// The words by which a user names a place inside a model, and what they mean in its graph.
//
//   layers.2.residual          a named value: `orrery info MODEL --graph` prints them all
//   layers.2.heads.3           the columns of layers.2.attention that head 3 made; heads.0-5: several heads
//   layers.2.experts.3         column 3 of layers.2.routing
//   layers.2.neurons.7         column 7 of layers.2.mlp_activation; neurons.7-9
//   layers.2.mlp               layers.2.mlp_out
//   layers.*.heads.3           in every layer
//   …@5   …@5:9   …@-1         at these positions alone: 5, 5 to 8, the prompt's last
//
// Positions that are negative count from the end of the prompt, so each prompt has its own; in the encoder of an encoder-decoder from the end
// of its source.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "graph/graph.h"

namespace orrery {

struct Positions {
  static constexpr int64_t kOpen = std::numeric_limits<int64_t>::max();
  int64_t begin = 0, end = kOpen;   // negative: from the end of the prompt
  bool last_one = false;            // end is that of the prompt: "@-1"
  bool everywhere() const { return begin == 0 && end == kOpen && !last_one; }
  bool counts_from_end() const { return begin < 0 || end < 0 || last_one; }
  // [begin, end) in a prompt of this length; an open end stays open. Throws Error where they lie outside of it.
  std::pair<int64_t, int64_t> in(int64_t length, const std::string& site) const;
};

struct Site {
  std::string text;                         // "layers.2.heads.3@-1"
  std::string value;                        // "layers.2.attention"
  int64_t column_begin = 0, column_end = 0; // of it
  int64_t width = 0;                        // columns of the value
  bool source = false;                      // of the text that an encoder reads for its decoder
  Positions positions;
  int64_t columns() const { return column_end - column_begin; }
};

// The sites that these words name, in the order of the graph. Throws Error with the nearest names where there are none.
std::vector<Site> sites_named(const Graph& graph, const std::string& text);

// "layers.2.residual" is in layer 2; -1 for values outside of the layers.
int64_t layer_of(const std::string& value);

}  // namespace orrery
