// A model family: how to read its config, name its weights and build its graph. One file each, listed in models.inc.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/fields.h"
#include "models/config.h"
#include "tensor/tensor.h"

namespace orrery {

// The values that a family's graph offers; absent ones are empty.
struct Outputs {
  Value hidden;   // [tokens, hidden] after the last norm
  Value encoded;  // [source rows, hidden]: what an encoder-decoder's encoder makes
  Value logits;   // [tokens, vocab | labels], or [sequences, labels]
  Value pooled;   // [sequences, hidden]: BERT's pooler
  std::vector<Value> router_probs;   // [tokens, experts] of each layer that has experts
};

// Where a file may hold a weight: a tensor of this name, or of its slice [slice] the rows [begin, end).
struct WeightPlace {
  std::string tensor;
  int64_t slice = -1, begin = 0, end = 0;
};

// A weight that is another one where config.json says `tie_word_embeddings`. Files are written with `source` alone.
struct TiedPair {
  std::string target, source;                 // "lm_head.weight", "transformer.wte.weight"
};

struct ModelFamily {
  const char* name = "";                      // config.json's model_type
  std::string base_prefix;                    // "transformer.": base models' files leave it out
  std::vector<TiedPair> tied = {};
  Result<Config> (*read)(const Json& json, const std::string& where) = nullptr;
  Outputs (*build)(Builder& g, const Config& c, const Inputs& in) = nullptr;
  // Standard deviation with which a fresh weight of two axes starts; 1-D ones are ones (norms) or zeros (biases).
  double (*initial_std)(const Config& c, const std::string& weight) = nullptr;
  double norm_start = 1;                      // what fresh weights of norms are
  // Where files in the wild keep a weight that is not there under its own name; what is saved has the weight's name.
  std::vector<WeightPlace> (*other_places)(const Config& c, const std::string& weight) = nullptr;
  bool causal = false;                        // generates from left to right
  // Weights that a formula gives (sinusoidal positions): used where the file has none, and never trained.
  std::optional<Tensor> (*fixed_weight)(const Config& c, const std::string& name) = nullptr;
  std::vector<std::string> copies = {};       // names under which files repeat other weights
};

// The family's graph over its inputs: "ids" of the row space "tokens", and for encoder-decoders "source.ids" of "source".
Outputs build_model(const ModelFamily& family, Builder& g, const Config& c);

std::span<const ModelFamily* const> model_families();
const ModelFamily* find_family(std::string_view model_type);
// The family that a config.json names.
Result<const ModelFamily*> family_of(const Json& json, const std::string& where);

#define MODEL(name) const ModelFamily& name##_family();
#include "models/models.inc"
#undef MODEL

// Fields that every config.json has in one of a few spellings.
Config read_common(ConfigReader& fields, const Json& json, std::initializer_list<std::pair<const char*, Head>> architectures);
Unary activation_named(ConfigReader& fields, const std::string& name, const char* field);   // an error names the field
Unary read_activation(ConfigReader& fields, const FieldNames& names, const char* otherwise);
// For families whose heads divide hidden_size among them: fields of other families, which say otherwise, do not count.
void divide_heads(ConfigReader& fields, Config& c);
// For families without a longest text: what their files call that is the length that texts mostly have.
void allow_any_length(ConfigReader& fields, Config& c);

}  // namespace orrery
