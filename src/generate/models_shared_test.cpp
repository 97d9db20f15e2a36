// The small trained models of ../shared/models: what was published with them comes out of them here.
#include <cmath>
#include <limits>

#include "base/file.h"
#include "base/testing.h"
#include "generate/generator.h"
#include "generate/perplexity.h"
#include "generate/sentence.h"
#include "generate/testing.h"

using namespace orrery;
using namespace orrery::generate_test;

namespace {

const std::filesystem::path kModels = "../shared/models";

Json reference(const std::string& model) {
  const std::filesystem::path path = kModels / model / "reference.json";
  return parse_json(read_file(path).value(), path.string()).value();
}
SafetensorsFile tensors(const std::string& model) { return SafetensorsFile::open(kModels / model / "reference.safetensors").value(); }

double largest(const Tensor& x) {
  double result = 0;
  for (const float value : x.values<float>())
    if (std::isfinite(value)) result = std::max(result, std::fabs(double(value)));
  return result;
}
double difference(const float* ours, const Tensor& theirs) {
  double result = 0;
  for (int64_t i = 0; i < theirs.numel(); ++i) result = std::max(result, std::fabs(double(ours[i]) - double(theirs.data<float>()[i])));
  return result;
}

std::vector<int32_t> ids_of(const Json& list) {
  std::vector<int32_t> ids;
  for (const Json& id : list) ids.push_back(id.get<int32_t>());
  return ids;
}

// The published continuations of a model, each alone and all in one batch.
void check_greedy(const std::string& name) {
  ThreadPool pool(2);
  Model model = Model::load(kModels / name).value();
  const Json about = reference(name);
  std::vector<Prompt> prompts;
  std::vector<std::vector<int32_t>> expected;
  for (const Json& prompt : about["prompts"]) {
    const std::vector<int32_t> all = ids_of(prompt["greedy_ids"]);
    prompts.push_back({ids_of(prompt["input_ids"])});
    expected.emplace_back(all.begin() + std::ptrdiff_t(prompts.back().ids.size()), all.end());
  }
  GenerationConfig config;
  config.ignore_eos = true;
  Engine together(model, pool, {.max_batch = int64_t(prompts.size())}), alone(model, pool);
  for (size_t i = 0; i < prompts.size(); ++i) {
    config.max_new_tokens = int64_t(expected[i].size());
    CHECK(Generator(alone, nullptr, config).run({prompts[i]})[0].ids == expected[i]);
  }
  size_t most = 0;
  for (const auto& ids : expected) most = std::max(most, ids.size());
  config.max_new_tokens = int64_t(most);
  const std::vector<Generation> batch = Generator(together, nullptr, config).run(prompts);
  for (size_t i = 0; i < prompts.size(); ++i) {
    REQUIRE(batch[i].ids.size() >= expected[i].size());
    CHECK(std::equal(expected[i].begin(), expected[i].end(), batch[i].ids.begin()));
  }
}

}  // namespace

TEST_CASE("stories260k and gpt2-sort continue as published, the 200 tokens from BOS included") {
  if (!shared_available("models")) return;
  check_greedy("stories260k");
  check_greedy("gpt2-sort");
}

TEST_CASE("stories260k continues texts as published, as text") {
  if (!shared_available("models")) return;
  ThreadPool pool(2);
  Model model = Model::load(kModels / "stories260k").value();
  const Tokenizer tokenizer = Tokenizer::load(kModels / "stories260k").value();
  Engine engine(model, pool);
  const Json about = reference("stories260k");
  for (const Json& prompt : about["prompts"]) {
    const std::vector<int32_t> ids = tokenizer.encode_ids(prompt["text"].get<std::string>());
    CHECK(ids == ids_of(prompt["input_ids"]));
    GenerationConfig config;
    config.ignore_eos = true;
    config.max_new_tokens = int64_t(prompt["greedy_ids"].size() - ids.size());
    std::string streamed;
    const Generation made = Generator(engine, &tokenizer, config).run({{ids}}, {.piece = [&](const Piece& piece) { streamed += piece.text; }})[0];
    CHECK(streamed == made.text);
    CHECK(!made.text.empty());
    CHECK(prompt["greedy_text"].get<std::string>().ends_with(made.text));
  }
}

TEST_CASE("gpt2-sort's context of 11 takes six tokens and gives six, the last never fed") {
  if (!shared_available("models")) return;
  ThreadPool pool(1);
  Model model = Model::load(kModels / "gpt2-sort").value();
  Engine engine(model, pool);
  GenerationConfig config;
  config.max_new_tokens = 50;
  const Generation made = Generator(engine, nullptr, config).run({{{2, 0, 1, 1, 0, 2}}})[0];
  CHECK(made.ids == std::vector<int32_t>{0, 0, 1, 1, 2, 2});
  CHECK(made.finish_reason == FinishReason::length);
  CHECK_THROWS_AS(Generator(engine, nullptr, config).run({{}}), Error);       // no beginning-of-text token
}

TEST_CASE("every intermediate value published for gpt2-sort is seen through taps") {
  if (!shared_available("models")) return;
  ThreadPool pool(2);
  Model model = Model::load(kModels / "gpt2-sort").value();
  const SafetensorsFile file = tensors("gpt2-sort");
  const std::vector<std::pair<std::string, std::string>> names = {
      {"tok_emb", "token_embedding"},   {"x", "embedding"},
      {"ln1", "layers.0.attention_input"}, {"qkv", "layers.0.qkv"},
      {"y", "layers.0.attention"},      {"yProj", "layers.0.attention_out"},
      {"attnResid", "layers.0.residual_mid"}, {"ln2", "layers.0.mlp_input"},
      {"fc", "layers.0.mlp_inner"},     {"gelu", "layers.0.mlp_activation"},
      {"mlp", "layers.0.mlp_out"},      {"mlpResid", "layers.0.residual"},
      {"block0", "layers.0.residual"},  {"block1", "layers.1.residual"},
      {"block2", "layers.2.residual"},  {"ln_f", "final_norm"},
      {"lm_head", "logits"},            {"pos_emb", "position_embedding"}};
  const std::vector<std::string> heads = {"q", "k", "v"};
  GraphOptions options;
  for (const auto& [theirs, ours] : names) options.taps.push_back(ours);
  for (const std::string& head : heads) options.taps.push_back("layers.0." + head);
  options.taps.push_back("layers.0.scores");
  options.taps.push_back("layers.0.pattern");
  std::vector<int32_t> ids;
  for (const float id : file.tensor("upstream.idx").value().values<float>()) ids.push_back(int32_t(id));
  constexpr int64_t kBatch = 3, kTokens = 11, kHeads = 3, kWidth = 16;
  CompileOptions compile_options;
  compile_options.capacity = {{"tokens", kBatch * kTokens}, {"tokens.sequences", kBatch}, {"keys", kTokens}};
  Workspace run(compile(model.graph(options), model.weights(), compile_options, &pool), pool);
  for (int64_t i = 0; i < kBatch; ++i) run.rows("tokens").append(kTokens, 0, uint32_t(i));
  run.input("ids", ids.data());
  run.run();
  for (const auto& pair : names) {
    CAPTURE(pair.first);
    const Tensor expected = file.tensor("upstream." + pair.first).value();
    CHECK(difference(run.output<float>("tap:" + pair.second), expected) <= 1e-5 * std::max(1.0, largest(expected)));
  }
  for (const std::string& head : heads) {      // ours [batch, token, head, width], theirs [batch, head, token, width]
    CAPTURE(head);
    const Tensor expected = file.tensor("upstream." + head).value();
    const float* ours = run.output<float>("tap:layers.0." + head);
    double worst = 0;
    for (int64_t b = 0; b < kBatch; ++b)
      for (int64_t h = 0; h < kHeads; ++h)
        for (int64_t t = 0; t < kTokens; ++t)
          for (int64_t j = 0; j < kWidth; ++j)
            worst = std::max(worst, std::fabs(double(ours[((b * kTokens + t) * kHeads + h) * kWidth + j]) - double(expected.data<float>()[((b * kHeads + h) * kTokens + t) * kWidth + j])));
    CHECK(worst <= 1e-5 * std::max(1.0, largest(expected)));
  }
  for (const auto& pair : {std::pair<std::string, std::string>{"att", "scores"}, {"attSm", "pattern"}}) {
    CAPTURE(pair.first);
    const Tensor expected = file.tensor("upstream." + pair.first).value();      // [batch, head, query, key]; ours [query, head, key]
    const float* ours = run.output<float>("tap:layers.0." + pair.second);
    double worst = 0;
    for (int64_t b = 0; b < kBatch; ++b)
      for (int64_t h = 0; h < kHeads; ++h)
        for (int64_t q = 0; q < kTokens; ++q)
          for (int64_t k = 0; k < kTokens; ++k) {
            const float value = ours[((b * kTokens + q) * kHeads + h) * kTokens + k], wanted = expected.data<float>()[((b * kHeads + h) * kTokens + q) * kTokens + k];
            if (std::isinf(wanted)) CHECK(value == wanted);
            else worst = std::max(worst, std::fabs(double(value) - double(wanted)));
          }
    CHECK(worst <= 1e-5 * std::max(1.0, largest(expected)));
  }
  const Tensor probs = file.tensor("upstream.probs").value();     // softmax of the logits
  const float* logits = run.output<float>("tap:logits");
  double worst = 0;
  for (int64_t row = 0; row < kBatch * kTokens; ++row) {
    double sum = 0;
    for (int64_t j = 0; j < 3; ++j) sum += std::exp(double(logits[row * 3 + j]));
    for (int64_t j = 0; j < 3; ++j) worst = std::max(worst, std::fabs(std::exp(double(logits[row * 3 + j])) / sum - double(probs.data<float>()[row * 3 + j])));
  }
  CHECK(worst <= 1e-5);
}

TEST_CASE("stories260k loses as much on the sample as its recipe says") {
  if (!shared_available("models")) return;
  ThreadPool pool(2);
  Model model = Model::load(kModels / "stories260k").value();
  const Tokenizer tokenizer = Tokenizer::load(kModels / "stories260k").value();
  const Json expected = reference("stories260k")["loss_on_sample"];
  std::vector<std::vector<int32_t>> documents;
  for (const std::string& text : split_documents(read_file("../shared/data/text/tinystories-sample.txt").value(), "<|endoftext|>"))
    documents.push_back(document_ids(model, tokenizer, text));
  const PerplexityScores scores = perplexity(model, pool, documents);
  CHECK(scores.tokens == expected["tokens"].get<int64_t>());
  CHECK(scores.documents == expected["stories"].get<int64_t>());
  CHECK(std::fabs(scores.loss - expected["value"].get<double>()) <= 1e-5);
}

TEST_CASE("minilm-l6-v2 embeds sentences as published") {
  if (!shared_available("models")) return;
  ThreadPool pool(2);
  Model model = Model::load(kModels / "minilm-l6-v2").value();
  const Tokenizer tokenizer = Tokenizer::load(kModels / "minilm-l6-v2").value();
  const SentenceSettings settings = read_sentence_settings(kModels / "minilm-l6-v2").value();
  CHECK(settings.pooling == Pooling::mean);
  CHECK(settings.normalize);
  CHECK(settings.max_tokens == 256);
  const Json about = reference("minilm-l6-v2");
  const SafetensorsFile file = tensors("minilm-l6-v2");
  Encoder encoder(model, pool, "hidden");
  std::vector<TokenSequence> sequences;
  for (const Json& text : about["texts"]) {
    sequences.push_back(encode_for_model(tokenizer, text["text"].get<std::string>(), std::nullopt, 256));
    CHECK(sequences.back().ids == ids_of(text["input_ids"]));
  }
  std::vector<std::vector<float>> vectors;
  for (const Tensor& states : encoder.run(sequences)) {
    const std::string i = std::to_string(vectors.size());
    const Tensor hidden = file.tensor(i + ".hidden_states.6").value();
    CHECK(difference(states.data<float>(), hidden) <= 1e-4 * largest(hidden));
    vectors.push_back(pooled(states, settings.pooling));
    normalize(vectors.back());
    CHECK(difference(vectors.back().data(), file.tensor(i + ".embedding").value()) <= 1e-4);
  }
  for (size_t a = 0; a < 3; ++a)
    for (size_t b = 0; b < 3; ++b) {
      double cosine = 0;
      for (size_t j = 0; j < vectors[a].size(); ++j) cosine += double(vectors[a][j]) * double(vectors[b][j]);
      CHECK(std::fabs(cosine - about["cosine"][a][b].get<double>()) <= 2e-4);
    }
}

TEST_CASE("a long text is cut to the sentence model's length and keeps its end") {
  if (!shared_available("models")) return;
  const Tokenizer tokenizer = Tokenizer::load(kModels / "minilm-l6-v2").value();
  bool cut = false;
  const TokenSequence sequence = encode_for_model(tokenizer, "one two three four five six", std::nullopt, 5, &cut);
  CHECK(cut);
  CHECK(sequence.ids.size() == 5);
  CHECK(sequence.type_ids.size() == 5);
  CHECK(sequence.ids.front() == 101);
  CHECK(sequence.ids.back() == 102);
}

TEST_CASE("the random classifier gives the published states and logits") {
  if (!shared_available("models")) return;
  ThreadPool pool(2);
  const std::string name = "fixture-bert-classifier-random";
  Model model = Model::load(kModels / name).value();
  const SafetensorsFile file = tensors(name);
  const TokenSequence sequence{integers(file, "input_ids"), {}};
  for (const auto& [output, theirs] : {std::pair<std::string, std::string>{"hidden", "last_hidden_state"}, {"logits", "logits"}}) {
    Encoder encoder(model, pool, output);
    const Tensor made = encoder.run({&sequence, 1})[0], expected = file.tensor(theirs).value();
    CHECK(difference(made.data<float>(), expected) <= 2e-5 * largest(expected));
  }
}
