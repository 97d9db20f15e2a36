// A model as a GGUF file, which llama.cpp and the programs around it read, and as a folder in Hugging Face's layout.
//
//   GgufExport options{.quantisation = gguf_quantisation("q4_k_m").value()};
//   ExportReport report = export_gguf(model, tokenizer ? &*tokenizer : nullptr, "model.gguf", options, pool);    // throws Error
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/threads.h"
#include "checkpoint/gguf.h"
#include "models/model.h"
#include "tokenize/tokenizer.h"

namespace orrery {

// How matrices are stored: a block format for all, or a mix of two that gives more bits where errors weigh more.
struct GgufQuantisation {
  std::string name;                 // "q8_0", "q4_k_m"
  BlockFormat format = BlockFormat::q8_0;
  bool mixed = false;               // some are q6_k, as llama.cpp's _M mixes have it
};
// q8_0 q4_0 q4_1 q5_0 q5_1 q4_k q5_k q6_k, and the mixes q4_k_m q5_k_m.
std::optional<GgufQuantisation> gguf_quantisation(std::string_view name);

struct GgufExport {
  std::optional<GgufQuantisation> quantisation = {};   // none: as the model holds them
  std::string name = {}, chat_template = {};           // empty: none
  std::function<void(size_t done, size_t total)> progress = {};
};

struct ExportReport {
  size_t tensors = 0;
  uint64_t bytes = 0;                        // of the file, or of all files of the folder
  std::vector<std::string> left_out = {};    // weights that the format has no place for
  std::vector<std::string> wider = {};       // tensors that do not fit the format that was asked for, and are stored in a wider one
};

// Throws Error: unsupported, where llama.cpp has no words for the model or its tokenizer; io. A tokenizer is read back from the keys that
// are written, and has to give the same ids.
ExportReport export_gguf(Model& model, const Tokenizer* tokenizer, const std::filesystem::path& path, const GgufExport& options, ThreadPool& pool);

// config.json, model.safetensors of `dtype`, and the tokenizer's files.
ExportReport export_folder(const Model& model, const Tokenizer* tokenizer, const std::filesystem::path& folder, std::optional<DType> dtype);

}  // namespace orrery
