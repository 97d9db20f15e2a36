// The logit lens (nostalgebraist 2020): what the model would say if it stopped after a layer. All that stands between the last
// residual and the logits, a final norm and the output layer or a masked-language head, is applied to the earlier ones
// too. After the last layer it says what the model says, to the bit.
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"

namespace orrery {

inline constexpr const char* kLens = "lens:";

// The values that a lens looks at, in order: the embedding and each layer's residual, of the stack that leads to the logits.
// Empty where the graph has no logits or names no residuals.
std::vector<std::string> lens_values(const Graph& graph);

// Adds the outputs "lens:VALUE", of the same rows as "logits".
void add_lens(Graph& graph);

}  // namespace orrery
