// The families against goldens of transformers (tests/goldens/README.md): logits, hidden states, patterns, loss, and the
// gradient of every parameter.
#include "models/model.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <numeric>

#include "base/testing.h"
#include "checkpoint/safetensors.h"
#include "graph/passes/taps.h"

using namespace orrery;

namespace {

const std::vector<std::string> kVariants = {"bert", "bert-masked", "bert-masked-relu", "bert-sequence", "bert-token", "gemma2", "gemma2-layers", "gpt2", "gpt2-gelu", "gpt2-inverse-layer", "gpt2-relu", "gpt2-unscaled", "gpt2-untied-inner",
                                            "llama", "llama-bf16", "llama-bias", "llama-grouped", "llama-rope-linear", "llama-rope-linear-legacy", "llama-rope-llama3", "llama-rope-llama3-legacy", "llama-sharded", "llama-theta", "llama-tied",
                                            "mixtral", "mixtral-fused", "mixtral-window", "mpt", "mpt-heads"};
const std::vector<std::string> kEncoderDecoders = {"bahdanau", "pegasus", "pegasus-untied", "t5", "t5-gated"};

std::filesystem::path golden(const std::string& variant) { return std::filesystem::path("tests/goldens") / variant; }

std::vector<int32_t> integers(const SafetensorsFile& file, const std::string& name) {
  const Tensor tensor = file.tensor(name).value();
  std::vector<int32_t> values;
  for (int64_t value : tensor.values<int64_t>()) values.push_back(int32_t(value));
  return values;
}

struct Batch {
  std::vector<int32_t> ids, types, labels, source;
  std::vector<int64_t> counts, source_counts;
};

Batch all_sequences(const SafetensorsFile& file, bool types, const std::string& loss) {
  Batch batch;
  for (int i = 0; i < 3; ++i) {
    const std::string at = std::to_string(i) + ".";
    const bool answers = file.find(at + "decoder_input_ids") != nullptr;
    if (answers) {
      const auto source = integers(file, at + "input_ids");
      batch.source.insert(batch.source.end(), source.begin(), source.end());
      batch.source_counts.push_back(int64_t(source.size()));
    }
    const auto ids = integers(file, at + (answers ? "decoder_input_ids" : "input_ids"));
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
  if (!batch.source.empty()) {
    run.rows("source") = {};
    for (size_t i = 0; i < batch.source_counts.size(); ++i) run.rows("source").append(batch.source_counts[i], 0, uint32_t(i));
    run.input("source.ids", batch.source.data());
  }
  run.input("ids", batch.ids.data());
  run.input("type_ids", batch.types.data());
  run.input("labels", batch.labels.data());
}

CompileOptions capacities(const Batch& batch) {
  CompileOptions options;
  options.capacity = {{"tokens", int64_t(batch.ids.size())}, {"tokens.sequences", 3}, {"source", int64_t(batch.source.size())}, {"source.sequences", 3}, {"keys", 64}};
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

TEST_CASE("logits, states and patterns of every encoder-decoder equal transformers', or PyTorch's") {
  ThreadPool pool(2);
  for (const std::string& variant : kEncoderDecoders) {
    CAPTURE(variant);
    Model model = Model::load(golden(variant)).value();
    const SafetensorsFile file = SafetensorsFile::open(golden(variant) / "golden.safetensors").value();
    const Batch batch = all_sequences(file, false, "none");
    struct Tap {
      std::string ours, theirs;
    };
    std::vector<Tap> patterns;
    GraphOptions options;
    const auto pattern = [&](const std::string& ours, const std::string& theirs) {
      patterns.push_back({"tap:" + ours, "0." + theirs});
      options.taps.push_back(ours);
    };
    const bool recurrent = variant == "bahdanau";     // no side looks at itself
    for (int64_t l = 0; !recurrent && l < model.config().num_encoder_layers; ++l) pattern("encoder.layers." + std::to_string(l) + ".pattern", "encoder_attentions." + std::to_string(l));
    for (int64_t l = 0; l < model.config().num_layers; ++l) {
      if (!recurrent) pattern("decoder.layers." + std::to_string(l) + ".pattern", "decoder_attentions." + std::to_string(l));
      pattern("decoder.layers." + std::to_string(l) + ".cross_pattern", "cross_attentions." + std::to_string(l));
    }
    Workspace run(compile(model.graph(options), model.weights(), capacities(batch), &pool), pool);
    bind(run, batch);
    run.run();
    const int64_t hidden = run.output_shape("hidden")[1], encoded = run.output_shape("encoded")[1], vocab = model.config().vocab_size;
    int64_t row = 0, source = 0;
    for (size_t i = 0; i < 3; ++i) {
      const std::string at = std::to_string(i) + ".";
      for (const auto& [name, ours] : {std::pair{at + "encoder_last_hidden_state", run.output<float>("encoded") + source * encoded},
                                       std::pair{at + "last_hidden_state", run.output<float>("hidden") + row * hidden}, std::pair{at + "logits", run.output<float>("logits") + row * vocab}}) {
        const Tensor expected = file.tensor(name).value();
        INFO(name);
        CHECK(difference(ours, expected.data<float>(), expected.numel()) <= 2e-5 * largest(expected.data<float>(), expected.numel()));
      }
      row += batch.counts[i];
      source += batch.source_counts[i];
    }
    for (const Tap& tap : patterns) {
      CAPTURE(tap.ours);
      const Tensor expected = file.tensor(tap.theirs).value();   // [heads, queries, keys]; ours [queries, heads, keys]
      const float* ours = run.output<float>(tap.ours);
      const int64_t heads = expected.dim(0), queries = expected.dim(1), keys = expected.dim(2), width = run.output_shape(tap.ours)[2];
      double worst = 0;
      for (int64_t h = 0; h < heads; ++h)
        for (int64_t q = 0; q < queries; ++q)
          for (int64_t k = 0; k < keys; ++k)
            worst = std::max(worst, std::fabs(double(ours[(q * heads + h) * width + k]) - double(expected.data<float>()[(h * queries + q) * keys + k])));
      CHECK(worst < 1e-5);
    }
  }
}

namespace {

// Holds the loss and every gradient to the golden's: relative to the loss, and to the largest of a gradient's entries.
void check_gradients(const std::string& variant, DType products, double loss_tolerance, double tolerance) {
  CAPTURE(variant);
  ThreadPool pool(2);
  const Json about = parse_json(read_file(golden(variant) / "golden.json").value(), variant).value();
  const std::string kind = about["loss"].get<std::string>();
  if (kind == "none") return;
  Model model = Model::load(golden(variant)).value();
  model.prepare_training();
  model.weights().products = products;
  const SafetensorsFile file = SafetensorsFile::open(golden(variant) / "golden.safetensors").value();
  const Batch batch = all_sequences(file, model.family().name == std::string("bert"), kind);
  Graph graph = model.graph({.loss = true});
  Builder g(graph);
  const Value seed = g.input("seed", {Dim{1, -1}});
  const auto wanted = trainable_weights(graph, [&](const std::string& name) { return model.weights().at(name).role == Role::trainable; });
  const Gradients gradients = differentiate(graph, loss_seeds(graph, seed), wanted);
  for (const auto& [weight, gradient] : gradients.of) graph.outputs["grad." + graph.values[size_t(weight)].name] = gradient;
  CompileOptions options = capacities(batch);
  options.pack_weights = false;
  Workspace run(compile(graph, model.weights(), options, &pool), pool);
  bind(run, batch);
  const float factor = 1.0f / about["targets"].get<float>();
  run.input("seed", &factor);
  run.run();
  const float auxiliary = graph.outputs.contains("auxiliary_loss") ? run.output<float>("auxiliary_loss")[0] : 0;
  CHECK((auxiliary > 0) == (model.config().num_experts > 0));
  CHECK((run.output<float>("loss")[0] + auxiliary) * factor == doctest::Approx(file.tensor("loss").value().data<float>()[0]).epsilon(loss_tolerance));
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
    if (name.ends_with("k_proj.bias"))
      scale = largest(file.tensor(theirs.substr(0, theirs.size() - 11) + "q_proj.bias").value().data<float>(), expected.numel());
    const std::string query = theirs.substr(0, theirs.size() - std::min<size_t>(8, theirs.size())) + "query.bias";
    if (name.ends_with("key.bias") && file.find(query))  // no gradient in exact arithmetic: bounded by the query's
      scale = largest(file.tensor(query).value().data<float>(), expected.numel());
    CHECK(difference(ours, expected.data<float>(), expected.numel()) <= tolerance * scale);
    ++checked;
  }
  CHECK(checked == int(wanted.size()));
}

}  // namespace

TEST_CASE("the loss and the gradient of every parameter equal transformers'") {
  for (const auto* variants : {&kVariants, &kEncoderDecoders})
    for (const std::string& variant : *variants) check_gradients(variant, DType::f32, 2e-6, 1e-5);
}

TEST_CASE("products of bf16 give gradients near those") {
  for (const std::string variant : {"gpt2", "llama-grouped", "llama-bf16"}) check_gradients(variant, DType::bf16, 5e-3, 0.05);
}

namespace {
// The golden of a tied model, with a tensor that `change` adds or takes away, saved and loaded.
Model changed(const std::string& variant, const std::filesystem::path& folder, const std::function<void(NamedTensors&)>& change) {
  CheckpointContents contents = Model::load(golden(variant)).value().contents(DType::f32).value();
  change(contents.tensors);
  save_checkpoint(folder, contents).value();
  return Model::load(folder).value();
}

Tensor& named(NamedTensors& tensors, const std::string& name) {
  return std::find_if(tensors.begin(), tensors.end(), [&](const auto& one) { return one.first == name; })->second;
}
}  // namespace

TEST_CASE("tied weights of which a file holds two are one if they are equal, and two if they differ") {
  const TemporaryFolder folder("tied");
  const auto repeat = [](float factor) {
    return [factor](NamedTensors& tensors) {
      Tensor copy = named(tensors, "model.embed_tokens.weight").clone();
      copy.mutable_data<float>()[0] *= factor;
      tensors.push_back({"lm_head.weight", copy});
    };
  };
  CHECK(changed("llama-tied", folder.path() / "equal", repeat(1)).config().tied);
  const Model untied = changed("llama-tied", folder.path() / "different", repeat(2));
  CHECK_FALSE(untied.config().tied);
  CHECK(untied.weights().all().contains("lm_head.weight"));
  const CheckpointContents saved = untied.contents(DType::f32).value();
  CHECK(saved.config.at("tie_word_embeddings") == false);
  CHECK(std::count_if(saved.tensors.begin(), saved.tensors.end(), [](const auto& one) { return one.first == "lm_head.weight"; }) == 1);
}

TEST_CASE("of tied weights a file may hold either") {
  const TemporaryFolder folder("either");
  const auto rename = [](const std::string& from, const std::string& to) {
    return [from, to](NamedTensors& tensors) {
      std::find_if(tensors.begin(), tensors.end(), [&](const auto& one) { return one.first == from; })->first = to;
    };
  };
  const Model head = changed("llama-tied", folder.path() / "head", rename("model.embed_tokens.weight", "lm_head.weight"));
  CHECK(head.config().tied);
  CHECK(head.contents(DType::f32).value().tensors.size() == Model::load(golden("llama-tied")).value().weights().all().size());
  const Model bias = changed("bert-masked", folder.path() / "bias", rename("cls.predictions.bias", "cls.predictions.decoder.bias"));
  CHECK(bias.weights().all().contains("cls.predictions.bias"));
}

TEST_CASE("norms of BERT may have the names that TensorFlow gave them, and are saved with today's") {
  const TemporaryFolder folder("gamma");
  const Model modern = Model::load(golden("bert-masked")).value();
  const Model old = changed("bert-masked", folder.path() / "old", [](NamedTensors& tensors) {
    for (auto& [name, tensor] : tensors)
      for (const auto& [ours, theirs] : {std::pair<std::string, std::string>{"LayerNorm.weight", "LayerNorm.gamma"}, {"LayerNorm.bias", "LayerNorm.beta"}})
        if (name.ends_with(ours)) name = name.substr(0, name.size() - ours.size()) + theirs;
  });
  REQUIRE(old.weights().all().size() == modern.weights().all().size());
  for (const auto& [name, weight] : modern.weights().all()) CHECK(std::memcmp(old.weights().at(name).value.raw(), weight.value.raw(), weight.value.bytes()) == 0);
  const NamedTensors saved = old.contents(DType::f32).value().tensors, expected = modern.contents(DType::f32).value().tensors;
  CHECK(saved.size() == expected.size());
  for (const auto& [name, tensor] : saved) CHECK(name.find("gamma") == std::string::npos);
}

TEST_CASE("experts that a file keeps in one tensor are saved one by one, with the same bits") {
  const TemporaryFolder folder("experts");
  const Model model = Model::load(golden("mixtral-fused")).value();
  model.save(folder.path(), DType::f32).value();
  const SafetensorsFile fused = SafetensorsFile::open(golden("mixtral-fused") / "model.safetensors").value(), saved = SafetensorsFile::open(folder.path() / "model.safetensors").value();
  const int64_t inner = model.config().intermediate_size, hidden = model.config().hidden_size;
  const Tensor all = fused.tensor("model.layers.1.mlp.experts.gate_up_proj").value();
  const auto same = [&](const std::string& name, const float* expected, int64_t count) {
    const Tensor one = saved.tensor(name).value();
    CHECK(one.numel() == count);
    CHECK(std::memcmp(one.raw(), expected, size_t(count) * sizeof(float)) == 0);
  };
  for (int64_t e = 0; e < model.config().num_experts; ++e) {
    const std::string at = "model.layers.1.block_sparse_moe.experts." + std::to_string(e);
    same(at + ".w1.weight", all.data<float>() + 2 * e * inner * hidden, inner * hidden);
    same(at + ".w3.weight", all.data<float>() + (2 * e + 1) * inner * hidden, inner * hidden);
    same(at + ".w2.weight", fused.tensor("model.layers.1.mlp.experts.down_proj").value().data<float>() + e * hidden * inner, hidden * inner);
  }
  CHECK(!saved.find("model.layers.1.mlp.experts.gate_up_proj"));
  CHECK(!saved.find("model.layers.1.mlp.gate.weight"));
}

TEST_CASE("a router's logits can be looked at, and an expert of weight zero is as if it said nothing") {
  ThreadPool pool(2);
  Model model = Model::load(golden("mixtral")).value();
  const Batch batch = all_sequences(SafetensorsFile::open(golden("mixtral") / "golden.safetensors").value(), false, "none");
  GraphOptions options;
  options.taps = {"layers.1.router_logits", "layers.1.router_probs", "layers.1.routing", "layers.1.mlp_out"};
  options.sites = {"layers.1.routing"};
  Workspace run(compile(model.graph(options), model.weights(), capacities(batch), &pool), pool);
  bind(run, batch);
  run.run();
  const int64_t rows = int64_t(batch.ids.size()), experts = model.config().num_experts, hidden = model.config().hidden_size;
  const float* routing = run.output<float>("tap:layers.1.routing");
  std::vector<float> weights(routing, routing + rows * experts), before(run.output<float>("tap:layers.1.mlp_out"), run.output<float>("tap:layers.1.mlp_out") + rows * hidden);
  for (int64_t r = 0; r < rows; ++r) {
    const float *row = &weights[size_t(r * experts)], *logits = run.output<float>("tap:layers.1.router_logits") + r * experts;
    CHECK(std::count(row, row + experts, 0.0f) == experts - model.config().experts_per_token);
    CHECK(std::accumulate(row, row + experts, 0.0) == doctest::Approx(1).epsilon(1e-6));
    CHECK(std::max_element(row, row + experts) - row == std::max_element(logits, logits + experts) - logits);
  }
  const std::vector<Intervention> table = {{.site = "layers.1.routing", .column_begin = 2, .column_end = 3}};
  run.run({.interventions = &table});
  for (int64_t r = 0; r < rows; ++r) {
    const bool chosen = weights[size_t(r * experts + 2)] > 0;
    CHECK((std::memcmp(run.output<float>("tap:layers.1.mlp_out") + r * hidden, &before[size_t(r * hidden)], size_t(hidden) * sizeof(float)) != 0) == chosen);
  }
}
