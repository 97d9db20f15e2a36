#include "graph/plan/plan.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <thread>

#include "graph/ops/op_cases.h"
#include "graph/tiny_decoder.h"
#include "kernels/kernels.h"

using namespace orrery;

namespace {

// A graph of elementwise and matrix ops that read values again long after they were made.
Graph random_graph(Random& random) {
  Graph graph;
  Builder g(graph);
  std::vector<Value> values = {g.input_rows("x", "tokens", 4)};
  const auto any = [&] { return values[size_t(random.below(values.size()))]; };
  for (int i = 0; i < 30; ++i) {
    const Value a = any(), b = any();
    switch (random.below(7)) {
      case 0: values.push_back(a + b); break;
      case 1: values.push_back(a * 0.5); break;
      case 2: values.push_back(unary(Unary::tanh, a)); break;
      case 3: values.push_back(linear(a, g.weight("w", {4, 4}))); break;
      case 4: values.push_back(gated(Unary::silu, a, b)); break;
      case 5: values.push_back(split_columns(concat_columns({a, b}), {4, 4})[1]); break;
      default: values.push_back(softmax(a)); break;
    }
  }
  for (int i = 0; i < 3; ++i) g.output("y" + std::to_string(i), any() + values.back());
  drop_dead_nodes(graph);
  return graph;
}

// The steps between which a value is needed: from the one that makes it to its last reader, or the end for outputs.
std::vector<std::pair<int, int>> lifetimes(const Graph& graph) {
  std::vector<std::pair<int, int>> lives(graph.values.size(), {-1, -1});
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    for (int output : graph.nodes[i].outputs) lives[size_t(output)] = {int(i), int(i)};
    for (int input : graph.nodes[i].inputs)
      if (input >= 0) lives[size_t(input)].second = int(i);
  }
  for (const auto& [name, value] : graph.outputs) lives[size_t(value)].second = int(graph.nodes.size());
  return lives;
}

struct Doubler {     // y = 2 x + w over "tokens", with some symbols to bind
  Graph graph;
  WeightStore weights;
  ThreadPool pool{1};
  Doubler() {
    Builder g(graph);
    const Value x = g.input_rows("x", "tokens", 2);
    g.output("y", x * 2.0 + g.weight("w", {2}));
    g.output("chosen", select_rows(x, g.input_indices("rows", "logit_rows")));
    weights.add("w", {Tensor::from(std::vector<float>{10, 20}, {2}), Role::trainable, 1, {}});
  }
  Workspace workspace(CompileOptions options = {}) {
    if (options.capacity.empty()) options.capacity = {{"tokens", 4}, {"logit_rows", 2}};
    return Workspace(compile(graph, weights, options, &pool), pool);
  }
};

std::string error_of(Workspace& workspace, const std::atomic<bool>* stop = nullptr) {
  try {
    workspace.run({}, stop);
  } catch (const Error& error) {
    return error.what;
  }
  return "";
}

}  // namespace

TEST_CASE("values that live at the same time lie apart in the arena") {
  Random random(1);
  int64_t shared = 0;
  for (int repeat = 0; repeat < 200; ++repeat) {
    const Graph graph = random_graph(random);
    const Sizes sizes{{5}};
    const MemoryLayout layout = lay_out(graph, sizes, DType::f32, {});
    const auto lives = lifetimes(graph);
    int64_t all = 0;
    for (size_t a = 0; a < graph.values.size(); ++a) {
      if (lives[a].first < 0 || graph.values[a].kind != ValueKind::computed) continue;
      const int64_t begin = layout.value_offset[a], end = begin + 4 * sizes.count(graph.values[a].dims);
      all += end - begin;
      REQUIRE((begin >= 0 && begin % 64 == 0 && end <= layout.arena_bytes));
      for (size_t b = 0; b < a; ++b) {
        if (lives[b].first < 0 || graph.values[b].kind != ValueKind::computed) continue;
        const int64_t other = layout.value_offset[b], other_end = other + 4 * sizes.count(graph.values[b].dims);
        // In place, a step may write over the input that it is the last to read.
        const bool together = lives[a].first < lives[b].second && lives[b].first < lives[a].second;
        const bool same_step = lives[a].first == lives[b].first;
        if (together || same_step) CHECK((end <= other || other_end <= begin));
      }
    }
    for (size_t i = 0; i < graph.nodes.size(); ++i) {   // scratch, beside everything that the step reads and writes
      const int64_t at = layout.scratch_offset[i];
      if (at < 0) continue;
      const int64_t end = at + graph.nodes[i].op->scratch(graph, graph.nodes[i], sizes, DType::f32);
      for (size_t v = 0; v < graph.values.size(); ++v) {
        if (lives[v].first < 0 || lives[v].first > int(i) || lives[v].second < int(i) || graph.values[v].kind != ValueKind::computed) continue;
        const int64_t begin = layout.value_offset[v];
        CHECK((end <= begin || begin + 4 * sizes.count(graph.values[v].dims) <= at));
      }
    }
    shared += layout.arena_bytes < all;
  }
  CHECK(shared > 170);    // and most of them share
}

TEST_CASE("sharing memory changes no bit") {
  Random random(2);
  ThreadPool pool(2);
  const std::vector<float> x = {1, -2, 3, 0.5f, 2, 2, -1, 0, 4, -3, 1, 1};
  WeightStore weights;
  weights.add("w", {Tensor::from(std::vector<float>{0.5f, -1, 0.25f, 1, 1, 0.5f, -0.5f, 0, 0, 1, -1, 0.5f, 0.75f, 0, 1, -1}, {4, 4}), Role::trainable, 1, {}});
  for (int repeat = 0; repeat < 50; ++repeat) {
    const Graph graph = random_graph(random);
    Graph everything = graph;     // with every value an output nothing is overwritten
    for (const Node& node : graph.nodes)
      for (int output : node.outputs) everything.outputs["value " + std::to_string(output)] = output;
    std::vector<std::vector<float>> results[2];
    for (int kept = 0; kept < 2; ++kept) {
      Workspace workspace(compile(kept ? everything : graph, weights, {.compute = DType::f32, .capacity = {{"tokens", 3}}, .external = {}}, &pool), pool);
      workspace.poison();
      workspace.rows("tokens").append(3);
      workspace.input("x", x.data());
      workspace.run();
      for (int y = 0; y < 3; ++y) {
        const float* data = workspace.output<float>("y" + std::to_string(y));
        results[kept].emplace_back(data, data + 12);
      }
    }
    for (size_t y = 0; y < 3; ++y) CHECK(bits_equal(results[0][y], results[1][y]));
  }
}

TEST_CASE("an output can go to the caller's memory") {
  Doubler d;
  CompileOptions options;
  options.capacity = {{"tokens", 4}, {"logit_rows", 2}};
  options.external = {"y"};
  Workspace w = d.workspace(options);
  CHECK(w.plan().memory(1).arena < d.workspace().plan().memory(1).arena);
  const std::vector<float> x = {1, 2, 3, 4};
  const std::vector<int32_t> rows = {1};
  w.rows("tokens").append(2);
  w.size("logit_rows", 1);
  w.input("x", x.data());
  w.input("rows", rows.data());
  CHECK(error_of(w) == "output 'y' has no memory: the plan leaves it to the caller");
  std::vector<float> mine(4), other(4);
  for (std::vector<float>* memory : {&mine, &other}) {
    w.external("y", memory->data());
    w.run();
    CHECK(*memory == std::vector<float>{12, 24, 16, 28});
    CHECK(w.output<float>("y") == memory->data());
  }
  CHECK(w.output<float>("chosen")[1] == 4);
}

TEST_CASE("a gradient that goes to the caller's memory is summed there") {
  ThreadPool pool(2);
  GraphCase c;
  cases::tied_weights(c);
  c.differentiate();
  const Results expected = CaseRun<float>(c, pool).run();
  WeightStore weights;
  for (const auto& [name, data] : c.weights) weights.add(name, {Tensor::from(std::vector<float>(data.values.begin(), data.values.end()), name == "w" ? std::vector<int64_t>{4, 4} : std::vector<int64_t>{5, 4}), Role::trainable, 1, {}});
  CompileOptions options;
  options.capacity = {{"tokens", 8}, {"tokens.sequences", 3}};
  options.pack_weights = false;
  options.external = {"d table"};
  Workspace workspace(compile(c.graph, weights, options, &pool), pool);
  std::map<std::string, std::vector<float>> reals;
  for (int64_t count : c.spaces.at("tokens")) workspace.rows("tokens").append(count);
  for (const auto& [name, data] : c.inputs) {
    reals[name].assign(data.values.begin(), data.values.end());
    workspace.input(name, data.indices.empty() ? static_cast<const void*>(reals[name].data()) : data.indices.data());
  }
  std::vector<float> gradient(20, std::numeric_limits<float>::quiet_NaN());
  workspace.external("d table", gradient.data());
  workspace.run();
  CHECK(std::vector<double>(gradient.begin(), gradient.end()) == expected.at("d table"));
}

TEST_CASE("what a run brings beyond the plan's capacity, or fails to bring, is refused") {
  Doubler d;
  Workspace w = d.workspace();
  const std::vector<float> x(10, 1.0f);
  const std::vector<int32_t> rows = {0, 4, 0};
  w.rows("tokens").append(4);
  w.size("logit_rows", 1);
  CHECK(error_of(w).find("is not bound") != std::string::npos);
  w.input("x", x.data());
  w.input("rows", rows.data());
  CHECK(error_of(w) == "");
  w.rows("tokens").append(1);
  CHECK(error_of(w) == "5 tokens in a plan made for 4");
  w.rows("tokens") = {};
  w.rows("tokens").append(4);
  w.size("logit_rows", 3);
  CHECK(error_of(w) == "3 logit_rows in a plan made for 2");
  w.size("logit_rows", 2);
  CHECK(error_of(w).find("row 4 is outside") != std::string::npos);
  CHECK_THROWS_AS(w.rows("nothing"), Error);
  CHECK_THROWS_AS(w.output<float>("nothing"), Error);
  CHECK_THROWS_AS(w.output_shape("nothing"), Error);
}

TEST_CASE("weights are held to the shapes of the graph") {
  Doubler d;
  d.weights.add("w", {Tensor::zeros(DType::f32, {3}), Role::trainable, 1, {}});
  CHECK_THROWS_AS(d.workspace(), Error);
  d.weights = WeightStore();
  CHECK_THROWS_AS(d.workspace(), Error);
}

TEST_CASE("a run of no rows reads nothing that is not there") {
  ThreadPool pool(2);
  for (const OpCase& op_case : op_cases()) {
    INFO(std::string(op_case.name));
    GraphCase c;
    op_case.build(c);
    c.differentiate();
    CaseRun<float> run(c, pool);
    for (const auto& [name, counts] : c.spaces)
      if (run.workspace().plan().graph().find_symbol(name) >= 0) run.workspace().rows(name) = {};
    for (const auto& [name, size] : c.sizes) run.workspace().size(name, 0);
    run.workspace().poison();
    const Results results = run.run();
    for (const auto& [name, values] : results)
      for (double value : values) CHECK(std::isfinite(value));   // of weights' gradients: the arena held NaN
  }
}

TEST_CASE("sequences without rows are nothing among others") {
  ThreadPool pool(2);
  TinyDecoder decoder;
  DecoderRun run(decoder, decoder.graph, pool);
  const std::vector<int32_t> ids = TinyDecoder::text(6, 1);
  const auto expected = run.run(ids);
  const auto results = run.run({{{}, nullptr, 1}, {ids, nullptr, 2}, {{}, nullptr, 3}});
  CHECK(results[0].empty());
  CHECK(bits_equal(results[1], expected));
}

TEST_CASE("two runs of one plan at the same time give what one after the other gives") {
  TinyDecoder decoder;
  ThreadPool pool(1);
  const std::vector<int32_t> texts[2] = {TinyDecoder::text(70, 1), TinyDecoder::text(40, 2)};
  DecoderRun one_by_one(decoder, decoder.graph, pool);
  const std::vector<float> expected[2] = {one_by_one.run(texts[0]), one_by_one.run(texts[1])};
  const auto plan = compile(decoder.graph, decoder.weights, {.compute = DType::f32, .capacity = {{"tokens", 160}, {"tokens.sequences", 8}}, .external = {}}, &pool);
  bool same[2] = {true, true};
  std::vector<std::thread> threads;
  for (size_t i = 0; i < 2; ++i)
    threads.emplace_back([&, i] {
      ThreadPool own(2);
      Workspace workspace(plan, own);
      for (int repeat = 0; repeat < 5; ++repeat) {
        workspace.rows("tokens") = {};
        workspace.rows("tokens").append(int64_t(texts[i].size()));
        workspace.input("ids", texts[i].data());
        workspace.run();
        const float* logits = workspace.output<float>("logits");
        same[i] = same[i] && bits_equal({logits, logits + texts[i].size() * size_t(TinyDecoder::kVocab)}, expected[i]);
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(same[0]);
  CHECK(same[1]);
}

TEST_CASE("a run can be stopped, and the next one is whole") {
  TinyDecoder decoder;
  ThreadPool pool(2);
  DecoderRun run(decoder, decoder.graph, pool);
  const std::vector<int32_t> ids = TinyDecoder::text(9, 1);
  const auto expected = run.run(ids);
  std::atomic<bool> stop = true;
  try {
    run.run({{ids, nullptr, 0}}, {}, &stop);
    FAIL("the run was not stopped");
  } catch (const Error& error) {
    CHECK(error.kind == ErrorKind::cancelled);
  }
  stop = false;
  CHECK(bits_equal(run.run({{ids, nullptr, 0}}, {}, &stop)[0], expected));
}

TEST_CASE("a plan tells its memory before it runs") {
  TinyDecoder decoder;
  ThreadPool pool(1);
  CompileOptions options;
  options.capacity = {{"tokens", 1}};
  const auto packed = compile(decoder.graph, decoder.weights, options, &pool);
  options.pack_weights = false;
  const auto unpacked = compile(decoder.graph, decoder.weights, options, &pool);
  CHECK(packed->memory(1).derived > unpacked->memory(1).derived);
  CHECK(packed->memory(1).arena < unpacked->memory(1).arena);         // which needs room to pack in
  CHECK(packed->memory(3).scratch == 3 * kThreadScratchBytes);
  const MemoryReport report = packed->memory(2);
  CHECK(report.total() == report.weights + report.derived + report.arena + report.scratch);
  CHECK(decoder.weights.parameters() == 17 * 8 + 2 * (64 + 32 + 32 + 64));
  options.capacity["tokens"] = 64;
  CHECK(compile(decoder.graph, decoder.weights, options, &pool)->memory(1).arena > unpacked->memory(1).arena);
}

TEST_CASE("a plan tells what a run costs") {
  TinyDecoder decoder;
  ThreadPool pool(1);
  const auto plan = compile(decoder.graph, decoder.weights, {}, &pool);
  const double products = 2.0 * 10 * (17 * 8 + 2 * (64 + 32 + 32 + 64)), mixing = 2 * 4.0 * 10 * 30 * 8;
  const double total = plan->cost({{"tokens", 10}}, 30).flops;
  CHECK(total > products + mixing);
  CHECK(total < 1.1 * (products + mixing));        // residuals, rotary positions
}

TEST_CASE("changed weights are packed anew") {
  Doubler d;
  Graph graph;
  Builder g(graph);
  g.output("y", linear(g.input_rows("x", "tokens", 2), g.weight("m", {2, 2})));
  d.weights.add("m", {Tensor::from(std::vector<float>{1, 2, 3, 4}, {2, 2}), Role::trainable, 1, {}});
  const std::vector<float> x = {1, 1};
  const auto run = [&] {
    Workspace workspace(compile(graph, d.weights, {}, &d.pool), d.pool);
    workspace.rows("tokens").append(1);
    workspace.input("x", x.data());
    workspace.run();
    return std::vector<float>(workspace.output<float>("y"), workspace.output<float>("y") + 2);
  };
  CHECK(run() == std::vector<float>{3, 7});
  CHECK(d.weights.derived_bytes() > 0);
  d.weights.at("m").value.mutable_data<float>()[0] = 5;
  d.weights.changed("m");
  CHECK(d.weights.derived_bytes() == 0);
  CHECK(run() == std::vector<float>{7, 7});
  d.weights.at("m").value.mutable_data<float>()[0] = 6;
  d.weights.changed();
  CHECK(run() == std::vector<float>{8, 7});
}

TEST_CASE("16-bit weights are read as they are held, with the bits of widened ones, or near them where rows are split") {
  TinyDecoder decoder;
  ThreadPool pool(2);
  for (DType dtype : {DType::bf16, DType::f16}) {
    TinyDecoder held, widened;
    for (auto& [name, weight] : held.weights.all()) weight.value = weight.value.to(dtype);
    for (auto& [name, weight] : widened.weights.all()) weight.value = weight.value.to(dtype).to(DType::f32);
    DecoderRun a(held, held.graph, pool), b(widened, widened.graph, pool);
    const std::vector<int32_t> ids = TinyDecoder::text(20, 1);
    const std::vector<float> x = a.run(ids), y = b.run(ids);
    if (dtype != DType::bf16 || !kernels().splits_floats) {
      CHECK(bits_equal(x, y));
      continue;
    }
    REQUIRE(x.size() == y.size());
    float most = 0, largest = 0;
    for (size_t i = 0; i < x.size(); ++i) most = std::max(most, std::fabs(x[i] - y[i])), largest = std::max(largest, std::fabs(y[i]));
    CHECK(most <= 2e-6f * largest);
  }
}
