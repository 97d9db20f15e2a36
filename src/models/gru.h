// Gated recurrent units as in Bahdanau et al. 2014, A.1.1, where the reset gate acts on the state before its product:
//
//   z = sigmoid(x_z + U_z h);   r = sigmoid(x_r + U_r h);   h' = (1 - z) h + z tanh(x_c + U (r h))
#pragma once

#include "graph/builder.h"

namespace orrery {

// One step. projected [rows, 3 width] holds x_z, x_r, x_c; weights gates.weight [2 width, width] (U_z over U_r) and
// candidate.weight. Names update_gate, reset_gate, state.
Value gru_step(Scope at, Value projected, Value state);

// The state after each row, [rows, width], from zero. x [rows, inputs] is projected by input.weight and input.bias.
Value gru(Scope at, Value x, Sequences rows, int64_t width, bool reverse);

}  // namespace orrery
