// The families against goldens of transformers (tests/goldens/README.md): logits, hidden states, patterns, loss, and the
// gradient of every parameter.
#include "models/model.h"

#include <doctest/doctest.h>

#include <cmath>

#include "checkpoint/safetensors.h"

using namespace orrery;

namespace {

const std::vector<std::string> kVariants = {"bert", "bert-masked", "bert-masked-relu", "bert-sequence", "bert-token", "gpt2", "gpt2-gelu", "gpt2-inverse-layer", "gpt2-relu", "gpt2-unscaled", "gpt2-untied-inner",
                                            "llama", "llama-bf16", "llama-bias", "llama-grouped", "llama-rope-linear", "llama-rope-linear-legacy", "llama-rope-llama3", "llama-rope-llama3-legacy", "llama-sharded", "llama-theta", "llama-tied"};

std::filesystem::path golden(const std::string& variant) { return std::filesystem::path("tests/goldens") / variant; }

std::vector<int32_t> integers(const SafetensorsFile& file, const std::string& name) {
  const Tensor tensor = file.tensor(name).value();
  std::vector<int32_t> values;
  for (int64_t value : tensor.values<int64_t>()) values.push_back(int32_t(value));
  return values;
}

struct Batch {
  std::vector<int32_t> ids, types, labels;
  std::vector<int64_t> counts;
};

Batch all_sequences(const SafetensorsFile& file, bool types, const std::string& loss) {
  Batch batch;
  for (int i = 0; i < 3; ++i) {
    const std::string at = std::to_string(i) + ".";
    const auto ids = integers(file, at + "input_ids");
    batch.ids.insert(batch.ids.end(), ids.begin(), ids.end());
    batch.counts.push_back(int64_t(ids.size()));
    const auto t = types ? integers(file, at + "token_type_ids") : std::vector<int32_t>(ids.size(), 0);
    batch.types.insert(batch.types.end(), t.begin(), t.end());
    if (loss == "none") continue;
    auto labels = integers(file, at + "labels");
    if (loss == "causal") {      // the logits of position t are scored against the label at t + 1
      labels.erase(labels.begin());
      labels.push_back(-100);
    }
    batch.labels.insert(batch.labels.end(), labels.begin(), labels.end());
  }
  return batch;
}

double largest(const float* x, int64_t n) {
  double result = 0;
  for (int64_t i = 0; i < n; ++i) result = std::max(result, std::fabs(double(x[i])));
  return result;
}
double difference(const float* a, const float* b, int64_t n) {
  double result = 0;
  for (int64_t i = 0; i < n; ++i) result = std::max(result, std::fabs(double(a[i]) - double(b[i])));
  return result;
}

void bind(Workspace& run, const Batch& batch) {
  run.rows("tokens") = {};
  for (size_t i = 0; i < batch.counts.size(); ++i) run.rows("tokens").append(batch.counts[i], 0, uint32_t(i));
  run.input("ids", batch.ids.data());
  run.input("type_ids", batch.types.data());
  run.input("labels", batch.labels.data());
}

CompileOptions capacities(const Batch& batch) {
  CompileOptions options;
  options.capacity = {{"tokens", int64_t(batch.ids.size())}, {"tokens.sequences", 3}, {"keys", 64}};
  return options;
}

}  // namespace

TEST_CASE("logits, hidden states and patterns of every variant equal transformers'") {
  ThreadPool pool(2);
  for (const std::string& variant : kVariants) {
    CAPTURE(variant);
    Model model = Model::load(golden(variant)).value();
    const SafetensorsFile file = SafetensorsFile::open(golden(variant) / "golden.safetensors").value();
    const Batch batch = all_sequences(file, model.family().name == std::string("bert"), "none");
    GraphOptions options;
    for (int64_t i = 0; i < model.config().num_layers; ++i) options.taps.push_back("layers." + std::to_string(i) + ".pattern");
    for (int64_t i = 0; i + 1 < model.config().num_layers; ++i) options.taps.push_back("layers." + std::to_string(i) + ".residual");
    options.taps.push_back("embedding");
    Workspace run(compile(model.graph(options), model.weights(), capacities(batch), &pool), pool);
    bind(run, batch);
    run.run();
    const auto close = [&](const std::string& name, const float* ours, double tolerance) {
      CAPTURE(name);
      const Tensor expected = file.tensor(name).value();
      const float* theirs = expected.data<float>();
      CHECK(difference(ours, theirs, expected.numel()) <= tolerance * largest(theirs, expected.numel()));
    };
    int64_t row = 0;
    for (int i = 0; i < 3; ++i) {
      const std::string at = std::to_string(i) + ".";
      const int64_t hidden = model.config().hidden_size;
      close(at + "last_hidden_state", run.output<float>("hidden") + row * hidden, 2e-5);
      close(at + "hidden_states.0", run.output<float>("tap:embedding") + row * hidden, 2e-5);
      for (int64_t l = 0; l + 1 < model.config().num_layers; ++l)
        close(at + "hidden_states." + std::to_string(l + 1), run.output<float>("tap:layers." + std::to_string(l) + ".residual") + row * hidden, 2e-5);
      if (model.config().head != Head::none) {
        const int64_t width = run.output_shape("logits")[1];
        close(at + "logits", run.output<float>("logits") + (run.output_shape("logits")[0] == 3 ? i : row) * width, 2e-5);
      } else if (variant == "bert") {
        close(at + "pooler_output", run.output<float>("pooled") + i * hidden, 2e-5);
      }
      row += batch.counts[size_t(i)];
    }
    for (int64_t l = 0; l < model.config().num_layers; ++l) {    // ours [query, head, key], theirs [head, query, key]
      const Tensor expected = file.tensor("0.attentions." + std::to_string(l)).value();
      const float* ours = run.output<float>("tap:layers." + std::to_string(l) + ".pattern");
      const int64_t heads = expected.dim(0), n = expected.dim(1), keys = run.output_shape("tap:layers.0.pattern")[2];
      double worst = 0;
      for (int64_t h = 0; h < heads; ++h)
        for (int64_t q = 0; q < n; ++q)
          for (int64_t k = 0; k < n; ++k)
            worst = std::max(worst, std::fabs(double(ours[(q * heads + h) * keys + k]) - double(expected.data<float>()[(h * n + q) * n + k])));
      CHECK(worst < 1e-5);
    }
  }
}

TEST_CASE("the loss and the gradient of every parameter equal transformers'") {
  ThreadPool pool(2);
  for (const std::string& variant : kVariants) {
    CAPTURE(variant);
    const Json about = parse_json(read_file(golden(variant) / "golden.json").value(), variant).value();
    const std::string kind = about["loss"].get<std::string>();
    if (kind == "none") continue;
    Model model = Model::load(golden(variant)).value();
    model.prepare_training();
    const SafetensorsFile file = SafetensorsFile::open(golden(variant) / "golden.safetensors").value();
    const Batch batch = all_sequences(file, model.family().name == std::string("bert"), kind);
    Graph graph = model.graph({.loss = true});
    Builder g(graph);
    const Value seed = g.input("seed", {Dim{1, -1}});
    const auto wanted = trainable_weights(graph, [](const std::string&) { return true; });
    const Gradients gradients = differentiate(graph, {{graph.outputs["loss"], seed.id}}, wanted);
    for (const auto& [weight, gradient] : gradients.of) graph.outputs["grad." + graph.values[size_t(weight)].name] = gradient;
    CompileOptions options = capacities(batch);
    options.pack_weights = false;
    Workspace run(compile(graph, model.weights(), options, &pool), pool);
    bind(run, batch);
    const float factor = 1.0f / about["targets"].get<float>();
    run.input("seed", &factor);
    run.run();
    CHECK(run.output<float>("loss")[0] * factor == doctest::Approx(file.tensor("loss").value().data<float>()[0]).epsilon(2e-6));
    int checked = 0;
    for (const auto& [weight, gradient] : gradients.of) {
      const std::string name = graph.values[size_t(weight)].name;
      CAPTURE(name);
      std::string theirs = "grad." + name;
      if (!file.find(theirs)) theirs = "grad." + name.substr(model.family().base_prefix.size());
      REQUIRE(file.find(theirs));
      const Tensor expected = file.tensor(theirs).value();
      const float* ours = run.output<float>("grad." + name);
      double scale = largest(expected.data<float>(), expected.numel());
      if (name.ends_with("key.bias"))  // no gradient in exact arithmetic: bounded by the query's
        scale = largest(file.tensor(theirs.substr(0, theirs.size() - 8) + "query.bias").value().data<float>(), expected.numel());
      CHECK(difference(ours, expected.data<float>(), expected.numel()) <= 1e-5 * scale);
      ++checked;
    }
    CHECK(checked == int(wanted.size()));
  }
}
