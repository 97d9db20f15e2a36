// Continuations: transformers' greedy ids, batches, stopping, streaming, errors.
#include "generate/generator.h"

#include <cmath>
#include <set>
#include <thread>

#include "base/testing.h"
#include "base/utf8.h"
#include "generate/testing.h"

using namespace orrery;
using namespace orrery::generate_test;

namespace {

GenerationConfig greedy(int64_t tokens) {
  GenerationConfig config;
  config.max_new_tokens = tokens;
  config.ignore_eos = true;
  return config;
}

GenerationConfig random_choice(uint64_t seed) {
  GenerationConfig config = greedy(10);
  config.do_sample = true;
  config.seed = seed;
  return config;
}

// A model over bytes that says this text, byte by byte; every byte must occur once.
struct Recital {
  Tokenizer tokenizer = byte_tokenizer();
  std::vector<int32_t> ids;
  std::optional<Model> model;
  explicit Recital(const std::string& text) {
    ids = tokenizer.encode_ids(text);
    std::vector<int32_t> next(256, 0);
    for (size_t i = 0; i + 1 < ids.size(); ++i) next[size_t(ids[i])] = ids[i + 1];
    model.emplace(parrot(next));
  }
  Generation run(GenerationConfig config, std::vector<std::string>* pieces = nullptr) {
    ThreadPool pool(1);
    Engine engine(*model, pool);
    if (!config.max_new_tokens) config.max_new_tokens = int64_t(ids.size()) - 1;
    Generator generator(engine, &tokenizer, config);
    return generator.run({{{ids[0]}}}, {.piece = [&](const Piece& piece) {
                           if (pieces) pieces->emplace_back(piece.text);
                         }})[0];
  }
};

}  // namespace

TEST_CASE("greedy continuations are transformers', alone and as one batch") {
  ThreadPool pool(2);
  for (const std::string& variant : causal_goldens()) {
    CAPTURE(variant);
    Model model = Model::load(golden(variant)).value();
    const SafetensorsFile file = golden_file(variant);
    const std::vector<std::vector<int32_t>> inputs = inputs_of(file);
    Engine alone(model, pool), together(model, pool, {.max_batch = 3}), waiting(model, pool, {.max_batch = 2, .max_rows = 7});
    std::vector<Prompt> prompts;
    for (const auto& ids : inputs) prompts.push_back({ids});
    const std::vector<Generation> batch = Generator(together, nullptr, greedy(12)).run(prompts), queued = Generator(waiting, nullptr, greedy(12)).run(prompts);
    for (size_t i = 0; i < 3; ++i) {
      const std::vector<int32_t> expected = integers(file, std::to_string(i) + ".greedy_ids");
      CHECK(Generator(alone, nullptr, greedy(12)).run({prompts[i]})[0].ids == expected);
      CHECK(batch[i].ids == expected);
      CHECK(queued[i].ids == expected);
      CHECK(batch[i].prompt_tokens == int64_t(inputs[i].size()));
      CHECK(batch[i].finish_reason == FinishReason::length);
    }
  }
}

TEST_CASE("what is drawn depends on seed, sequence and position, never on neighbours or order") {
  ThreadPool pool(2);
  Model model = Model::load(golden("llama")).value();
  const std::vector<std::vector<int32_t>> inputs = inputs_of(golden_file("llama"));
  std::vector<Prompt> prompts;
  for (uint32_t i = 0; i < 9; ++i) prompts.push_back({inputs[i % 3], i});
  Engine alone(model, pool), together(model, pool, {.max_batch = 4});
  const std::vector<Generation> batch = Generator(together, nullptr, random_choice(3)).run(prompts);
  for (size_t i = 0; i < prompts.size(); ++i) CHECK(Generator(alone, nullptr, random_choice(3)).run({prompts[i]})[0].ids == batch[i].ids);
  CHECK(batch[0].ids != batch[3].ids);      // the same prompt in another sequence
  CHECK(Generator(alone, nullptr, random_choice(4)).run({prompts[0]})[0].ids != batch[0].ids);
}

TEST_CASE("two generations at once make what one after the other does") {
  Model model = Model::load(golden("gpt2")).value();
  const std::vector<std::vector<int32_t>> inputs = inputs_of(golden_file("gpt2"));
  const auto make = [&](size_t i) {
    ThreadPool pool(2);
    Engine engine(model, pool);
    return Generator(engine, nullptr, random_choice(9)).run({{inputs[i], uint32_t(i)}})[0].ids;
  };
  const std::vector<int32_t> first = make(0), second = make(1);
  std::vector<int32_t> at_once[2];
  std::thread a([&] { at_once[0] = make(0); }), b([&] { at_once[1] = make(1); });
  a.join();
  b.join();
  CHECK(at_once[0] == first);
  CHECK(at_once[1] == second);
}

TEST_CASE("any end id ends a text, unless it is ignored or comes too early") {
  ThreadPool pool(1);
  Model model = parrot({1, 2, 3, 4, 5, 5});
  Engine engine(model, pool);
  const auto run = [&](GenerationConfig config) {
    config.max_new_tokens = 5;
    config.end_ids = {2, 4};
    return Generator(engine, nullptr, config).run({{{0}}})[0];
  };
  Generation made = run({});
  CHECK(made.ids == std::vector<int32_t>{1, 2});
  CHECK(made.finish_reason == FinishReason::stop);
  GenerationConfig ignoring;
  ignoring.ignore_eos = true;
  made = run(ignoring);
  CHECK(made.ids == std::vector<int32_t>{1, 2, 3, 4, 5});
  CHECK(made.finish_reason == FinishReason::length);
  GenerationConfig later;
  later.set("min_new_tokens", 3).value();
  made = run(later);
  CHECK(made.ids.size() >= 3);
  CHECK(made.ids[1] != 2);
}

TEST_CASE("the end ids are those of the generation config, else of the config") {
  const TemporaryFolder folder("ends");
  CheckpointContents contents = Model::load(golden("llama")).value().contents(DType::f32).value();
  contents.config["eos_token_id"] = {5, 4, 5};
  const auto ends = [&](const char* name, const Json& generation) {
    contents.generation_config = generation;
    save_checkpoint(folder.path() / name, contents).value();
    return end_of_text(Model::load(folder.path() / name).value(), nullptr);
  };
  CHECK(ends("none", Json()) == std::vector<int32_t>{4, 5});
  CHECK(ends("silent", {{"do_sample", false}}) == std::vector<int32_t>{4, 5});
  CHECK(ends("one", {{"eos_token_id", 7}}) == std::vector<int32_t>{7});
  CHECK(ends("several", {{"eos_token_id", {9, 8}}}) == std::vector<int32_t>{8, 9});
}

TEST_CASE("a stop string cuts the text wherever its tokens are cut") {
  Recital recital("abcdefgh");
  struct Case {
    std::string stop, expected;
    size_t tokens;
  };
  for (const Case& one : {Case{"de", "bc", 4}, {"b", "", 1}, {"h", "bcdefg", 7}, {"cdefg", "b", 6}}) {
    GenerationConfig config;
    config.stop_strings = {"zz", one.stop};
    std::vector<std::string> pieces;
    const Generation made = recital.run(config, &pieces);
    CHECK(made.text == one.expected);
    CHECK(made.ids.size() == one.tokens);
    CHECK(made.finish_reason == FinishReason::stop);
    std::string streamed;
    for (const std::string& piece : pieces) streamed += piece;
    CHECK(streamed == one.expected);
  }
  GenerationConfig never;
  never.stop_strings = {"gx", "h!"};
  CHECK(recital.run(never).text == "bcdefgh");       // held back at the end, then told
  CHECK(recital.run(never).finish_reason == FinishReason::length);
}

TEST_CASE("streaming never tells half a character") {
  Recital recital("aé漢🦊b");
  std::vector<std::string> pieces;
  const Generation made = recital.run({}, &pieces);
  CHECK(made.text == "é漢🦊b");
  CHECK(pieces.size() == recital.ids.size() - 1);
  for (const std::string& piece : pieces) CHECK(is_valid_utf8(piece));
  GenerationConfig cut;
  cut.max_new_tokens = 4;                              // é and the first two bytes of 漢
  const Generation half = recital.run(cut);
  CHECK(half.text == "é\xEF\xBF\xBD");
}

TEST_CASE("log-probabilities are the log-softmax of the raw logits") {
  ThreadPool pool(1);
  Model model = Model::load(golden("gpt2")).value();
  const SafetensorsFile file = golden_file("gpt2");
  Engine engine(model, pool);
  GenerationConfig config = greedy(1);
  config.set("repetition_penalty", 1.5).value();       // changes what is chosen, not what is told
  const Generation made = Generator(engine, nullptr, config, 3).run({{inputs_of(file)[1]}})[0];
  REQUIRE(made.log_probs.size() == 1);
  const Tensor logits = file.tensor("1.logits").value();
  const float* last = logits.data<float>() + (logits.dim(0) - 1) * logits.dim(1);
  double sum = 0;
  for (int64_t i = 0; i < logits.dim(1); ++i) sum += std::exp(double(last[i]));
  const TokenLogProbs& told = made.log_probs[0];
  CHECK(told.token.id == made.ids[0]);
  CHECK(told.token.value == doctest::Approx(double(last[made.ids[0]]) - std::log(sum)).epsilon(1e-5));
  REQUIRE(told.top.size() == 3);
  CHECK(told.top[0].id == integers(file, "1.greedy_ids")[0]);
  CHECK(told.top[0].value >= told.top[1].value);
  CHECK(told.top[1].value >= told.top[2].value);
}

TEST_CASE("a text ends where the model's positions do") {
  ThreadPool pool(1);
  Model model = parrot({1, 0}, 8);
  Engine engine(model, pool);
  GenerationConfig config = greedy(100);
  const Generation made = Generator(engine, nullptr, config).run({{{0, 1, 0}}})[0];
  CHECK(made.ids.size() == 6);                          // 3 + 6 - 1 positions
  CHECK(made.finish_reason == FinishReason::length);
  CHECK(Generator(engine, nullptr, config).run({{std::vector<int32_t>(8, 0)}})[0].ids.size() == 1);
  CHECK_THROWS_AS(Generator(engine, nullptr, config).run({{std::vector<int32_t>(9, 0)}}), Error);
  CHECK(Generator(engine, nullptr, greedy(0)).run({{{0}}})[0].ids.empty());
  CHECK(Generator(engine, nullptr, greedy(3)).run({}).empty());
}

TEST_CASE("an empty prompt starts from the beginning-of-text token, or is an error where there is none") {
  ThreadPool pool(1);
  Model without = parrot({1, 0});
  Engine engine(without, pool);
  CHECK_THROWS_AS(Generator(engine, nullptr, greedy(2)).run({{}}), Error);
  Model model = Model::load(golden("llama")).value();
  REQUIRE(model.config().bos_id);
  Engine llama(model, pool);
  CHECK(Generator(llama, nullptr, greedy(5)).run({{}})[0].ids == Generator(llama, nullptr, greedy(5)).run({{{*model.config().bos_id}}})[0].ids);
}

TEST_CASE("a wrong prompt among others is named, before anything runs") {
  ThreadPool pool(1);
  Model model = parrot({1, 0});
  Engine engine(model, pool);
  bool told = false;
  try {
    Generator(engine, nullptr, greedy(2)).run({{{0}}, {{0, 7}}}, {.piece = [&](const Piece&) { told = true; }});
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.kind == ErrorKind::out_of_range);
    CHECK(error.message().find("token id 7 at position 1") != std::string::npos);
    CHECK(error.message().find("prompt 2") != std::string::npos);
  }
  CHECK_FALSE(told);
  GenerationConfig stop;
  stop.stop_strings = {"x"};
  CHECK_THROWS_AS(Generator(engine, nullptr, stop), Error);
}

TEST_CASE("results are told as they finish, and a raised flag ends the run") {
  ThreadPool pool(1);
  Model model = parrot({1, 2, 0});
  Engine engine(model, pool, {.max_batch = 2});
  GenerationConfig config = greedy(4);
  std::vector<size_t> finished;
  Generator(engine, nullptr, config).run({{{0}}, {{1}}, {{2}}}, {.finished = [&](size_t prompt, const Generation& made) {
                                           finished.push_back(prompt);
                                           CHECK(made.ids.size() == 4);
                                         }});
  CHECK(finished == std::vector<size_t>{0, 1, 2});
  const std::atomic<bool> stop = true;
  try {
    Generator(engine, nullptr, config).run({{{0}}}, {.stop = &stop});
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.kind == ErrorKind::cancelled);
  }
}
