#include <doctest/doctest.h>

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <set>

#include "graph/ops/op_cases.h"
#include "kernels/kernels.h"

using namespace orrery;

namespace {

// Holds every gradient to central differences of the objective; empty when all agree.
std::string gradient_apart(const GraphCase& c, ThreadPool& pool) {
  CaseRun<double> whole(c, pool), forward(c, pool, {.forward_only = true, .objective_only = true});
  const Results results = whole.run();
  for (int id : c.wanted) {
    const std::string& name = c.graph.values[size_t(id)].name;
    const std::span<double> numbers = forward.numbers(name);
    std::vector<double> expected;
    double largest = 1e-3;
    for (double& number : numbers) {
      const double kept = number, step = 1e-5 * std::max(1.0, std::fabs(kept));
      number = kept + step;
      const double above = forward.run().at("objective")[0];
      number = kept - step;
      const double below = forward.run().at("objective")[0];
      number = kept;
      expected.push_back((above - below) / (2 * step));
      largest = std::max(largest, std::fabs(expected.back()));
    }
    const auto found = results.find("d " + name);
    const std::vector<double> gradient = found == results.end() ? std::vector<double>(expected.size(), 0.0) : found->second;
    if (gradient.size() != expected.size()) return "the gradient of " + name + " has another size";
    for (size_t i = 0; i < expected.size(); ++i)
      if (!(std::fabs(gradient[i] - expected[i]) <= 1e-6 * largest))
        return "d " + name + "[" + std::to_string(i) + "] is " + std::to_string(gradient[i]) + ", differences give " + std::to_string(expected[i]);
  }
  return "";
}

std::unique_ptr<GraphCase> make(const OpCase& op_case) {
  auto c = std::make_unique<GraphCase>();
  op_case.build(*c);
  c->differentiate();
  return c;
}

}  // namespace

TEST_CASE("every gradient is that of finite differences") {
  ThreadPool pool(1);
  for (const OpCase& op_case : op_cases()) {
    INFO(std::string(op_case.name));
    CHECK(gradient_apart(*make(op_case), pool) == "");
  }
}

TEST_CASE("every op is in a case, or in a test of its own") {
  std::set<const Op*> seen = {&append_keys_op(), &cached_attention_op(), &attention_pattern_op(), &attention_scores_op(), &additive_pattern_op(), &cached_scan_op(), &keep_rows_op(), &source_rows_op(), &fused_linear_op(), &intervene_op(), &source_keys_op()};
  std::set<const Op*> forward;
  for (const OpCase& op_case : op_cases()) {
    const auto c = make(op_case);
    for (const Node& node : c->graph.nodes) seen.insert(node.op);
    for (const Node& node : c->forward.nodes) forward.insert(node.op);
  }
  const char* before = "";
  for (const Op* op : all_ops()) {
    INFO(std::string(op->name));
    CHECK(std::string(before) < op->name);
    before = op->name;
    CHECK(find_op(op->name) == op);
    CHECK(seen.contains(op));
    if (op->gradient) CHECK(forward.contains(op));
    CHECK((op->shape && op->cost && op->run_f32 && op->run_f64));
  }
}

TEST_CASE("f32 computes what f64 computes") {
  ThreadPool pool(2);
  for (const OpCase& op_case : op_cases()) {
    INFO(std::string(op_case.name));
    const auto c = make(op_case);
    const Results exact = CaseRun<double>(*c, pool).run();
    CHECK(values_apart(CaseRun<float>(*c, pool).run(), exact, c->tolerance) == "");
    CHECK(values_apart(CaseRun<float>(*c, pool, {.pack_weights = true}).run(), exact, c->tolerance) == "");
  }
}

TEST_CASE("every class of kernels computes what f64 computes") {
  if (std::getenv("ORRERY_KERNELS")) return;    // this process is forced to one class already
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  for (const Kernels<float>* table : runnable_kernels()) {
    INFO(std::string(table->name));
    const std::string command = std::string("ORRERY_KERNELS=") + table->name + " '" + self + "' --test-case='f32 computes*,bits*'";
    FILE* const told = ::popen(command.c_str(), "r");
    REQUIRE(told != nullptr);
    std::string text;
    for (char line[256]; std::fgets(line, sizeof line, told);) text += line;
    CAPTURE(text);
    CHECK(::pclose(told) == 0);
    CHECK(text.find(" 3 passed") != std::string::npos);   // all of them were there
  }
}

TEST_CASE("bits do not depend on threads, capacities, memory or packed weights") {
  ThreadPool one(1), two(2), three(3);
  for (const OpCase& op_case : op_cases()) {
    INFO(std::string(op_case.name));
    const auto c = make(op_case);
    const Results expected = CaseRun<float>(*c, one).run();
    CHECK(bits_apart(CaseRun<float>(*c, two).run(), expected) == "");
    CHECK(bits_apart(CaseRun<float>(*c, three, {.spare = 5}).run(), expected) == "");
    CHECK(bits_apart(CaseRun<float>(*c, two, {.pack_weights = true}).run(), expected) == "");
    Results kept;
    for (const auto& [name, values] : expected)
      if (name[0] != 'y') kept[name] = values;
    CaseRun<float> poisoned(*c, two, {.objective_only = true});
    for (int repeat = 0; repeat < 2; ++repeat) {
      poisoned.workspace().poison();
      CHECK(bits_apart(poisoned.run(), kept) == "");
    }
  }
}

TEST_CASE("bits of a sequence do not depend on its neighbours, gradients included") {
  ThreadPool pool(2);
  int separable = 0;
  for (const OpCase& op_case : op_cases()) {
    INFO(std::string(op_case.name));
    const auto c = make(op_case);
    if (!c->separable()) continue;
    ++separable;
    const Results together = CaseRun<float>(*c, pool).run();
    for (size_t s = 0; s < c->spaces.begin()->second.size(); ++s) {
      CAPTURE(s);
      const Results alone = CaseRun<float>(*c, pool, {.only = int(s)}).run();
      Results part, part_alone;
      for (const auto& [name, values] : together) {
        const Dims& dims = c->graph.values[size_t(c->graph.outputs.at(name))].dims;
        if (!c->by_sequence(dims)) continue;
        part[name] = c->part_of(values, dims, s);
        part_alone[name] = alone.at(name);
      }
      CHECK(bits_apart(part_alone, part) == "");
    }
  }
  CHECK(separable > 30);
}
