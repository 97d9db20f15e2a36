#include "graph/passes/fuse.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "graph/graph_case.h"
#include "graph/op.h"

using namespace orrery;

namespace {

// How many nodes of an op a graph has.
int64_t count(const Graph& graph, const Op& op) {
  return std::count_if(graph.nodes.begin(), graph.nodes.end(), [&](const Node& node) { return node.op == &op; });
}

Graph fused(Graph graph) {
  drop_dead_nodes(graph);
  fuse(graph);
  return graph;
}

// A decoder's layer with widths that fill no panel, and rows for more than one tile.
void layer(GraphCase& c, const std::vector<int64_t>& counts, int64_t width, int64_t inner) {
  c.space("tokens", counts);
  Value x = c.rows("x", width);
  const auto matrix = [&](const std::string& name, int64_t n, int64_t k) { return c.weight(name, {n, k}, 0.2); };
  const Value q = linear(x, matrix("q", width, width), c.weight("q bias", {width}));
  const Value k = linear(x, matrix("k", inner, width));
  const Value v = linear(x, matrix("v", inner, width), c.weight("v bias", {inner}));
  x = x + linear(q * 0.5, matrix("o", width, width), c.weight("o bias", {width}));
  const Value inside = gated(Unary::silu, linear(x, matrix("gate", inner, width)), linear(x, matrix("up", inner, width), c.weight("up bias", {inner})));
  x = linear(inside, matrix("down", width, inner)) + x;
  x = x + linear(unary(Unary::gelu, linear(x, matrix("first", inner, width), c.weight("first bias", {inner}))), matrix("second", width, inner));
  const Value turned = linear(unary(Unary::gelu_tanh, linear(x, matrix("in", width, inner), std::nullopt, true)), matrix("out", inner, width), std::nullopt, true);
  c.g.output("k", k);
  c.g.output("v", v);
  c.add(x + turned);
  c.differentiate();
}

}  // namespace

TEST_CASE("steps that are fused compute the same bits as one by one") {
  ThreadPool one(1), two(2), three(3);
  struct Size {
    std::vector<int64_t> counts;
    int64_t width, inner;
  };
  for (const Size& size : std::vector<Size>{{{1}, 40, 33}, {{3, 1, 4}, 65, 130}, {{1}, 256, 600}, {{250, 7}, 70, 290}}) {
    CAPTURE(size.width);
    GraphCase c;
    layer(c, size.counts, size.width, size.inner);
    CHECK(count(fused(c.forward), fused_linear_op()) == 8);
    CHECK(count(fused(c.forward), linear_op()) == 0);
    const Results expected = CaseRun<float>(c, one, {.forward_only = true}).run();
    for (ThreadPool* pool : {&one, &two, &three}) {
      CaseRun<float> run(c, *pool, {.forward_only = true, .pack_weights = true});
      CHECK(bits_apart(run.run(), expected) == "");
      run.workspace().poison();
      CHECK(bits_apart(run.run(), expected) == "");
    }
    CHECK(bits_apart(CaseRun<double>(c, two, {.forward_only = true, .pack_weights = true}).run(), CaseRun<double>(c, one, {.forward_only = true}).run()) == "");
    CHECK(bits_apart(CaseRun<float>(c, two, {.pack_weights = true}).run(), CaseRun<float>(c, one).run()) == "");
  }
}

TEST_CASE("fused products of blocks and of int8, of one format and of several, compute the same bits as one by one") {
  ThreadPool one(1), two(2);
  const std::map<std::string, BlockFormat> same = {{"q", BlockFormat::q8_0}, {"k", BlockFormat::q8_0}, {"v", BlockFormat::q8_0}, {"gate", BlockFormat::q4_0}, {"up", BlockFormat::q4_0}, {"o", BlockFormat::q5_1}};
  std::map<std::string, BlockFormat> mixed = same;
  mixed["k"] = BlockFormat::q4_1;
  mixed["up"] = BlockFormat::q8_0;
  mixed.erase("q");
  struct Way {
    std::map<std::string, BlockFormat> blocks;
    bool int8;
  };
  for (const int64_t rows : {1, 5, 60, 257, 1000})
    for (const Way& way : {Way{same, false}, Way{mixed, false}, Way{mixed, true}, Way{{}, true}}) {
      CAPTURE(rows);
      CAPTURE(way.int8);
      const CaseOptions options{.forward_only = true, .pack_weights = true, .blocks = way.blocks, .int8 = way.int8};
      GraphCase c;
      layer(c, {rows}, 64, 96);
      const Results expected = one_by_one(c, one, options);
      for (ThreadPool* pool : {&one, &two}) CHECK(bits_apart(CaseRun<float>(c, *pool, options).run(), expected) == "");
    }
}

TEST_CASE("what somebody else reads stays a value of its own") {
  GraphCase c;
  c.space("tokens", {2});
  const Value x = c.rows("x", 8);
  const Value gate = linear(x, c.weight("gate", {8, 8})), up = linear(x, c.weight("up", {8, 8})), inside = linear(x, c.weight("inside", {8, 8}));
  c.g.output("y", gated(Unary::silu, gate, up) + unary(Unary::relu, inside));
  Graph graph = fused(c.graph);
  CHECK(count(graph, fused_linear_op()) == 2);
  CHECK(count(graph, linear_op()) == 0);

  c.g.output("tap", gate);
  c.g.output("other tap", inside);
  graph = fused(c.graph);
  CHECK(count(graph, gated_op()) == 1);
  CHECK(count(graph, unary_op()) == 1);
  CHECK(count(graph, fused_linear_op()) == 1);   // all three side by side
  for (size_t i = 0; i < graph.nodes.size(); ++i)
    for (int output : graph.nodes[i].outputs) CHECK(graph.values[size_t(output)].node == int(i));
}

TEST_CASE("weights that are computed, other rows and other orientations are left alone") {
  GraphCase c;
  c.space("tokens", {2});
  const Value x = c.rows("x", 8), z = c.rows("z", 8);
  const Value a = c.weight("a", {8, 8}), b = c.weight("b", {8, 8});
  c.g.output("sum", linear(x, a + b));
  c.g.output("gated", gated(Unary::silu, linear(x, a), linear(z, b)));
  c.g.output("turned", gated(Unary::silu, linear(x, a), linear(x, b, std::nullopt, true)));
  c.g.output("row", linear(x, a) + c.weight("row", {8}));
  const Graph graph = fused(c.graph);
  CHECK(count(graph, gated_op()) == 2);
  CHECK(count(graph, binary_op()) == 2);
  CHECK(count(graph, linear_op()) == 3);
  CHECK(count(graph, fused_linear_op()) == 1);   // x a, three times
}
