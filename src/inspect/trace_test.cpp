// The walk through every stage, on the goldens of tests/goldens.
#include "inspect/trace.h"

#include <doctest/doctest.h>

#include <cmath>

#include "inspect/lens.h"

using namespace orrery;

namespace {

Model golden(const std::string& name) { return Model::load(std::filesystem::path("tests/goldens") / name).value(); }

const std::vector<int32_t> kIds = {5, 17, 3, 8, 61, 17, 40, 22, 9};

GenerationConfig config_of(const Json& options) {
  GenerationConfig config;
  config.ignore_eos = true;
  for (const auto& [name, value] : options.items()) config.set(name, value).value();
  config.seed = 11;
  return config;
}

Trace walk(Model& model, ThreadPool& pool, const GenerationConfig& config, TraceOptions options = {}) { return trace(model, pool, nullptr, std::nullopt, kIds, config, options); }

const Json& stage(const Json& document, const std::string& name) {
  for (const Json& one : document["stages"])
    if (one["stage"] == name) return one;
  FAIL("no stage " << name);
  return document;
}

}  // namespace

TEST_CASE("a trace tells the ids and the logits that are generated, to the bit") {
  ThreadPool pool(2);
  for (const char* name : {"gpt2", "llama-grouped", "llama-bf16", "llama-rope-llama3", "mixtral", "gemma2", "mpt"})
    for (const Json& options : {Json{{"max_new_tokens", 6}}, Json{{"max_new_tokens", 6}, {"do_sample", true}, {"temperature", 1.3}, {"top_k", 20}, {"top_p", 0.9}}}) {
      CAPTURE(name);
      Model model = golden(name);
      const GenerationConfig config = config_of(options);
      const Trace walked = walk(model, pool, config);
      Engine engine(model, pool, {});
      const Generation made = Generator(engine, nullptr, config).run({{.ids = kIds}})[0];
      CHECK(walked.made.ids == made.ids);
      CHECK(walked.inspected_difference == 0);
      CacheSequence sequence = engine.sequence();
      const Feed feed{&sequence, kIds};
      const float* logits = engine.forward(std::span(&feed, 1));
      CHECK(std::equal(walked.logits.begin(), walked.logits.end(), logits));
      engine.cache().truncate(sequence, 0);

      REQUIRE(walked.steps.size() == 6);
      for (size_t i = 0; i < 6; ++i) CHECK(walked.steps[i].choice.id == made.ids[i]);
      CHECK(walked.focus == int64_t(kIds.size()) - 1);
      REQUIRE(walked.layers.size() == size_t(model.config().num_layers));
      REQUIRE(walked.lens.size() == walked.layers.size() + 1);
      for (size_t i = 0; i < walked.top.size(); ++i) {   // after the last layer the lens says what the model says
        CHECK(walked.lens.back().says[i].id == walked.top[i].id);
        CHECK(walked.lens.back().says[i].logit == walked.top[i].logit);
      }
      CHECK(walked.lens.back().said.size() == kIds.size());
      for (const LayerTrace& layer : walked.layers) {
        CHECK(layer.residual.norms.size() == kIds.size());
        CHECK(layer.attention_norm > 0);
        CHECK(layer.mlp_norm > 0);
        REQUIRE(layer.heads.size() == size_t(model.config().num_heads));
        for (const HeadTrace& head : layer.heads) {
          double sum = 0;
          for (const float weight : head.weights) sum += double(weight);
          CHECK(sum == doctest::Approx(1).epsilon(1e-5));
          CHECK(head.entropy >= 0);
          CHECK(head.entropy <= std::log(double(kIds.size())) + 1e-6);
          CHECK(head.weights[size_t(head.looks_at)] == *std::max_element(head.weights.begin(), head.weights.end()));
        }
      }
    }
}

TEST_CASE("interventions are in the trace as in what is generated") {
  ThreadPool pool(1);
  Model model = golden("gpt2");
  TraceOptions options;
  options.interventions.ablate(sites_named(model.graph(), "layers.*.heads.0-1"));
  const Trace plain = walk(model, pool, config_of({{"max_new_tokens", 3}})), changed = walk(model, pool, config_of({{"max_new_tokens", 3}}), options);
  CHECK(changed.inspected_difference == 0);
  CHECK(changed.logits != plain.logits);
}

TEST_CASE("models that do not generate show what they have") {
  ThreadPool pool(1);
  for (const char* name : {"bert", "bert-masked", "bert-sequence", "bert-token"}) {
    CAPTURE(name);
    Model model = golden(name);
    const Trace walked = walk(model, pool, {});
    const Json document = to_json(walked, model, nullptr);
    CHECK(walked.steps.empty());
    CHECK(stage(document, "layers")["layers"].size() == size_t(model.config().num_layers));
    CHECK(stage(document, "embed")["values"].size() == 4);
    CHECK(walked.logits.empty() == (model.config().head == Head::none));
    if (model.config().head == Head::none) continue;
    const Json& top = stage(document, "logits")["top"];
    CHECK(top[0].contains(model.config().head == Head::masked_lm ? "id" : "label"));
    double sum = 0;
    for (const Weighed& one : likeliest(walked.logits, 1000)) sum += one.probability;
    CHECK(sum == doctest::Approx(1));
  }
}

TEST_CASE("the stages of the document come in the order of the story") {
  ThreadPool pool(1);
  Model model = golden("llama-tied");
  const Json document = to_json(walk(model, pool, config_of({{"max_new_tokens", 2}, {"do_sample", true}})), model, nullptr);
  std::string names;
  for (const Json& one : document["stages"]) names += one["stage"].get<std::string>() + " ";
  CHECK(names == "tokenize embed layers logits sample continue ");
  const Json& sample = stage(document, "sample");
  CHECK(sample["random"].get<double>() == sampling_number(11, 0, int64_t(kIds.size())));
  CHECK(sample["steps"][0]["name"] == "top_k");
  CHECK(stage(document, "continue")["ids"].size() == 2);
  CHECK(stage(document, "embed")["positions"] == "rotary");
}

TEST_CASE("an encoder-decoder is told from both sides") {
  ThreadPool pool(2);
  for (const char* name : {"t5", "pegasus"}) {
    CAPTURE(name);
    Model model = golden(name);
    for (const Json& options : {Json{{"max_new_tokens", 5}}, Json{{"max_new_tokens", 5}, {"do_sample", true}}}) {
      const GenerationConfig config = config_of(options);
      const Trace walked = walk(model, pool, config);
      Engine engine(model, pool, {});
      const Generation made = Generator(engine, nullptr, config).run({{.ids = kIds}})[0];
      CHECK(walked.made.ids == made.ids);
      CHECK(walked.inspected_difference == 0);
      CHECK(walked.written.size() == 5);
      CHECK(walked.written[0] == decoder_start(model));
      CHECK(walked.embeddings.back().norms.size() == kIds.size());
      CHECK(walked.written_embeddings.back().norms.size() == 5);
      CHECK(walked.lens.size() == size_t(model.config().num_layers + 1));
      for (size_t i = 1; i < 5; ++i) CHECK(walked.written[i] == made.ids[i - 1]);
      // After the last layer the lens says at each position what was likeliest there.
      for (size_t i = 0; i < 5; ++i) CHECK(walked.lens.back().said[i].id == walked.steps[i].top[0].id);
      int64_t encoders = 0;
      for (const LayerTrace& layer : walked.layers) {
        encoders += layer.encoder;
        CHECK(layer.residual.norms.size() == (layer.encoder ? kIds.size() : 5));
        CHECK(layer.cross_heads.empty() == layer.encoder);
        for (const HeadTrace& head : layer.cross_heads) CHECK(head.weights.size() == kIds.size());
      }
      CHECK(encoders == model.config().num_encoder_layers);
      const Json document = to_json(walked, model, nullptr);
      std::string names;
      for (const Json& one : document["stages"]) names += one["stage"].get<std::string>() + " ";
      CHECK(names == "tokenize embed encoder layers logits sample continue ");
    }
    // Zeroing what the encoder's first layer makes of the last token changes what is said, in trace and engine alike.
    TraceOptions changes;
    changes.interventions.ablate(sites_named(model.graph(), "encoder.layers.0.residual@-1"));
    const Trace plain = walk(model, pool, config_of({{"max_new_tokens", 2}})), changed = walk(model, pool, config_of({{"max_new_tokens", 2}}), changes);
    CHECK(changed.inspected_difference == 0);
    CHECK(changed.logits != plain.logits);
  }
}

TEST_CASE("a recurrent encoder-decoder is told by its states and its alignment") {
  ThreadPool pool(2);
  Model model = golden("bahdanau");
  for (const Json& options : {Json{{"max_new_tokens", 5}}, Json{{"max_new_tokens", 5}, {"do_sample", true}}}) {
    const GenerationConfig config = config_of(options);
    const Trace walked = walk(model, pool, config);
    Engine engine(model, pool, {});
    const Generation made = Generator(engine, nullptr, config).run({{.ids = kIds}})[0];
    CHECK(walked.made.ids == made.ids);
    CHECK(walked.inspected_difference == 0);
    CHECK(walked.recurrent);
    REQUIRE(walked.written.size() == 5);
    REQUIRE(walked.embeddings.size() == 1);
    CHECK(walked.embeddings[0].norms.size() == kIds.size());
    CHECK(walked.written_embeddings[0].norms.size() == 5);
    std::string states;
    for (const LayerTrace& layer : walked.layers) {
      states += layer.residual.name + " ";
      CHECK(layer.residual.norms.size() == (layer.encoder ? kIds.size() : 5));
      CHECK(layer.residual.norms.back() > 0);
      CHECK(layer.alignment.empty() == layer.encoder);
    }
    CHECK(states == "encoder.forwards.state encoder.backwards.state decoder.layers.0.state ");
    const LayerTrace& decoder = walked.layers.back();
    REQUIRE(decoder.alignment.size() == 5);
    CHECK(decoder.alignment[0].weights == decoder.cross_heads[0].weights);
    Probe probe(model, pool, {.taps = {"decoder.layers.0.cross_pattern", "decoder.layers.0.state"}});
    const Probed seen = probe.run({.ids = walked.written, .source = kIds});
    const Tensor &pattern = seen.at("decoder.layers.0.cross_pattern"), &state = seen.at("decoder.layers.0.state");
    for (size_t i = 0; i < 5; ++i) {
      const std::vector<float>& weights = decoder.alignment[i].weights;
      CHECK(std::equal(weights.begin(), weights.end(), pattern.data<float>() + i * kIds.size()));
      double sum = 0;
      for (int64_t c = 0; c < state.dim(1); ++c) sum += std::pow(double(state.data<float>()[int64_t(i) * state.dim(1) + c]), 2);
      CHECK(decoder.residual.norms[i] == doctest::Approx(std::sqrt(sum)));
      // What is said at each position is what was likeliest there.
      REQUIRE(walked.lens.size() == 1);
      CHECK(walked.lens[0].said[i].id == walked.steps[i].top[0].id);
      CHECK(walked.lens[0].said[i].logit == walked.steps[i].top[0].logit);
    }
    const Json document = to_json(walked, model, nullptr);
    std::string names;
    for (const Json& one : document["stages"]) names += one["stage"].get<std::string>() + " ";
    CHECK(names == "tokenize embed encoder layers logits sample continue ");
    CHECK(stage(document, "layers")["stream"] == "state");
    CHECK(stage(document, "embed")["positions"] == "recurrent");
  }
  // Its attention is one head.
  for (const char* site : {"decoder.layers.0.cross_heads.0", "encoder.backwards.state@-1"}) {
    CAPTURE(site);
    TraceOptions changes;
    changes.interventions.ablate(sites_named(model.graph(), site));
    const Trace plain = walk(model, pool, config_of({{"max_new_tokens", 2}})), changed = walk(model, pool, config_of({{"max_new_tokens", 2}}), changes);
    CHECK(changed.inspected_difference == 0);
    CHECK(changed.logits != plain.logits);
  }
  CHECK_THROWS_AS(sites_named(model.graph(), "decoder.layers.0.cross_heads.1"), Error);
}
