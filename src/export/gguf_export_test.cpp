#include "export/gguf_export.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "base/testing.h"
#include "export/gguf_parts.h"

using namespace orrery;

namespace {

const std::filesystem::path kGoldens = "tests/goldens";

bool same_bits(const Tensor& a, const Tensor& b) { return a.shape() == b.shape() && a.dtype() == b.dtype() && std::memcmp(a.raw(), b.raw(), size_t(a.bytes())) == 0; }

std::string error_of(const std::string& golden) {
  const TemporaryFolder folder("export");
  ThreadPool pool(1);
  Model model = Model::load(kGoldens / golden).value();
  try {
    export_gguf(model, nullptr, folder.path() / "a.gguf", {}, pool);
  } catch (const Error& error) {
    CHECK(std::filesystem::is_empty(folder.path()));
    return error.what;
  }
  return "";
}

}  // namespace

TEST_CASE("a model read back from its GGUF file is the same model, to the bit") {
  const TemporaryFolder folder("export");
  ThreadPool pool(2);
  for (const std::string name : {"gpt2", "gpt2-untied-inner", "llama", "llama-bf16", "llama-bias", "llama-grouped", "llama-tied", "llama-theta", "mixtral", "mixtral-fused", "bert"}) {
    CAPTURE(name);
    Model model = Model::load(kGoldens / name).value();
    const ExportReport report = export_gguf(model, nullptr, folder.path() / "a.gguf", {}, pool);
    CHECK(report.left_out.empty() == (name != "bert"));   // its pooler
    const Model read = Model::load(folder.path() / "a.gguf").value();
    if (name != "bert") CHECK(to_text(read.graph()) == to_text(model.graph()));
    CHECK(read.config().bos_id == model.config().bos_id);
    CHECK(read.config().eos_ids == model.config().eos_ids);
    for (const auto& entry : read.weights().all()) {
      const std::string& weight = entry.first;
      const Weight& held = entry.second;
      CAPTURE(weight);
      const Tensor& before = model.weights().at(weight).value;
      CHECK(same_bits(held.value.to(DType::f32), before.to(DType::f32)));
      if (before.rank() == 2 && before.dtype() == DType::bf16) CHECK(held.value.dtype() == DType::bf16);
    }
  }
}

TEST_CASE("quantised matrices hold what their blocks say, row by row, with any number of threads") {
  const TemporaryFolder folder("export");
  Model model = Model::load(kGoldens / "gpt2").value();
  const GgufExport options{.quantisation = gguf_quantisation("q8_0")};
  for (const int threads : {1, 3}) {
    ThreadPool pool(threads);
    const std::filesystem::path path = folder.path() / (std::to_string(threads) + ".gguf");
    CHECK(export_gguf(model, nullptr, path, options, pool).wider.empty());
    const Model read = Model::load(path).value();
    const Tensor before = model.weights().at("transformer.wte.weight").value, after = read.weights().at("transformer.wte.weight").values();
    const int64_t width = before.dim(1);
    std::vector<std::byte> blocks(size_t(gguf_bytes(BlockFormat::q8_0, width)));
    std::vector<float> expected(size_t(width), 0.0f);
    for (int64_t row = 0; row < before.dim(0); ++row) {
      quantise(BlockFormat::q8_0, before.data<float>() + row * width, blocks.data(), width);
      dequantise(BlockFormat::q8_0, blocks.data(), expected.data(), width);
      CHECK(std::memcmp(expected.data(), after.data<float>() + row * width, size_t(width) * 4) == 0);
    }
    CHECK(same_bits(read.weights().at("transformer.wpe.weight").value, model.weights().at("transformer.wpe.weight").value));   // stays f32
  }
  CHECK(read_file(folder.path() / "1.gguf").value() == read_file(folder.path() / "3.gguf").value());
}

TEST_CASE("a file's matrices stay blocks, and say what they do as floats, whatever lies in another order there") {
  const TemporaryFolder folder("export");
  ThreadPool pool(2);
  for (const std::string name : {"gpt2", "llama-grouped", "mixtral"})
    for (const std::string format : {"q8_0", "q5_1"}) {
      CAPTURE(name);
      Json config = read_config(kGoldens / name).value();
      if (name == "mixtral") config["hidden_size"] = 64, config["intermediate_size"] = 96;   // the golden's rows are no whole blocks
      Model model = Model::initialise(config, 1).value();
      const std::filesystem::path path = folder.path() / "a.gguf", again = folder.path() / "b.gguf";
      export_gguf(model, nullptr, path, {.quantisation = gguf_quantisation(format)}, pool);
      Model stored = Model::load(path).value();
      const Model floats = Model::load(path, {.dtype = DType::f32}).value();
      int64_t blocks = 0;
      for (const auto& entry : stored.weights().all()) {
        const Weight& other = floats.weights().at(entry.first);
        CAPTURE(entry.first);
        CHECK(same_bits(entry.second.values().to(DType::f32), other.value.to(DType::f32)));
        CHECK_FALSE(other.stored);
        blocks += entry.second.stored.has_value();
        if (!entry.second.stored || other.value.dim(0) < kPanel || other.value.dim(1) < kPanel) continue;
        // Along the blocks their panels, across them those of the values.
        const bool turned = entry.second.stored->turned;
        const Panels along = stored.weights().packed(entry.first, turned ? Orientation::columns : Orientation::rows, DType::f32, &pool);
        CHECK(along.format == panels_of(entry.second.stored->format));
        CHECK(stored.weights().packed(entry.first, turned ? Orientation::rows : Orientation::columns, DType::f32, &pool).format == PanelFormat::own);
      }
      CHECK(blocks > 4);
      export_gguf(stored, nullptr, again, {.quantisation = gguf_quantisation("q8_0")}, pool);
      if (format == "q8_0") CHECK(read_file(again).value() == read_file(path).value());
    }
}

TEST_CASE("a mix gives more bits to the output, and to values and down projections of some layers") {
  Config c;
  c.num_layers = 16;
  c.tied = false;
  const auto stored = [&](const std::string& name, std::vector<int64_t> shape = {512, 512}, const char* quantisation = "q4_k_m") { return name_of(gguf_stored_type(name, shape, DType::bf16, gguf_quantisation(quantisation), c)); };
  CHECK(stored("output.weight") == "q6_k");
  CHECK(stored("token_embd.weight") == "q4_k");
  CHECK(stored("blk.0.attn_v.weight") == "q6_k");
  CHECK(stored("blk.2.attn_v.weight") == "q4_k");
  CHECK(stored("blk.4.ffn_down.weight") == "q6_k");
  CHECK(stored("blk.15.ffn_down.weight") == "q6_k");
  CHECK(stored("blk.15.ffn_up.weight") == "q4_k");
  CHECK(stored("blk.3.attn_norm.weight", {512}) == "f32");
  CHECK(stored("blk.3.ffn_gate_inp.weight") == "f32");
  CHECK(stored("blk.3.ffn_up.weight", {512, 96}) == "q5_0");       // no whole blocks of 256
  CHECK(stored("blk.3.ffn_up.weight", {512, 40}) == "f16");
  CHECK(stored("blk.3.ffn_up.weight", {512, 512}, "q8_0") == "q8_0");
  c.tied = true;
  CHECK(stored("token_embd.weight") == "q6_k");
  CHECK_FALSE(gguf_quantisation("q2_k"));
}

TEST_CASE("what llama.cpp has no word for is refused, and nothing is written") {
  CHECK(error_of("mixtral-window") == "GGUF files have no word for attention over a sliding window in this architecture");
  CHECK(error_of("gpt2-relu") == "GGUF files have no word for another activation than this architecture's gelu_new");
  CHECK(error_of("gpt2-unscaled") == "GGUF files have no word for scores that are not divided by the root of a head's width");
  CHECK(error_of("bert-sequence") == "a model of architecture BertForSequenceClassification has no form in GGUF files");
  CHECK(error_of("t5") == "GGUF files have no word for relative positions up to another distance than 128");
  CHECK(error_of("pegasus") == "models of type pegasus have no form in GGUF files here");
}

TEST_CASE("a value that is no number is not quantised, and nothing is left") {
  const TemporaryFolder folder("export");
  ThreadPool pool(2);
  Model model = Model::load(kGoldens / "gpt2").value();
  model.prepare_training();
  model.weights().at("transformer.wte.weight").value.mutable_data<float>()[7] = NAN;
  CHECK_THROWS_AS(export_gguf(model, nullptr, folder.path() / "a.gguf", {.quantisation = gguf_quantisation("q8_0")}, pool), Error);
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("tokenizers keep their ids in a GGUF file") {
  const Tokenizer tokenizer = Tokenizer::load("checkpoints/storyteller").value();
  const GgufKeys keys = gguf_vocabulary_keys(tokenizer, tokenizer.id_limit() + 3);
  const Json metadata = gguf_metadata(keys);
  CHECK(metadata["tokenizer.ggml.model"] == "gpt2");
  CHECK(metadata["tokenizer.ggml.pre"] == "gpt-2");
  CHECK(metadata["tokenizer.ggml.tokens"].size() == size_t(tokenizer.id_limit()) + 3);
  CHECK(metadata["tokenizer.ggml.token_type"].back() == 5);   // not used
  const Tokenizer read = Tokenizer::from_gguf(metadata, "x.gguf").value();
  CHECK(read.encode_ids("One day, a fox.") == tokenizer.encode_ids("One day, a fox."));
  CHECK_THROWS_AS(gguf_vocabulary_keys(tokenizer, 10), Error);
}
