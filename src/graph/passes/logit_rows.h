// Logits only for the rows that somebody asks for: the final linear layer, and what is done to each of its numbers, reads the rows named in the input "logit_rows"
// (i32 [logit_rows]). Nothing changes where there are no logits, or one row of them for a whole sequence.
#pragma once

#include "graph/graph.h"

namespace orrery {

void choose_logit_rows(Graph& graph);

}  // namespace orrery
