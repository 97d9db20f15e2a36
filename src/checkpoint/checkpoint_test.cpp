#include "checkpoint/checkpoint.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <array>
#include <csignal>
#include <cstring>
#include <set>

#include "base/testing.h"
#include "checkpoint/index.h"

using namespace orrery;

namespace {
const Tensor kX = Tensor::from(std::array<float, 4>{1, 2, 3, 4}, {2, 2});
const Tensor kY = Tensor::from(std::array<float, 2>{5, 6}, {2});

CheckpointContents contents() {
  CheckpointContents c;
  c.config = {{"model_type", "gpt2"}, {"n_layer", 2}};
  c.generation_config = {{"eos_token_id", 1}};
  c.tensors = {{"x", kX}, {"y", kY}, {"z", kX.to(DType::bf16)}};
  c.files = {{"tokenizer.json", "{}"}};
  return c;
}

std::set<std::string> files_of(const std::filesystem::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.insert(entry.path().filename().string());
  return names;
}

std::string error_of(const std::filesystem::path& folder) {
  const auto opened = Checkpoint::open(folder);
  return opened ? "accepted" : opened.error().what;
}

void index(const std::filesystem::path& folder, const std::string& weight_map) {
  REQUIRE(
      write_file(folder / "model.safetensors.index.json",
                 "{\"metadata\":{\"total_size\":1,\"deep\":[{\"weight_map\":[]}]},\"weight_map\":" + weight_map + "}"));
}
}  // namespace

TEST_CASE("a checkpoint saved whole is opened with all it held") {
  const TemporaryFolder folder("checkpoint");
  const auto path = folder.path() / "deeper" / "model";
  CheckpointContents saved = contents();
  saved.tensor_files = {{"optimizer.safetensors", {{"m", kY}}}};
  REQUIRE(save_checkpoint(path, saved));
  CHECK(files_of(path) == std::set<std::string>{"config.json", "generation_config.json", "model.safetensors",
                                                "tokenizer.json", "optimizer.safetensors"});
  CHECK(files_of(folder.path() / "deeper").size() == 1);

  const Checkpoint read = Checkpoint::open(path).value();
  CHECK(read.config() == saved.config);
  CHECK(read.generation_config() == saved.generation_config);
  CHECK(read.names() == std::vector<std::string>{"x", "y", "z"});
  CHECK(read.bytes() == 16 + 8 + 8);
  CHECK(read.has("x"));
  CHECK_FALSE(read.has("w"));
  CHECK(read.tensor("w").error().what == "the checkpoint has no tensor 'w'");
  for (const auto& [name, tensor] : saved.tensors) {
    const Tensor same = read.tensor(name).value();
    CHECK(same.shape() == tensor.shape());
    CHECK(std::memcmp(same.raw(), tensor.raw(), size_t(tensor.bytes())) == 0);
    read.release(name);
  }
}

TEST_CASE("a checkpoint above the limit is split, indexed and read back") {
  const TemporaryFolder folder("checkpoint");
  CheckpointContents saved = contents();
  saved.max_shard_bytes = 16;
  REQUIRE(save_checkpoint(folder.path() / "a", saved));
  CHECK(files_of(folder.path() / "a") ==
        std::set<std::string>{"config.json", "generation_config.json", "tokenizer.json", "model.safetensors.index.json",
                              "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"});
  CHECK(read_file(folder.path() / "a/model.safetensors.index.json").value() == R"({
  "metadata": {
    "total_size": 32
  },
  "weight_map": {
    "x": "model-00001-of-00002.safetensors",
    "y": "model-00002-of-00002.safetensors",
    "z": "model-00002-of-00002.safetensors"
  }
}
)");
  const Checkpoint read = Checkpoint::open(folder.path() / "a").value();
  CHECK(read.names().size() == 3);
  CHECK(read.tensor("y").value().data<float>()[1] == 6);
  saved.max_shard_bytes = 0;  // each tensor alone, however small the limit
  REQUIRE(save_checkpoint(folder.path() / "a", saved));
  CHECK(Checkpoint::open(folder.path() / "a").value().bytes() == 32);
  CHECK(files_of(folder.path()).size() == 1);
}

TEST_CASE("a model without weights is a checkpoint too") {
  const TemporaryFolder folder("checkpoint");
  REQUIRE(save_checkpoint(folder.path() / "a", {.config = Json::object(), .tensors = {}}));
  const Checkpoint read = Checkpoint::open(folder.path() / "a").value();
  CHECK(read.names().empty());
  CHECK(read.generation_config().is_null());
}

TEST_CASE("a folder that is no checkpoint is told from a broken one") {
  const TemporaryFolder folder("checkpoint");
  const auto& path = folder.path();
  CHECK(error_of(path / "absent") == "there is no such folder");
  REQUIRE(write_file(path / "file", "x"));
  CHECK(error_of(path / "file") == "a checkpoint is a folder with a config.json, and this is a file");
  CHECK(error_of(path) == "the folder has no config.json");
  REQUIRE(write_file(path / "config.json", "[]"));
  CHECK(error_of(path) == "this is not a JSON object");
  REQUIRE(write_file(path / "config.json", "{\"a\":"));
  CHECK(error_of(path).starts_with("not valid JSON"));
  REQUIRE(write_file(path / "config.json", "{}"));
  CHECK(error_of(path) == "there are no weights: neither model.safetensors nor model.safetensors.index.json");
  REQUIRE(write_file(path / "pytorch_model.bin", "x"));
  CHECK(Checkpoint::open(path).error().hint.starts_with("pytorch_model.bin is there"));
  REQUIRE(write_file(path / "model.safetensors", "x"));
  CHECK(error_of(path).starts_with("the file has 1 bytes"));
  REQUIRE(write_safetensors(path / "model.safetensors", {{"x", kX}}));
  CHECK(error_of(path) == "accepted");
  REQUIRE(write_file(path / "generation_config.json", "nonsense"));
  CHECK(error_of(path).starts_with("not valid JSON"));
}

TEST_CASE("broken indexes are refused") {
  const TemporaryFolder folder("checkpoint");
  const auto& path = folder.path();
  REQUIRE(write_file(path / "config.json", "{}"));
  REQUIRE(write_safetensors(path / "one.safetensors", {{"x", kX}, {"extra", kX}}));
  REQUIRE(write_safetensors(path / "two.safetensors", {{"y", kY}}));
  const auto check = [&](const std::string& weight_map, const std::string& says) {
    index(path, weight_map);
    CHECK(error_of(path) == says);
  };
  check(R"({"x":"one.safetensors","y":"two.safetensors"})", "accepted");
  CHECK(Checkpoint::open(path).value().names() == std::vector<std::string>{"x", "y"});
  check(R"({"x":"one.safetensors","y":"three.safetensors","w":"three.safetensors"})",
        "the shard three.safetensors is missing, and with it 2 tensors: 'y', …");
  check(R"({"x":"one.safetensors","y":"one.safetensors"})",
        "tensor 'y' is not in one.safetensors, where the index puts it");
  check(R"({"x":"one.safetensors","x":"two.safetensors"})",
        "tensor 'x' is listed twice: in one.safetensors and in two.safetensors");
  check(R"({"x":"../one.safetensors"})",
        "tensor 'x' is said to be in '../one.safetensors', a path outside the model's folder");
  for (const char* name : {"..", "/etc/passwd"}) {
    index(path, "{\"x\":\"" + std::string(name) + "\"}");
    CHECK(error_of(path).ends_with("a path outside the model's folder"));
  }
  for (const char* name : {".", "", "a\\\\b", "a\\u0000b", "sub/one.safetensors"}) {
    index(path, "{\"x\":\"" + std::string(name) + "\"}");
    CHECK(error_of(path).find("is not the name of a file in this folder") != std::string::npos);
  }
  check(R"({"x":1})", "the index names no file for tensor 'x'");
  check(R"({"x":{}})", "the index names no file for tensor 'x'");
  check(R"({"x":[]})", "the index names no file for tensor 'x'");
  check("[]", "the index's 'weight_map' is not an object");
  check("null", "the index's 'weight_map' is not an object");
  check("{},\"weight_map\":{}", "the index has two 'weight_map'");
  check("{", "the index is not valid JSON");
  for (const char* text : {"{}", "{\"metadata\":{\"weight_map\":{}}}"})
    CHECK(parse_index(text, "i").error().what == "the index has no 'weight_map'");
  for (const char* text : {"1", "\"a\"", "null"})
    CHECK(parse_index(text, "i").error().what == "the index is not an object");
  CHECK(parse_index("[]", "i").error().what == "the index is a list instead of an object");

  REQUIRE(write_safetensors(path / "two.safetensors", {{"y", kY}, {"x", kX}}));
  check(R"({"x":"one.safetensors","y":"two.safetensors"})",
        "tensor 'x' is in two shards: one.safetensors and two.safetensors");
}

TEST_CASE("saving replaces a checkpoint whole, and refuses any other folder") {
  const TemporaryFolder folder("checkpoint");
  const auto path = folder.path() / "a";
  CheckpointContents saved = contents();
  REQUIRE(save_checkpoint(path, saved));
  const Tensor old = Checkpoint::open(path).value().tensor("x").value();
  saved.files = {};
  saved.tensors = {{"w", kY}};
  REQUIRE(save_checkpoint(path, saved));
  CHECK(Checkpoint::open(path).value().names() == std::vector<std::string>{"w"});
  CHECK(files_of(path).count("tokenizer.json") == 0);
  CHECK(old.data<float>()[3] == 4);  // readers of the old one are not disturbed

  std::filesystem::create_directory(folder.path() / "home");
  REQUIRE(save_checkpoint(folder.path() / "home", saved));  // an empty folder is free to take
  std::filesystem::create_directory(folder.path() / "other");
  REQUIRE(write_file(folder.path() / "other" / "letter.txt", "dear"));
  CHECK_FALSE(save_checkpoint(folder.path() / "other", saved));
  CHECK_FALSE(save_checkpoint(folder.path() / "other" / "letter.txt", saved));
  CHECK(read_file(folder.path() / "other" / "letter.txt").value() == "dear");
}

TEST_CASE("names that collide or leave the folder are the caller's mistake") {
  const TemporaryFolder folder("checkpoint");
  for (const char* name : {"config.json", "model.safetensors", "../x", "a/b", "", ".."}) {
    CheckpointContents saved = contents();
    saved.files = {{name, "x"}};
    CHECK_THROWS_AS((void)save_checkpoint(folder.path() / "a", saved), Error);
  }
  CheckpointContents saved = contents();
  saved.tensors.emplace_back("x", kX);
  saved.max_shard_bytes = 8;  // in another shard than the first
  CHECK_THROWS_AS((void)save_checkpoint(folder.path() / "a", saved), Error);
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("a save that runs out of room leaves the old checkpoint and nothing else") {
  // The limit on the size of files stands in for a full disk: write() fails part of the way through.
  const TemporaryFolder folder("checkpoint");
  const auto path = folder.path() / "a";
  REQUIRE(save_checkpoint(path, contents()));
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit old_limit{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &old_limit) == 0);
  CheckpointContents large = contents();
  large.tensors = {{"small", kX}, {"large", Tensor::zeros(DType::f32, {100, 1000})}};
  for (const uint64_t shard : {uint64_t(100), uint64_t(1) << 40}) {
    large.max_shard_bytes = shard;
    for (const unsigned limit : {0u, 10u, 300u, 4096u, 100000u, 399999u}) {
      rlimit small = old_limit;
      small.rlim_cur = limit;
      REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
      const Status saved = save_checkpoint(path, large);
      const Status fresh = save_checkpoint(folder.path() / "b", large);
      REQUIRE(::setrlimit(RLIMIT_FSIZE, &old_limit) == 0);
      REQUIRE_FALSE(saved);
      CHECK(saved.error().kind == ErrorKind::io);
      CHECK(saved.error().where.starts_with(path.string() + "/"));
      CHECK_FALSE(fresh);
      CHECK(files_of(folder.path()) == std::set<std::string>{"a"});
      CHECK(Checkpoint::open(path).value().names().size() == 3);
    }
  }
  std::signal(SIGXFSZ, old_handler);
}
