// Real checkpoints: opened, and written again byte for byte.
#include <doctest/doctest.h>

#include <cstring>

#include "base/testing.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/fields.h"

using namespace orrery;

namespace {
const std::filesystem::path kModels = "../shared/models";
}

TEST_CASE("real checkpoints are opened, and each tensor is where its header says") {
  if (!shared_available("models")) return;
  const struct {
    const char* name;
    const char* model_type;
  } cases[] = {{"stories260k", "llama"},    {"gpt2-sort", "gpt2"},
               {"minilm-l6-v2", "bert"},    {"fixture-bert-classifier-random", "bert"},
               {"fixture-t5-random", "t5"}, {"fixture-bloom-random", "bloom"},
               {"translit-ar-en", ""}};
  for (const auto& expected : cases) {
    CAPTURE(expected.name);
    const Checkpoint checkpoint = Checkpoint::open(kModels / expected.name).value();
    ConfigReader fields(checkpoint.config(), checkpoint.config_path());
    if (*expected.model_type) CHECK(fields.string("model_type") == expected.model_type);
    CHECK(fields.ok());
    CHECK(checkpoint.names().size() > 10);
    uint64_t bytes = 0;
    for (const std::string& tensor : checkpoint.names()) {
      const Tensor values = checkpoint.tensor(tensor).value();
      CHECK(values.bytes() == checkpoint.info(tensor)->end - checkpoint.info(tensor)->begin);
      bytes += values.bytes();
    }
    CHECK(bytes == checkpoint.bytes());
  }
}

TEST_CASE("a real checkpoint saved again holds the same tensors") {
  if (!shared_available("models")) return;
  const TemporaryFolder folder("checkpoint");
  for (const char* name : {"stories260k", "gpt2-sort", "fixture-t5-random"}) {
    CAPTURE(name);
    const Checkpoint original = Checkpoint::open(kModels / name).value();
    CheckpointContents saved{.config = original.config(), .generation_config = original.generation_config()};
    for (const std::string& tensor : original.names())
      saved.tensors.emplace_back(tensor, original.tensor(tensor).value());
    for (const uint64_t limit : {uint64_t(1) << 40, uint64_t(100'000)}) {
      saved.max_shard_bytes = limit;
      REQUIRE(save_checkpoint(folder.path() / name, saved));
      const Checkpoint again = Checkpoint::open(folder.path() / name).value();
      CHECK(again.config() == original.config());
      CHECK(again.names().size() == original.names().size());
      for (const auto& [tensor, values] : saved.tensors) {
        const Tensor same = again.tensor(tensor).value();
        CHECK(same.shape() == values.shape());
        CHECK(std::memcmp(same.raw(), values.raw(), size_t(values.bytes())) == 0);
      }
    }
  }
}
