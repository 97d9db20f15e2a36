// Checkpoints as llama.cpp's converter lays them out (tests/goldens/gguf) are the same models as in Hugging Face's files.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "graph/graph.h"
#include "models/model.h"

using namespace orrery;

namespace {

const std::filesystem::path kGoldens = "tests/goldens";

// The weight of the folder, rounded as the GGUF file stores it.
Tensor as_stored(const Tensor& weight, const Tensor& stored) { return weight.to(stored.dtype()); }

}  // namespace

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
