// For tests only: the goldens of causal models (tests/goldens/README.md), and small tokenizers.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "checkpoint/safetensors.h"
#include "generate/engine.h"
#include "tokenize/tokenizer.h"

namespace orrery::generate_test {

inline std::filesystem::path golden(const std::string& variant) { return std::filesystem::path("tests/goldens") / variant; }

// The goldens of causal language models, whichever there are.
inline std::vector<std::string> causal_goldens() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator("tests/goldens")) {
    const std::string where = entry.path().string();
    if (!std::filesystem::exists(entry.path() / "config.json")) continue;
    const Json json = read_config(entry.path()).value();
    const ModelFamily& family = *family_of(json, where).value();
    if (family.causal && family.read(json, where).value().head == Head::causal_lm) names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  REQUIRE(!names.empty());
  return names;
}

inline SafetensorsFile golden_file(const std::string& variant) { return SafetensorsFile::open(golden(variant) / "golden.safetensors").value(); }

inline std::vector<int32_t> integers(const SafetensorsFile& file, const std::string& name) {
  const Tensor tensor = file.tensor(name).value();
  std::vector<int32_t> values;
  for (const int64_t value : tensor.values<int64_t>()) values.push_back(int32_t(value));
  return values;
}

// Input 0, 1 or 2 of a golden: 5, 11 and 17 tokens.
inline std::vector<std::vector<int32_t>> inputs_of(const SafetensorsFile& file) {
  return {integers(file, "0.input_ids"), integers(file, "1.input_ids"), integers(file, "2.input_ids")};
}

// Every byte is a token, its id the byte's place in GPT-2's alphabet: characters of several bytes are several tokens.
inline Tokenizer byte_tokenizer() {
  Json vocab = Json::object();
  int32_t id = 0;
  const auto add = [&](uint32_t code_point) {
    std::string text;
    if (code_point < 0x80) text += char(code_point);
    else {
      text += char(0xC0 | code_point >> 6);
      text += char(0x80 | (code_point & 63));
    }
    vocab[text] = id++;
  };
  uint32_t shifted = 256;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    const bool shown = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    add(shown ? byte : shifted++);
  }
  const Json json = {{"version", "1.0"},
                     {"added_tokens", Json::array()},
                     {"normalizer", nullptr},
                     {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}}},
                     {"post_processor", nullptr},
                     {"decoder", {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", true}}},
                     {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", Json::array()}}}};
  return Tokenizer::from_json(json).value();
}

// A model that says what it is told: with one layer of zeros, the logits depend on the last token alone, and the token
// after id i is next[i].
inline Model parrot(const std::vector<int32_t>& next, int64_t positions = 64) {
  const int64_t vocab = int64_t(next.size());
  const Json config = {{"model_type", "llama"}, {"architectures", {"LlamaForCausalLM"}}, {"hidden_size", vocab}, {"intermediate_size", 8}, {"num_hidden_layers", 1},
                       {"num_attention_heads", 1}, {"num_key_value_heads", 1}, {"head_dim", 8}, {"vocab_size", vocab}, {"max_position_embeddings", positions},
                       {"rms_norm_eps", 1e-5}, {"rope_theta", 10000.0}, {"hidden_act", "silu"}, {"tie_word_embeddings", false}};
  Model model = Model::initialise(config, 1).value();
  for (auto& [name, weight] : model.weights().all()) {
    if (name.find("norm") != std::string::npos) continue;
    float* values = weight.value.mutable_data<float>();
    std::fill(values, values + weight.value.numel(), 0.0f);
    if (name == "model.embed_tokens.weight")
      for (int64_t i = 0; i < vocab; ++i) values[i * vocab + i] = 1;
    if (name == "lm_head.weight")
      for (int64_t i = 0; i < vocab; ++i) values[int64_t(next[size_t(i)]) * vocab + i] = 1;
  }
  model.weights().changed();
  return model;
}

}  // namespace orrery::generate_test
