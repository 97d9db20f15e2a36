// model.safetensors.index.json: which shard holds each tensor of a checkpoint in several files.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace orrery {

// The entries of "weight_map", tensor and file name, in the order of the file. A tensor occurs once; a file name has no
// folder in it, so that an index cannot make us read outside the checkpoint.
using WeightMap = std::vector<std::pair<std::string, std::string>>;
Result<WeightMap> parse_index(std::string_view text, const std::string& where);

// The index of a checkpoint being written, as Hugging Face writes it.
std::string index_text(WeightMap weight_map, uint64_t total_bytes);

}  // namespace orrery
