// What a GGUF file's metadata and tensors say of a model, told as a config.json.
#pragma once

#include "base/error.h"
#include "base/json.h"
#include "checkpoint/gguf.h"

namespace orrery {

// general.architecture: "llama" (also with experts: Mixtral), "gpt2", "bert", "t5". Others, and values that contradict the tensors or each
// other so that nothing can be made of them, are refused; the rest is left to the family that reads the config.
Result<Json> gguf_config(const GgufFile& file);

}  // namespace orrery
