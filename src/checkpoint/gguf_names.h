// The names that llama.cpp gives to the weights of a model family, and how it lays them out where that differs from Hugging Face's files.
//   https://github.com/ggml-org/llama.cpp, gguf-py/gguf/{constants,tensor_mapping}.py
//
//   const GgufNames names = gguf_names("llama", /*gated=*/true);
//   names.to_gguf("model.layers.3.self_attn.q_proj.weight")   // {"blk.3.attn_q.weight", rotary}
//   names.from_gguf("blk.3.attn_q.weight")                    // {"model.layers.3.self_attn.q_proj.weight", rotary}
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/tensor.h"

namespace orrery {

enum class GgufChange : uint8_t {
  none,
  transposed,     // GPT-2 keeps [inputs, outputs], GGUF [outputs, inputs]
  rotary,         // rows of a head: x0 … xn y0 … yn here, where (xi, yi) turn together; x0 y0 x1 y1 … there
  experts,        // one tensor for each expert here, all in one there
};

struct GgufName {
  std::string name;
  GgufChange change = GgufChange::none;
  int64_t expert = 0;   // of `experts`, on the way to GGUF: which
};

struct GgufRule {
  const char *gguf, *ours;   // '#' is a layer's number, '@' an expert's
  GgufChange change = GgufChange::none;
};

class GgufNames {
 public:
  explicit GgufNames(std::vector<GgufRule> rules) : rules_(std::move(rules)) {}
  // The name there, or nothing where llama.cpp has none.
  std::optional<GgufName> to_gguf(std::string_view ours) const;
  // The name here; of `experts` with '@' where the number goes.
  std::optional<GgufName> from_gguf(std::string_view gguf) const;

 private:
  std::vector<GgufRule> rules_;
};

// model_type: "llama", "mixtral", "gpt2", "bert", "t5"; another throws Error. gated: of T5, whether its feed-forward has a gate.
GgufNames gguf_names(std::string_view model_type, bool gated);

// Row r of a matrix with heads of `head_dim` rows, on the way to GGUF (`to_gguf`) or back, is row rotary_row(…) of the other.
int64_t rotary_row(int64_t row, int64_t head_dim, bool to_gguf);

}  // namespace orrery
