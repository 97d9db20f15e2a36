// The frequencies of rotary positions, from the fields that configs have used for them: rope_theta with rope_scaling
// (transformers 4), or rope_parameters (transformers 5).
#pragma once

#include <memory>

#include "checkpoint/fields.h"
#include "graph/builder.h"

namespace orrery {

// inverse_frequencies[i] = theta^(-2i / rotary_dim), scaled as rope_type says: default, linear, llama3, yarn.
std::shared_ptr<const RotaryTable> read_rotary(ConfigReader& fields, int64_t head_dim, int64_t max_positions, double default_theta = 10000);

}  // namespace orrery
