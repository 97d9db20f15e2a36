// What a GGUF file is made of: the keys that describe the model, those of its tokenizer, and its tensors.
#pragma once

#include "checkpoint/gguf_writer.h"
#include "export/gguf_export.h"

namespace orrery {

// ARCHITECTURE.block_count, …: throws Error (unsupported) where llama.cpp has no word for what the config says.
GgufKeys gguf_model_keys(const Model& model);
// Divisors of the rotary frequencies; nothing where they are those of the base alone.
std::optional<Tensor> gguf_rope_divisors(const Config& config);

// tokenizer.ggml.…, of `size` tokens: what the tokenizer lacks is filled up.
GgufKeys gguf_vocabulary_keys(const Tokenizer& tokenizer, int64_t size);

// The type in which a tensor of this GGUF name and shape is stored.
GgufType gguf_stored_type(const std::string& name, const std::vector<int64_t>& shape, DType held, const std::optional<GgufQuantisation>& quantisation, const Config& config);
// Adds all weights; the report gets what was left out or is wider.
void add_gguf_tensors(GgufWriter& writer, Model& model, const GgufExport& options, ThreadPool& pool, ExportReport& report);

}  // namespace orrery
