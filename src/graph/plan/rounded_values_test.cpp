#include "graph/plan/rounded_values.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "graph/graph_case.h"
#include "graph/ops/products.h"

using namespace orrery;

namespace {

// Two feed-forward parts, one of a gate and one of an activation: between their linears lie values `inner` wide.
void feed_forward(GraphCase& c, int64_t rows, int64_t width, int64_t inner) {
  c.space("tokens", {rows});
  Value x = c.rows("x", width);
  const auto matrix = [&](const std::string& name, int64_t n, int64_t k) { return c.weight(name, {n, k}, 0.2); };
  const Value gate = linear(x, matrix("gate", inner, width), c.weight("gate bias", {inner}));
  x = x + linear(gated(Unary::silu, gate, linear(x, matrix("up", inner, width))), matrix("down", width, inner));
  x = linear(unary(Unary::gelu, linear(x, matrix("first", inner, width), c.weight("first bias", {inner}))), matrix("second", width, inner), c.weight("second bias", {width}));
  c.add(x);
  c.differentiate();
}

int64_t rounded_values(const Graph& graph) {
  return std::count_if(graph.values.begin(), graph.values.end(), [](const ValueInfo& value) { return value.element == Element::rounded; });
}

}  // namespace

TEST_CASE("values that a product of bf16 alone reads are stored rounded, with the same bits") {
  ThreadPool one(1), two(2), three(3);
  struct Size {
    int64_t rows, width, inner, rounded;
  };
  const int64_t of_1200 = most_kept_rows(kernels(), 1200) > 0 ? 2 : 0;
  // Few rows; rows for several tasks; results for several rooms; few that are too long to be packed together, and too long at all; an odd width.
  for (const Size& size : std::vector<Size>{{1, 64, 96, 2}, {3, 40, 34, 2}, {20, 96, 64, 2}, {224, 64, 130, 2}, {225, 64, 130, 2}, {515, 33, 66, 2}, {300, 40, 1100, 2}, {200, 40, 1100, 2}, {200, 1200, 1100, of_1200}, {226, 7424, 2, 0}, {60, 40, 33, 0}, {300, 40, 33, 0}}) {
    CAPTURE(size.rows);
    CAPTURE(size.width);
    GraphCase c;
    feed_forward(c, size.rows, size.width, size.inner);
    const CaseOptions options{.forward_only = true, .pack_weights = true, .products = DType::bf16};
    const Results expected = one_by_one(c, two, options);
    for (ThreadPool* pool : {&one, &two, &three}) {
      CaseRun<float> run(c, *pool, options);
      CHECK(rounded_values(run.workspace().plan().graph()) == size.rounded);
      CHECK(bits_apart(run.run(), expected) == "");
      run.workspace().poison();
      CHECK(bits_apart(run.run(), expected) == "");
    }
  }
}

TEST_CASE("values that are stored rounded take half the memory, and nothing beside it") {
  ThreadPool pool(1);
  GraphCase c;
  feed_forward(c, 1000, 32, 640);
  const auto arena = [&](DType products) {
    CaseRun<float> run(c, pool, {.forward_only = true, .pack_weights = true, .products = products});
    return run.workspace().plan().memory(1).arena;
  };
  const int64_t floats = 1000 * 640 * 4;
  CHECK(arena(DType::f32) >= 2 * floats);   // of the gate and of what it is multiplied with
  CHECK(arena(DType::bf16) <= floats / 2 + 3 * 1000 * 32 * 4 + 1000);
}

TEST_CASE("values that others read, or that are floats or doubles, are not stored rounded") {
  ThreadPool pool(1);
  const auto count = [&](const std::vector<std::string>& outputs, const CaseOptions& options, bool doubles) {
    GraphCase c;
    feed_forward(c, 2, 32, 64);
    for (const Node& node : c.forward.nodes)
      for (const std::string& name : outputs)
        if (name == node.op->name) c.forward.outputs[name] = node.outputs[0];
    if (doubles) return rounded_values(CaseRun<double>(c, pool, options).workspace().plan().graph());
    return rounded_values(CaseRun<float>(c, pool, options).workspace().plan().graph());
  };
  const CaseOptions bf16{.forward_only = true, .pack_weights = true, .products = DType::bf16};
  CHECK(count({}, bf16, false) == 2);
  CHECK(count({"gated"}, bf16, false) == 1);
  CHECK(count({"gated", "unary"}, bf16, false) == 0);
  CHECK(count({}, bf16, true) == 0);
  CHECK(count({}, {.forward_only = true, .pack_weights = true}, false) == 0);
  CHECK(count({}, {.forward_only = true, .products = DType::bf16}, false) == 0);
}
