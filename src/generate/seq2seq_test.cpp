// Encoder-decoders: the source is read once, and the decoder looks at what was kept of it.
#include <cstring>

#include "generate/encoder.h"
#include "generate/generator.h"
#include "generate/testing.h"

using namespace orrery;
using namespace orrery::generate_test;

namespace {

const std::vector<std::string> kAnswering = {"bahdanau", "pegasus", "pegasus-untied", "t5", "t5-gated"};

std::vector<int32_t> answer_of(const SafetensorsFile& file, int i) { return integers(file, std::to_string(i) + ".decoder_input_ids"); }

bool same_rows(const float* a, const float* b, int64_t count) { return std::memcmp(a, b, size_t(count) * sizeof(float)) == 0; }

}  // namespace

TEST_CASE("a decoder fed token by token computes what the whole model does, bit for bit") {
  ThreadPool one(1), two(2);
  for (const std::string& variant : kAnswering)
    for (const DType dtype : {DType::f32, DType::bf16}) {
      CAPTURE(variant);
      Model model = Model::load(golden(variant)).value();
      const SafetensorsFile file = golden_file(variant);
      const int64_t vocab = model.config().vocab_size;
      std::vector<TokenSequence> texts;
      for (int i = 0; i < 3; ++i) texts.push_back({.ids = answer_of(file, i), .source = inputs_of(file)[size_t(i)]});
      Encoder encoder(model, two, "logits", {.max_rows = 64, .kv_dtype = dtype}), alone(model, one, "logits", {.max_rows = 17, .max_sequences = 1, .kv_dtype = dtype});
      const std::vector<Tensor> whole = encoder.run(texts);
      Engine engine(model, two, {.max_batch = 3, .max_positions = 32, .block_size = 16, .kv_dtype = dtype});
      std::vector<CacheSequence> sources, answers;
      for (const TokenSequence& text : texts) {
        sources.push_back(engine.encode(text.source));
        answers.push_back(engine.sequence());
      }
      for (size_t i = 0; i < 3; ++i) CHECK(same_rows(alone.run({&texts[i], 1})[0].data<float>(), whole[i].data<float>(), whole[i].numel()));
      for (size_t t = 0; t < 13; ++t) {      // the three together, each as far as it goes
        std::vector<Feed> feeds;
        std::vector<size_t> who;
        for (size_t i = 0; i < 3; ++i)
          if (t < texts[i].ids.size()) {
            feeds.push_back({&answers[i], std::span(texts[i].ids).subspan(t, 1), uint32_t(i), &sources[i]});
            who.push_back(i);
          }
        const float* logits = engine.forward(feeds);
        for (size_t k = 0; k < who.size(); ++k) CHECK(same_rows(logits + int64_t(k) * vocab, whole[who[k]].data<float>() + int64_t(t) * vocab, vocab));
      }
    }
}

TEST_CASE("greedy answers of encoder-decoders are transformers', or PyTorch's") {
  ThreadPool pool(2);
  for (const std::string& variant : kAnswering) {
    CAPTURE(variant);
    Model model = Model::load(golden(variant)).value();
    const SafetensorsFile file = golden_file(variant);
    GenerationConfig config;
    config.max_new_tokens = 12;
    config.ignore_eos = true;
    for (const int64_t batch : {1, 2}) {
      Engine engine(model, pool, {.max_batch = batch, .max_positions = 16, .source_positions = 17});
      std::vector<Prompt> prompts;
      for (const auto& ids : inputs_of(file)) prompts.push_back({.ids = ids});
      const std::vector<Generation> made = Generator(engine, nullptr, config).run(prompts);
      for (size_t i = 0; i < 3; ++i) {
        CHECK(made[i].ids == integers(file, std::to_string(i) + ".greedy_ids"));
        CHECK(made[i].prompt_tokens == int64_t(prompts[i].ids.size()));
      }
    }
  }
}

TEST_CASE("a source that does not fit is refused") {
  ThreadPool pool(1);
  Model t5 = Model::load(golden("t5")).value(), llama = Model::load(golden("llama")).value();
  Engine engine(t5, pool, {.max_positions = 8, .source_positions = 4}), causal(llama, pool, {.max_positions = 8});
  CHECK_THROWS_AS(engine.encode({}), Error);
  CHECK_THROWS_AS(engine.encode(std::vector<int32_t>{1, 2, 3, 4, 5}), Error);
  CHECK_THROWS_AS(engine.encode(std::vector<int32_t>{1, 96}), Error);
  CHECK_THROWS_AS(causal.encode(std::vector<int32_t>{1}), Error);
  CacheSequence answer = engine.sequence();
  const std::vector<int32_t> start{0};
  const Feed feed{&answer, start};
  CHECK_THROWS_AS(engine.forward({&feed, 1}), Error);
  Engine other(t5, pool, {.max_positions = 8, .source_positions = 4});
  const CacheSequence elsewhere = other.encode(std::vector<int32_t>{1, 2});
  const Feed foreign{&answer, start, 0, &elsewhere};
  CHECK_THROWS_AS(engine.forward({&foreign, 1}), Error);
}

TEST_CASE("where there is no longest text, room is made for the usual length, and for more where that is asked for") {
  ThreadPool pool(1);
  for (const auto& [variant, usual] : {std::pair{"t5", 512}, std::pair{"bahdanau", 64}}) {   // 64 is said by the config
    CAPTURE(variant);
    Model model = Model::load(golden(variant)).value();
    CHECK(model.config().any_length);
    Engine engine(model, pool), longer(model, pool, {.max_positions = 700});
    CHECK(engine.max_positions() == usual);
    CHECK(longer.max_positions() == 700);
    const std::vector<int32_t> ids(600, 5);
    CHECK_THROWS_AS(engine.encode(ids), Error);
    CHECK(longer.encode(ids).length == 600);
  }
}
