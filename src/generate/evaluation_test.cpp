// Perplexity, sentence vectors, classes, reports and speeds.
#include <cmath>

#include "base/file.h"
#include "base/testing.h"
#include "generate/perplexity.h"
#include "generate/report.h"
#include "generate/sentence.h"
#include "generate/speed.h"
#include "generate/testing.h"

using namespace orrery;
using namespace orrery::generate_test;

namespace {

// -log softmax(logits[i])[ids[i + 1]], in double, from whole sequences.
std::vector<double> losses_of(Model& model, ThreadPool& pool, const std::vector<int32_t>& ids) {
  Encoder encoder(model, pool, "logits", {.max_rows = 64});
  const TokenSequence sequence{ids, {}};
  const Tensor logits = encoder.run({&sequence, 1})[0];
  std::vector<double> losses;
  for (size_t i = 0; i + 1 < ids.size(); ++i) {
    const float* row = logits.data<float>() + int64_t(i) * logits.dim(1);
    double sum = 0;
    for (int64_t j = 0; j < logits.dim(1); ++j) sum += std::exp(double(row[j]));
    losses.push_back(std::log(sum) - double(row[ids[i + 1]]));
  }
  return losses;
}

}  // namespace

TEST_CASE("perplexity is the exponential of the mean loss of every predicted token") {
  ThreadPool pool(2);
  for (const std::string variant : {"gpt2", "llama-grouped"}) {
    CAPTURE(variant);
    Model model = Model::load(golden(variant)).value();
    const std::vector<std::vector<int32_t>> inputs = inputs_of(golden_file(variant));
    double total = 0;
    int64_t count = 0;
    for (const auto& ids : inputs)
      for (const double loss : losses_of(model, pool, ids)) {
        total += loss;
        ++count;
      }
    std::vector<int64_t> progress;
    const PerplexityScores scores = perplexity(model, pool, inputs, {}, [&](int64_t done) { progress.push_back(done); });
    CHECK(scores.tokens == count);
    CHECK(scores.documents == 3);
    CHECK(scores.loss == doctest::Approx(total / double(count)).epsilon(1e-6));
    CHECK(scores.perplexity == doctest::Approx(std::exp(scores.loss)));
    CHECK(progress.back() == 3);
  }
}

TEST_CASE("a long document is cut, or read through windows that score each token once") {
  ThreadPool pool(1);
  Model model = Model::load(golden("gpt2")).value();
  const std::vector<int32_t> ids = inputs_of(golden_file("gpt2"))[2];     // 17 tokens
  const PerplexityScores cut = perplexity(model, pool, {ids}, {.max_positions = 8});
  CHECK(cut.tokens == 7);
  const std::vector<int32_t> head(ids.begin(), ids.begin() + 8);
  CHECK(cut.loss == doctest::Approx(perplexity(model, pool, {head}).loss));
  const PerplexityScores strided = perplexity(model, pool, {ids}, {.stride = 4, .max_positions = 8});
  CHECK(strided.tokens == 16);
  double total = 0;
  std::vector<bool> scored(17, false);
  for (size_t begin = 0; begin + 8 <= 20; begin += 4) {      // windows [0, 8), [4, 12), [8, 16), [12, 17)
    const size_t end = std::min<size_t>(begin + 8, 17);
    const std::vector<double> losses = losses_of(model, pool, {ids.begin() + std::ptrdiff_t(begin), ids.begin() + std::ptrdiff_t(end)});
    for (size_t i = begin + 1; i < end; ++i)
      if (!scored[i]) {
        total += losses[i - begin - 1];
        scored[i] = true;
      }
  }
  CHECK(strided.loss == doctest::Approx(total / 16).epsilon(1e-6));
}

TEST_CASE("perplexity refuses what cannot be scored") {
  ThreadPool pool(1);
  Model model = Model::load(golden("gpt2")).value();
  CHECK_THROWS_AS(perplexity(model, pool, {}), Error);
  CHECK_THROWS_AS(perplexity(model, pool, {{1}}), Error);
  CHECK_THROWS_AS(perplexity(model, pool, {{1, 100000}}), Error);
  Model encoder = Model::load(golden("bert-masked")).value();
  CHECK_THROWS_AS(perplexity(encoder, pool, {{1, 2}}), Error);
}

TEST_CASE("documents stand between separators, stripped") {
  CHECK(split_documents(" a b \n--\n\n--c--", "--") == std::vector<std::string>{"a b", "c"});
  CHECK(split_documents(" a b \n", "") == std::vector<std::string>{" a b \n"});
  CHECK(split_documents("", "--").empty());
}

TEST_CASE("a text's vector is the mean, the first or the last of its tokens'") {
  const Tensor states = Tensor::from(std::vector<float>{1, 2, 3, 4, 5, 9}, {3, 2});
  CHECK(pooled(states, Pooling::mean) == std::vector<float>{3, 5});
  CHECK(pooled(states, Pooling::cls) == std::vector<float>{1, 2});
  CHECK(pooled(states, Pooling::last) == std::vector<float>{5, 9});
  std::vector<float> vector = {3, 4}, zeros = {0, 0};
  normalize(vector);
  normalize(zeros);
  CHECK(vector == std::vector<float>{0.6f, 0.8f});
  CHECK(zeros == std::vector<float>{0, 0});
  CHECK_THROWS_AS(pooling_named("max"), Error);
}

TEST_CASE("sentence-transformers' files say how texts become vectors") {
  const TemporaryFolder folder("sentence");
  const std::filesystem::path path = folder.path();
  CHECK(read_sentence_settings(path).value().pooling == Pooling::mean);
  CHECK_FALSE(read_sentence_settings(path).value().normalize);
  std::filesystem::create_directories(path / "pool");
  write_file(path / "modules.json", R"([{"type": "sentence_transformers.models.Pooling", "path": "pool"}, {"type": "x.Normalize", "path": "2_Normalize"}])").value();
  write_file(path / "pool/config.json", R"({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false})").value();
  write_file(path / "sentence_bert_config.json", R"({"max_seq_length": 128})").value();
  const SentenceSettings settings = read_sentence_settings(path).value();
  CHECK(settings.pooling == Pooling::cls);
  CHECK(settings.normalize);
  CHECK(settings.max_tokens == 128);
  write_file(path / "pool/config.json", R"({"pooling_mode_max_tokens": true})").value();
  CHECK_FALSE(read_sentence_settings(path).ok());
  write_file(path / "modules.json", R"([{"type": "a.Pooling", "path": "../../elsewhere"}])").value();
  CHECK_FALSE(read_sentence_settings(path).ok());
}

TEST_CASE("classes have the config's names and probabilities that sum to 1") {
  Config config;
  config.labels = {"bad", ""};
  const std::vector<ClassScore> scores = class_scores(config, std::vector<float>{1, 3, 2});
  CHECK(scores[0].label == "bad");
  CHECK(scores[1].label == "LABEL_1");
  CHECK(scores[0].score + scores[1].score + scores[2].score == doctest::Approx(1));
  CHECK(likeliest(scores).label == "LABEL_1");
}

TEST_CASE("a report counts parameters, bytes and operations before anything runs") {
  const ModelReport report = report_model(golden("llama-grouped")).value();
  const Model model = Model::load(golden("llama-grouped")).value();
  CHECK(report.parameters == model.weights().parameters());
  CHECK(report.weights_bytes == model.weights().canonical_bytes());
  CHECK(report.dtype == "f32");
  CHECK(report.causal);
  CHECK(report.cache_bytes_per_token == 2 * model.config().num_layers * model.config().num_kv_heads * model.config().head_dim * 4);
  CHECK(report.total_bytes == report.weights_bytes + report.packed_bytes + report.activation_bytes + report.cache_bytes);
  CHECK(report.flops_last > report.flops_first);
  CHECK(report.flops_first > double(report.parameters));
  CHECK_FALSE(report_model(golden("bert")).value().causal);
  CHECK_FALSE(report_model("tests/goldens/sampling").ok());
  const TemporaryFolder folder("report");
  write_file(folder.path() / "config.json", read_file(golden("llama-grouped") / "config.json").value()).value();
  const ModelReport bare = report_model(folder.path(), {.dtype = DType::bf16}).value();
  CHECK_FALSE(bare.has_weights);
  CHECK(bare.parameters == report.parameters);
  CHECK(bare.dtype == "bf16");
}

TEST_CASE("what a report prices is what an engine allocates") {
  ThreadPool pool(1);
  for (const char* variant : {"gpt2", "llama-grouped", "gemma2", "mixtral", "pegasus", "t5-gated", "bahdanau"})
    for (const DType dtype : {DType::f32, DType::bf16}) {
      CAPTURE(variant);
      Model model = Model::load(golden(variant)).value();
      const ModelReport report = report_model(golden(variant), {}, dtype).value();
      const Engine engine(model, pool, {.kv_dtype = dtype});
      CHECK(report.cache_bytes == engine.cache_bytes());
      CHECK(report.activation_bytes == engine.memory().arena);
      CHECK(report.packed_bytes <= engine.memory().derived);   // which fills its panels up, and has tables
      CHECK(report.packed_bytes > report.weights_bytes / 2);
      CHECK((report.source_cache_bytes_per_token > 0) == model.config().encoder_decoder);
      CHECK((report.flops_source > 0) == model.config().encoder_decoder);
    }
}

TEST_CASE("speeds are measured on any model and tokenizer") {
  ThreadPool pool(1);
  Model model = parrot({1, 2, 0});
  const GenerationSpeed speed = measure_generation(model, pool, {.prompt_tokens = 8, .new_tokens = 4, .batch = 2, .repeat = 2});
  CHECK(speed.prefill_tokens_per_second > 0);
  CHECK(speed.decode_tokens_per_second > 0);
  CHECK(speed.latency_p99_ms >= speed.latency_p50_ms);
  CHECK(speed.peak_bytes > 0);
  CHECK_THROWS_AS(measure_generation(model, pool, {.prompt_tokens = 64, .new_tokens = 2}), Error);
  Model answering = Model::load(golden("pegasus")).value();     // its 40 positions are those of each side
  CHECK(measure_generation(answering, pool, {.prompt_tokens = 40, .new_tokens = 40, .batch = 2, .repeat = 1}).decode_tokens_per_second > 0);
  CHECK_THROWS_AS(measure_generation(answering, pool, {.prompt_tokens = 41, .new_tokens = 2}), Error);
  const TokenizerSpeed tokens = measure_tokenizer(byte_tokenizer(), {"one", "two three"}, 2, pool);
  CHECK(tokens.bytes == 12);
  CHECK(tokens.tokens == 12);
  CHECK(percentile({3, 1, 2}, 0.5) == 2);
  CHECK(percentile({}, 0.5) == 0);
}
