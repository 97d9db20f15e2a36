// Checkpoints as llama.cpp's converter lays them out (tests/goldens/gguf) are the same models as in Hugging Face's files.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "base/testing.h"
#include "checkpoint/gguf_writer.h"
#include "graph/graph.h"
#include "models/model.h"

using namespace orrery;

namespace {

const std::filesystem::path kGoldens = "tests/goldens";

// The weight of the folder, rounded as the GGUF file stores it.
Tensor as_stored(const Tensor& weight, const Tensor& stored) { return weight.to(stored.dtype()); }

// The golden Llama's file with other keys, and tensors of f32 vectors added.
std::filesystem::path edited(const std::filesystem::path& folder, const GgufKeys& keys, const std::vector<std::pair<std::string, std::vector<float>>>& added = {}) {
  const GgufFile from = GgufFile::open(kGoldens / "gguf" / "llama-grouped.gguf").value();
  GgufWriter writer;
  for (const auto& [key, value] : from.metadata().items()) {
    if (key != "general.architecture" && !key.starts_with("llama.")) continue;
    if (std::any_of(keys.begin(), keys.end(), [&key = key](const auto& other) { return other.first == key; })) continue;
    if (value.is_string()) writer.set(key, value.get<std::string>());
    else if (value.is_number_integer()) writer.set(key, value.get<uint32_t>());
    else if (value.is_number()) writer.set(key, value.get<float>());
  }
  writer.set(keys);
  for (const GgufTensor& tensor : from.tensors())
    writer.add(tensor.name, tensor.type, tensor.shape, [&](const GgufWriter::Sink& sink) { sink({reinterpret_cast<const char*>(from.bytes(tensor).data()), from.bytes(tensor).size()}); });
  for (const auto& [name, values] : added)
    writer.add(name, DType::f32, {int64_t(values.size())}, [&values = values](const GgufWriter::Sink& sink) { sink({reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)}); });
  const std::filesystem::path path = folder / "edited.gguf";
  writer.write(path).value();
  return path;
}

std::string error_of(const std::filesystem::path& path) {
  const Result<Model> model = Model::load(path);
  return model ? "" : model.error().what;
}

}  // namespace

TEST_CASE("what a GGUF file says and is not followed is an error that names it") {
  const TemporaryFolder folder("gguf");
  CHECK(error_of(edited(folder.path(), {})) == "");
  for (const auto& key : GgufKeys{{"llama.attention.causal", false}, {"llama.rope.scaling.attn_factor", 1.5f}, {"llama.rope.scaling.yarn_ext_factor", 0.5f}, {"llama.rope.scaling.yarn_log_multiplier", 0.1f}, {"llama.logit_scale", 0.5f}, {"llama.attention.clamp_kqv", 3.0f}, {"llama.final_logit_softcapping", 30.0f}}) {
    CAPTURE(key.first);
    CHECK(error_of(edited(folder.path(), {key})).starts_with(key.first));
  }
  CHECK(error_of(edited(folder.path(), {{"llama.attention.causal", true}, {"llama.logit_scale", 1.0f}, {"llama.rope.scaling.attn_factor", 1.0f}})) == "");
  CHECK(error_of(edited(folder.path(), {{"split.count", uint32_t(2)}})) == "it is one of 2 parts of a model");
  CHECK(error_of(edited(folder.path(), {{"llama.block_count", uint32_t(1)}})).find("is of a layer that llama.block_count does not count") != std::string::npos);
  CHECK(error_of(edited(folder.path(), {}, {{"blk.0.attn_q_norm.weight", {1, 1}}})) == "tensor 'blk.0.attn_q_norm.weight' is none that this architecture has here");
  CHECK(error_of(edited(folder.path(), {}, {{"blk.0.attn_q.bias", {1, 1}}})).find("is [2]") != std::string::npos);
}

TEST_CASE("a factor of rotary scaling without a type is linear scaling's, under its old name too, and yarn's attention factor is multiplied") {
  const TemporaryFolder folder("gguf");
  const auto rotary = [&](const GgufKeys& keys) { return *Model::load(edited(folder.path(), keys)).value().config().rotary; };
  const RotaryTable linear = rotary({{"llama.rope.scaling.type", std::string("linear")}, {"llama.rope.scaling.factor", 4.0f}});
  CHECK(rotary({{"llama.rope.scaling.factor", 4.0f}}).inverse_frequencies == linear.inverse_frequencies);
  CHECK(rotary({{"llama.rope.scale_linear", 4.0f}}).inverse_frequencies == linear.inverse_frequencies);
  CHECK(rotary({{"llama.rope.scaling.type", std::string("none")}, {"llama.rope.scaling.factor", 4.0f}}).inverse_frequencies == rotary({}).inverse_frequencies);
  CHECK(rotary({}).inverse_frequencies != linear.inverse_frequencies);
  const GgufKeys yarn = {{"llama.rope.scaling.type", std::string("yarn")}, {"llama.rope.scaling.factor", 4.0f}, {"llama.rope.scaling.original_context_length", uint32_t(2048)}};
  GgufKeys halved = yarn;
  halved.emplace_back("llama.rope.scaling.attn_factor", 0.5f);
  CHECK(rotary(halved).attention_factor == doctest::Approx(0.5 * rotary(yarn).attention_factor));
  CHECK(rotary(halved).inverse_frequencies == rotary(yarn).inverse_frequencies);
  GgufKeys usual = yarn, other = yarn;
  for (const auto& [name, value] : {std::pair{"beta_fast", 32.0f}, {"beta_slow", 1.0f}, {"ext_factor", 1.0f}, {"attn_factor", 1.0f}}) usual.emplace_back(std::string("llama.rope.scaling.yarn_") + name, value);
  other.emplace_back("llama.rope.scaling.yarn_beta_fast", 2.0f);
  CHECK(rotary(usual).inverse_frequencies == rotary(yarn).inverse_frequencies);
  CHECK(rotary(other).inverse_frequencies != rotary(yarn).inverse_frequencies);
}

TEST_CASE("biases that only some layers of a GGUF file have are zeros in the others") {
  const TemporaryFolder folder("gguf");
  const Model plain = Model::load(edited(folder.path(), {})).value();
  const auto rows = [&](const std::string& name) { return plain.weights().at(name).shape()[0]; };
  const std::vector<float> values(size_t(rows("model.layers.1.self_attn.v_proj.weight")), 0.5f), down(size_t(rows("model.layers.0.mlp.down_proj.weight")), 2.0f);
  const Model model = Model::load(edited(folder.path(), {}, {{"blk.1.attn_v.bias", values}, {"blk.0.ffn_down.bias", down}})).value();
  for (const char* layer : {"0", "1"})
    for (const char* part : {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"}) {
      const std::string name = std::string("model.layers.") + layer + "." + part;
      CAPTURE(name);
      const float expected = name == "model.layers.1.self_attn.v_proj" ? 0.5f : name == "model.layers.0.mlp.down_proj" ? 2.0f : 0.0f;
      REQUIRE(model.weights().has(name + ".bias"));
      const Tensor& bias = model.weights().at(name + ".bias").value;
      REQUIRE(bias.numel() == rows(name + ".weight"));
      for (const float value : bias.values<float>()) CHECK(value == expected);
    }
}

TEST_CASE("every weight of a GGUF file is the folder's, under its name and in its layout") {
  for (const std::string name : {"bert", "gpt2-untied-inner", "llama-grouped", "llama-rope-llama3", "mixtral", "t5-gated"}) {
    CAPTURE(name);
    const Model folder = Model::load(kGoldens / name).value(), file = Model::load(kGoldens / "gguf" / (name + ".gguf")).value();
    CHECK(file.family().name == std::string(folder.family().name));
    CHECK(file.config().max_positions == folder.config().max_positions);
    CHECK(file.config().norm_eps == folder.config().norm_eps);
    CHECK(file.config().eos_ids == folder.config().eos_ids);
    for (const auto& entry : file.weights().all()) {
      const std::string& weight = entry.first;
      const Weight& held = entry.second;
      CAPTURE(weight);
      REQUIRE(folder.weights().has(weight));
      const Tensor expected = as_stored(folder.weights().at(weight).value, held.value);
      REQUIRE(held.value.shape() == expected.shape());
      CHECK(std::memcmp(held.value.raw(), expected.raw(), size_t(expected.bytes())) == 0);
    }
    if (name == "bert" || name == "t5-gated") continue;   // the pooler, and the longest distance, are not in GGUF files
    CHECK(file.weights().all().size() == folder.weights().all().size());
    CHECK(to_text(file.graph()) == to_text(folder.graph()));
  }
}

TEST_CASE("divisors of rotary frequencies say what Llama 3's scaling says") {
  const Model folder = Model::load(kGoldens / "llama-rope-llama3").value(), file = Model::load(kGoldens / "gguf" / "llama-rope-llama3.gguf").value();
  const auto &ours = file.config().rotary->inverse_frequencies, &theirs = folder.config().rotary->inverse_frequencies;
  REQUIRE(ours.size() == theirs.size());
  for (size_t i = 0; i < ours.size(); ++i) CHECK(std::fabs(ours[i] - theirs[i]) <= 1e-6 * theirs[i]);
  CHECK(file.config().rotary->attention_factor == folder.config().rotary->attention_factor);
}
