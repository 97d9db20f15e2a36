// Probes, sites, interventions and the lens, on the goldens of tests/goldens.
#include <doctest/doctest.h>

#include <cmath>

#include "generate/engine.h"
#include "inspect/interventions.h"
#include "inspect/lens.h"
#include "inspect/probe.h"

using namespace orrery;

namespace {

Model golden(const std::string& name) { return Model::load(std::filesystem::path("tests/goldens") / name).value(); }

const std::vector<int32_t> kShort = {5, 17, 40, 8, 61}, kLong = {5, 17, 3, 8, 61, 17, 40, 22, 9};

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && std::equal(a.raw(), a.raw() + a.bytes(), b.raw());
}

std::string texts(const Graph& graph, const std::string& words) {
  std::string all;
  for (const Site& site : sites_named(graph, words)) all += (all.empty() ? "" : " ") + site.text + "=" + site.value + "[" + std::to_string(site.column_begin) + ":" + std::to_string(site.column_end) + "]";
  return all;
}

std::string refused(const Graph& graph, const std::string& words) {
  try {
    sites_named(graph, words);
  } catch (const Error& error) {
    return error.what + "; " + error.hint;
  }
  return "";
}

// The last row's logits under these changes.
Tensor changed_logits(Model& model, ThreadPool& pool, const Interventions& changes, const std::vector<int32_t>& ids) {
  const int64_t length = int64_t(ids.size());
  return Probe(model, pool, {.sites = changes.sites()}).run({.ids = ids}, changes.table(std::span(&length, 1))).at("logits");
}

}  // namespace

TEST_CASE("words for places mean columns of values") {
  const Model gpt2 = golden("gpt2"), llama = golden("llama-grouped");
  const Graph graph = gpt2.graph();
  CHECK(texts(graph, "layers.1.residual") == "layers.1.residual=layers.1.residual[0:32]");
  CHECK(texts(graph, "layers.1.heads.3") == "layers.1.heads.3=layers.1.attention[24:32]");
  CHECK(texts(graph, "layers.0.heads.1-2@-1") == "layers.0.heads.1-2@-1=layers.0.attention[8:24]");
  CHECK(texts(graph, "layers.*.heads.0") == "layers.0.heads.0=layers.0.attention[0:8] layers.1.heads.0=layers.1.attention[0:8]");
  CHECK(texts(graph, "layers.1.mlp") == "layers.1.mlp_out=layers.1.mlp_out[0:32]");
  CHECK(texts(graph, "layers.1.neurons.7-9") == "layers.1.neurons.7-9=layers.1.mlp_activation[7:10]");
  CHECK(texts(llama.graph(), "layers.0.heads.3") == "layers.0.heads.3=layers.0.attention[36:48]");
  CHECK(texts(golden("mixtral").graph(), "layers.0.experts.3") == "layers.0.experts.3=layers.0.routing[3:4]");
  CHECK(layer_of("decoder.layers.11.residual") == 11);
  CHECK(layer_of("embedding") == -1);
}

TEST_CASE("a place that is not there is told with the nearest ones") {
  const Model model = golden("gpt2");
  const Graph graph = model.graph();
  CHECK(refused(graph, "layers.1.head.3").find("layers.1.heads.3") != std::string::npos);
  CHECK(refused(graph, "layers.0.mpl").find("layers.0.mlp") != std::string::npos);
  CHECK(refused(graph, "layers.7.residual").find("no place") != std::string::npos);
  CHECK(refused(graph, "layers.1.heads.4") == "'layers.1.heads.4': there are 4 heads, 0 to 3; ");
  for (const char* words : {"layers.1.heads.x", "layers.1.heads.3-1", "layers.1.residual@", "layers.1.residual@1:2:3", "layers.1.residual@one", "", "logits"}) {
    CAPTURE(words);
    CHECK(!refused(graph, words).empty());
  }
}

TEST_CASE("positions are those of each prompt") {
  const auto in = [](const std::string& words, int64_t length) {
    static const Model model = golden("gpt2");
    const auto [begin, end] = sites_named(model.graph(), "embedding@" + words)[0].positions.in(length, words);
    return std::to_string(begin) + ":" + (end == Positions::kOpen ? "" : std::to_string(end));
  };
  CHECK(in("3", 5) == "3:4");
  CHECK(in("-1", 5) == "4:5");
  CHECK(in("-2", 5) == "3:4");
  CHECK(in("-3:", 5) == "2:");
  CHECK(in(":-1", 5) == "0:4");
  CHECK(in("1:4", 5) == "1:4");
  CHECK_THROWS_AS(in("-6", 5), Error);
  CHECK_THROWS_AS(in("3:2", 5), Error);
}

TEST_CASE("a probe sees what the engine computes, to the bit, whatever shares its run") {
  ThreadPool pool(2);
  for (const char* name : {"gpt2", "llama-grouped", "llama-bf16", "mixtral", "mixtral-window", "gemma2", "mpt"}) {
    CAPTURE(name);
    Model model = golden(name);
    Engine engine(model, pool, {});
    Probe probe(model, pool, {.taps = {"layers.0.pattern", "layers.1.residual", "layers.1.pattern"}, .sites = {"layers.0.attention"}, .lens = true});
    const std::vector<TokenSequence> both = {{.ids = kShort}, {.ids = kLong}};
    const std::vector<Probed> together = probe.run(both);
    for (size_t i = 0; i < both.size(); ++i) {
      const Probed alone = probe.run(both[i]);
      REQUIRE(alone.size() == together[i].size());
      for (const auto& [value, tensor] : alone) CHECK(same_bits(tensor, together[i].at(value)));
      CacheSequence sequence = engine.sequence();
      const Feed feed{&sequence, both[i].ids};
      const float* logits = engine.forward(std::span(&feed, 1));
      CHECK(std::equal(logits, logits + engine.vocab_size(), alone.at("logits").data<float>()));
      engine.cache().truncate(sequence, 0);
      const int64_t count = int64_t(both[i].ids.size()), heads = model.config().num_heads;
      CHECK(alone.at("layers.0.pattern").shape() == std::vector<int64_t>{count, heads, count});
      for (int64_t row = 0; row < count * heads; ++row) {
        double sum = 0;
        for (int64_t j = 0; j < count; ++j) sum += double(alone.at("layers.1.pattern").data<float>()[row * count + j]);
        CHECK(sum == doctest::Approx(1).epsilon(1e-5));
      }
    }
  }
}

TEST_CASE("after the last layer the lens says what the model says") {
  ThreadPool pool(1);
  for (const char* name : {"gpt2", "llama-tied", "bert-masked", "bert-sequence"}) {
    CAPTURE(name);
    Model model = golden(name);
    Probe probe(model, pool, {.lens = true, .all_logits = true});
    const std::vector<std::string> values = lens_values(model.graph());
    REQUIRE(values.size() == size_t(model.config().num_layers + 1));
    CHECK(values.front() == "embedding");
    const Probed seen = probe.run({.ids = kLong});
    CHECK(same_bits(seen.at(kLens + values.back()), seen.at("logits")));
    CHECK(!same_bits(seen.at(kLens + values.front()), seen.at("logits")));
  }
  // By hand: the first layer's residual through GPT-2's final norm and tied output layer.
  Model model = golden("gpt2");
  const Probed seen = Probe(model, pool, {.taps = {"layers.0.residual"}, .lens = true}).run({.ids = kShort});
  const auto weight = [&](const char* name) { return model.weights().all().at(name).value.to(DType::f32); };
  const Tensor gain = weight("transformer.ln_f.weight"), bias = weight("transformer.ln_f.bias"), words = weight("transformer.wte.weight");
  const int64_t width = model.config().hidden_size;
  const float* x = seen.at("layers.0.residual").data<float>() + 4 * width;
  double mean = 0, variance = 0;
  for (int64_t c = 0; c < width; ++c) mean += double(x[c]) / double(width);
  for (int64_t c = 0; c < width; ++c) variance += (double(x[c]) - mean) * (double(x[c]) - mean) / double(width);
  for (int64_t id = 0; id < model.config().vocab_size; ++id) {
    double sum = 0;
    for (int64_t c = 0; c < width; ++c)
      sum += ((double(x[c]) - mean) / std::sqrt(variance + model.config().norm_eps) * double(gain.data<float>()[c]) + double(bias.data<float>()[c])) * double(words.data<float>()[id * width + c]);
    CHECK(double(seen.at("lens:layers.0.residual").data<float>()[id]) == doctest::Approx(sum).epsilon(1e-4));
  }
}

TEST_CASE("an empty table changes nothing, and interventions act in engine and probe alike") {
  ThreadPool pool(2);
  Model model = golden("llama-grouped");
  const Graph graph = model.graph();
  Interventions none, changes;
  changes.ablate(sites_named(graph, "layers.0.heads.1"));
  changes.ablate(sites_named(graph, "layers.1.mlp@-1"));
  const Tensor plain = Probe(model, pool, {}).run({.ids = kLong}).at("logits");
  CHECK(same_bits(plain, Probe(model, pool, {.sites = changes.sites()}).run({.ids = kLong}).at("logits")));
  CHECK(same_bits(plain, changed_logits(model, pool, none, kLong)));
  const Tensor changed = changed_logits(model, pool, changes, kLong);
  CHECK(!same_bits(plain, changed));
  const int64_t length = int64_t(kLong.size());
  Engine engine(model, pool, {.max_rows = 4, .sites = changes.sites(), .interventions = changes.table(std::span(&length, 1))});
  CacheSequence sequence = engine.sequence();
  const Feed feed{&sequence, kLong};
  const float* logits = engine.forward(std::span(&feed, 1));
  CHECK(std::equal(logits, logits + engine.vocab_size(), changed.data<float>()));
  engine.cache().truncate(sequence, 0);
}

TEST_CASE("patching everything from another text makes its logits; from itself, nothing new") {
  ThreadPool pool(1);
  Model model = golden("gpt2");
  const std::vector<int32_t> other = {9, 33, 2, 70, 12};
  const Graph graph = model.graph();
  Probe source(model, pool, {.taps = {"layers.0.residual"}});
  const auto patched = [&](const std::vector<int32_t>& from, const std::string& words) {
    Interventions changes;
    for (const Site& site : sites_named(graph, words)) changes.patch(site, source.run({.ids = from}).at("layers.0.residual"));
    return changed_logits(model, pool, changes, kShort);
  };
  const Tensor plain = source.run({.ids = kShort}).at("logits"), others = source.run({.ids = other}).at("logits");
  CHECK(same_bits(patched(kShort, "layers.0.residual"), plain));
  CHECK(same_bits(patched(other, "layers.0.residual"), others));
  CHECK(!same_bits(patched(other, "layers.0.residual@2"), plain));
  CHECK(!same_bits(patched(other, "layers.0.residual@2"), others));
  CHECK_THROWS_AS(patched(kLong, "layers.0.residual"), Error);
  CHECK(patched(kLong, "layers.0.residual@-1").numel() == plain.numel());
}

TEST_CASE("steering adds a multiple of a vector, for each prompt at its own end") {
  ThreadPool pool(1);
  Model model = golden("gpt2");
  const Graph graph = model.graph();
  std::vector<float> values(32);
  for (size_t i = 0; i < values.size(); ++i) values[i] = float(i) / 32;
  Interventions changes;
  changes.steer(sites_named(graph, "layers.0.residual@-1"), Tensor::from(std::span<const float>(values), {32}), 2);
  CHECK_THROWS_AS(changes.steer(sites_named(graph, "layers.0.heads.1"), Tensor::from(std::span<const float>(values), {32}), 2), Error);
  const std::vector<TokenSequence> both = {{.ids = kShort}, {.ids = kLong}};
  const std::vector<int64_t> lengths = {5, 9};
  Probe probe(model, pool, {.taps = {"layers.0.residual"}, .sites = changes.sites()});
  const std::vector<Probed> plain = probe.run(both), steered = probe.run(both, changes.table(lengths));
  for (size_t i = 0; i < both.size(); ++i)
    for (int64_t row = 0; row < lengths[i]; ++row)
      for (int64_t c = 0; c < 32; ++c) {
        const float before = plain[i].at("layers.0.residual").data<float>()[row * 32 + c], after = steered[i].at("layers.0.residual").data<float>()[row * 32 + c];
        CHECK(after == (row == lengths[i] - 1 ? before + 2 * values[size_t(c)] : before));
      }
}
