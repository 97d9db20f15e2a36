// The frequencies of rotary positions, from the fields that configs have used for them: rope_theta with rope_scaling
// (transformers 4), or rope_parameters (transformers 5). Where a file has both, rope_scaling counts, as in transformers.
#pragma once

#include <memory>

#include "checkpoint/fields.h"
#include "graph/builder.h"

namespace orrery {

// inverse_frequencies[i] = theta^(-2i / head_dim), scaled as rope_type says: default, linear, dynamic, llama3, yarn, longrope
// (the last within the original positions). Whole heads are turned.
std::shared_ptr<const RotaryTable> read_rotary(ConfigReader& fields, int64_t head_dim, int64_t max_positions, double default_theta = 10000);

// The base that a config names, in any of these spellings.
double rope_theta(const Json& config, double default_theta = 10000);

}  // namespace orrery
